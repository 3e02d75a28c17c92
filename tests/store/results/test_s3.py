"""Results in S3, by the real s3fs over HTTP: whole or not at all, with few rights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from s3fs import S3FileSystem

from fixtures.results import DIRECTORY, EXECUTION, PAIR, WORKFLOW, read, store, write
from fixtures.s3_server import BLOCK_BYTES, BUCKET, PREFIX, S3Server, set_s3_options
from recomamp.errors import InvalidResults
from recomamp.store.results.files import ResultDirectory
from recomamp.store.results.stored_files import StoredFiles

ROOT = Path(__file__).resolve().parents[3]
URL = f"s3://{BUCKET}/{PREFIX}"
IDS = {"workflow_id": WORKFLOW, "execution_id": EXECUTION}
TEXT = "a,b\n1,x\n2,\n"
PART = f"{PREFIX}/{DIRECTORY}/part-00001.parquet"
LARGE = 2 * BLOCK_BYTES + 1000  # three parts


@pytest.fixture
def directory(s3: S3Server) -> ResultDirectory:
    """Give the directory of a result, for files of any content."""
    return ResultDirectory(URL, DIRECTORY, lambda: None)


def write_large(directory: ResultDirectory, name: str = "part-00001.parquet") -> None:
    with directory.open_temporary(name) as file:
        for start in range(0, LARGE, BLOCK_BYTES):
            file.write(b"x" * min(BLOCK_BYTES, LARGE - start))


def policy(name: str) -> str:
    """Return a policy of the guide."""
    page = ROOT / "docs" / "how-to" / "store-results-in-object-storage.md"
    found = re.search(
        rf"<!-- policy: {name} -->\n```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found
    return found[1]


# --- Whole or not at all -------------------------------------------------------------------------


def test_a_result_is_stored_read_compared_and_deleted(tmp_path: Path, s3: S3Server) -> None:
    results = store(tmp_path, write(tmp_path, TEXT, TEXT), PAIR, results_url=URL)

    assert read(results)["a"].to_pylist() == [1, 2, 1, 2]
    assert list(s3.objects()) == [
        f"{PREFIX}/{DIRECTORY}/part-00001.parquet",
        f"{PREFIX}/{DIRECTORY}/part-00002.parquet",
    ]
    listed = [file.as_json() for file in results.files]
    stored = StoredFiles(URL)
    assert stored.find_difference(listed, **IDS) == ""
    with stored.opened_of(results.files[1].uri, **IDS) as file:
        assert pq.read_table(file).num_rows == 2
    stored.delete(listed, **IDS)
    assert s3.objects() == {}
    assert not s3.operations() & {"CreateBucket", "DeleteBucket", "ListMultipartUploads"}


def test_a_file_of_many_parts_appears_when_all_are_complete(
    directory: ResultDirectory, s3: S3Server
) -> None:
    with directory.open_temporary("part-00001.parquet") as file:
        file.write(b"x" * LARGE)
        assert s3.objects() == {}  # a part that is uploaded is no object
        assert len(s3.uploads()) == 1
    (aside,) = s3.objects()
    assert "/_writing-" in aside

    directory.publish(["part-00001.parquet"])

    assert s3.objects() == {PART: LARGE}
    assert s3.uploads() == []


@pytest.mark.parametrize("size_bytes", [1000, LARGE], ids=["one request", "several parts"])
def test_a_load_that_fails_midway_leaves_no_object_and_no_upload(
    directory: ResultDirectory, s3: S3Server, size_bytes: int
) -> None:
    def fail() -> None:
        with directory.open_temporary("part-00001.parquet") as file:
            file.write(b"x" * size_bytes)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert s3.objects() == {}
    assert s3.uploads() == []
    assert "Complete" not in s3.operations()


def test_a_second_load_replaces_the_files_and_removes_what_is_left_over(
    tmp_path: Path, s3: S3Server
) -> None:
    store(tmp_path, write(tmp_path, TEXT, TEXT), PAIR, results_url=URL)
    s3.client().put_object(
        Bucket=BUCKET, Key=f"{PREFIX}/{DIRECTORY}/_writing-dead-part-1", Body=b""
    )
    s3.client().put_object(Bucket=BUCKET, Key=f"{PREFIX}/others.parquet", Body=b"")

    results = store(tmp_path, write(tmp_path, "a,b\n7,z\n"), PAIR, results_url=URL)

    assert read(results)["a"].to_pylist() == [7]
    assert set(s3.objects()) == {PART, f"{PREFIX}/others.parquet"}


# --- Faults --------------------------------------------------------------------------------------


def test_requests_that_s3_refuses_for_now_are_repeated(
    directory: ResultDirectory, s3: S3Server
) -> None:
    for operation in ("Create", "UploadPart", "Complete", "CopyObject"):
        s3.fault(operation, "SlowDown")

    write_large(directory)
    directory.publish(["part-00001.parquet"])

    assert s3.objects() == {PART: LARGE}
    assert [fault for fault in s3.faults if fault.times] == []


@pytest.mark.parametrize("operation", ["UploadPart", "Complete"])
def test_a_storage_that_refuses_for_long_leaves_the_earlier_result(
    tmp_path: Path, s3: S3Server, operation: str
) -> None:
    earlier = store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=URL)
    s3.fault(operation, "InternalError", status=500, times=100)
    directory = ResultDirectory(URL, DIRECTORY, lambda: None)

    with pytest.raises(InvalidResults, match=rf"RECOMAMP_RESULTS_URL: {URL} cannot be written"):
        write_large(directory)
    directory.remove_temporary()

    assert read(earlier)["a"].to_pylist() == [1, 2]
    assert list(s3.objects()) == [PART]
    assert s3.uploads() == []


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied"])
def test_credentials_that_are_refused_are_said_and_the_next_try_succeeds(
    tmp_path: Path, s3: S3Server, code: str
) -> None:
    s3.fault("PutObject", code, status=403)
    parts = write(tmp_path, TEXT)

    with pytest.raises(InvalidResults, match="renew the access"):
        store(tmp_path, parts, PAIR, results_url=URL)
    results = store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=URL)

    assert list(s3.objects()) == [PART]
    assert read(results).num_rows == 2


# --- Rights --------------------------------------------------------------------------------------


@pytest.fixture
def role_of(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Give what makes a role with a policy of the guide, and signs in as it does a pod of EKS."""
    token = tmp_path / "token"
    token.write_text("of the service account", encoding="utf-8")

    def sign_in(name: str) -> None:
        iam = s3.client("iam")
        trust = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=policy(name))
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("AWS_ROLE_ARN", role["Role"]["Arn"])
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", s3.url)
        S3FileSystem.clear_instance_cache()
        s3.asked.clear()
        s3.check_rights_from_now_on()

    yield sign_in
    S3FileSystem.clear_instance_cache()


def test_the_workers_policy_is_enough_and_credentials_are_temporary(
    tmp_path: Path, s3: S3Server, role_of: Callable[[str], None]
) -> None:
    role_of("worker")

    store(tmp_path, write(tmp_path, TEXT, TEXT), PAIR, results_url=URL)
    results = store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=URL)
    write_large(ResultDirectory(URL, DIRECTORY, lambda: None))
    listed = [file.as_json() for file in results.files]
    assert StoredFiles(URL).find_difference(listed, **IDS) == ""
    StoredFiles(URL).delete(listed, **IDS)

    assert {"UploadPart", "CopyObject", "DeleteObjects", "ListBucket"} <= s3.operations()
    for one in s3.asked:
        assert "x-amz-security-token" in one.headers
        assert "Credential=ASIA" in one.headers["authorization"]
        # moto does not check the condition of s3:ListBucket
        assert one.operation != "ListBucket" or one.query["prefix"].startswith(PREFIX)


def test_the_readers_policy_reads_and_does_not_write(
    tmp_path: Path, s3: S3Server, role_of: Callable[[str], None]
) -> None:
    results = store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=URL)
    role_of("reader")

    with StoredFiles(URL).opened_of(results.files[0].uri, **IDS) as file:
        assert pq.read_table(file).num_rows == 2
    with pytest.raises(InvalidResults, match="Access Denied"):
        store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=URL)


@pytest.mark.parametrize("url", [f"s3://{BUCKET}/other", "s3://other-bucket/amc/results"])
def test_the_workers_policy_reaches_nothing_else(
    tmp_path: Path, s3: S3Server, role_of: Callable[[str], None], url: str
) -> None:
    s3.client().create_bucket(Bucket="other-bucket")
    role_of("worker")

    with pytest.raises(InvalidResults, match="Access Denied"):
        store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=url)


# --- Encryption ----------------------------------------------------------------------------------


def test_every_object_is_encrypted_as_the_setting_says(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/results"}
    set_s3_options(monkeypatch, s3, s3_additional_kwargs=encryption)
    directory = ResultDirectory(URL, DIRECTORY, lambda: None)
    write_large(directory)
    with directory.open_temporary("part-00002.parquet") as file:
        file.write(b"x" * 100)
    heads = [s3.client().head_object(Bucket=BUCKET, Key=key) for key in s3.objects()]

    directory.publish(["part-00001.parquet", "part-00002.parquet"])

    heads += [s3.client().head_object(Bucket=BUCKET, Key=key) for key in s3.objects()]
    assert len(heads) == 4
    for head in heads:
        assert head["ServerSideEncryption"] == "aws:kms"
        assert head["SSEKMSKeyId"] == "alias/results"


def test_the_writer_cancels_the_upload_of_a_part_that_is_no_result(
    tmp_path: Path, s3: S3Server
) -> None:
    parts = write(tmp_path, TEXT, "a,b\nno number,x\n")
    with pytest.raises(InvalidResults):
        store(tmp_path, parts, PAIR, results_url=URL)

    assert s3.objects() == {}
    assert s3.uploads() == []
