"""Where results go: object stores, what they refuse, and addresses that readers can open."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest

from fixtures.object_stores import object_store
from fixtures.results import DIRECTORY, EXECUTION, PAIR, WORKFLOW, read, store, write
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import ConfigurationError, InvalidDefinition, InvalidResults
from recomamp.store.results.files import DIRECTORY_KEYS
from recomamp.store.results.storage import earlier_base_uri, without_credentials
from recomamp.store.results.stored_files import StoredFiles

TEXT = "a,b\n1,x\n2,\n"


class NoCredentialsError(Exception):
    """As botocore's: no OSError."""


@pytest.mark.parametrize("protocol", ["s3", "gs", "abfss", "nobodys"])
def test_an_object_store_is_never_asked_for_a_bucket(tmp_path: Path, protocol: str) -> None:
    with object_store(protocol) as files:
        results = store(
            tmp_path, write(tmp_path, TEXT), PAIR, results_url=f"{protocol}://bucket/results"
        )
        assert read(results)["a"].to_pylist() == [1, 2]
        assert "CreateBucket" not in files.calls


def test_files_of_an_object_store_are_deleted_without_its_bucket(tmp_path: Path) -> None:
    with object_store("s3") as files:
        results = store(tmp_path, write(tmp_path, TEXT), PAIR, results_url="s3://bucket/results")
        listed = [file.as_json() for file in results.files]
        kept = StoredFiles("s3://bucket/results")
        ids = {"workflow_id": WORKFLOW, "execution_id": EXECUTION}
        assert kept.find_difference(listed, **ids) == ""
        kept.delete(listed, **ids)
        assert "is missing" in kept.find_difference(listed, **ids)
        assert files.calls == ["PutObject"]


def test_a_bucket_that_is_misspelt_is_said_and_not_created(tmp_path: Path) -> None:
    with object_store("s3") as files:
        with pytest.raises(
            ConfigurationError, match=r"s3://buckte/results .* bucket does not exist"
        ):
            store(tmp_path, write(tmp_path, TEXT), PAIR, results_url="s3://buckte/results")
        assert "CreateBucket" not in files.calls


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (PermissionError("The provided token has expired."), "The provided token has expired"),
        (NoCredentialsError("Unable to locate credentials"), "Unable to locate credentials"),
        (ConnectionError("Could not connect to the endpoint URL"), "Could not connect"),
        (
            RuntimeError("https://k:hidden@hidden@h/b?X-Amz-Signature=hidden failed"),
            "https://h/b failed",
        ),
    ],
    ids=["expired token", "no credentials", "unreachable", "with secrets"],
)
def test_what_an_object_store_refuses_for_now_is_said_and_tried_again(
    tmp_path: Path, failure: Exception, reason: str
) -> None:
    parts = write(tmp_path, TEXT)
    with object_store("s3") as files:
        files.failures.append(failure)
        with pytest.raises(InvalidResults, match=reason) as caught:
            store(tmp_path, parts, PAIR, results_url="s3://bucket/results")
        assert str(caught.value).startswith("RECOMAMP_RESULTS_URL: s3://bucket/results cannot be")
        assert "hidden" not in str(caught.value)
        assert store(tmp_path, parts, PAIR, results_url="s3://bucket/results").rows == 2


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a b/c#d", "s3://bucket/a b/c#d"),
        ("s3://key:secret@bucket/a", "s3://bucket/a"),
        ("s3://key:sec/ret@bucket/a", "s3://bucket/a"),
        ("sftp://user:sec?ret/@host:22/a", "sftp://host:22/a"),
        ("sftp://user:sec@ret@host/a", "sftp://user@host/a"),
        ("sftp://host:22/a@b", "sftp://host:22/a@b"),
        ("sftp://user@[::1]:22/a@b", "sftp://user@[::1]:22/a@b"),
        ("s3://bucket/a:b/c@d", "s3://bucket/a:b/c@d"),
        ("s3://bucket/a?token=secret", "s3://bucket/a"),
        ("gs://bucket/a", "gs://bucket/a"),
        ("abfss://container@account.dfs.core.windows.net/a",) * 2,
        (
            "abfss://c@account.dfs.core.windows.net/a?sig=secret",
            "abfss://c@account.dfs.core.windows.net/a",
        ),
        ("sftp://user:secret@host:22/a", "sftp://user@host:22/a"),
        ("sftp://user@host/a", "sftp://user@host/a"),
        ("hdfs://user@name:8020/a", "hdfs://user@name:8020/a"),
        ("simplecache::s3://key:secret@bucket/a", "simplecache::s3://bucket/a"),
        ("file:///a/b?c#d@e:f", "file:///a/b?c#d@e:f"),
        ("/a/b@c:d", "/a/b@c:d"),
    ],
)
def test_only_secrets_are_cut_out_of_an_address(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/results",
        "s3://bucket",
        "gs://bucket/results/",
        "abfss://bucket@account.dfs.core.windows.net/results",
        "az://bucket/results",
    ],
)
def test_pandas_opens_the_stored_address_of_an_object(tmp_path: Path, url: str) -> None:
    with object_store(url.partition(":")[0]):
        results = store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=url)
        assert results.files[0].uri == f"{url.rstrip('/')}/{DIRECTORY}/part-00001.parquet"
        frame = pd.read_parquet(results.files[0].uri, storage_options={})  # {}: by fsspec
        assert frame["a"].to_list() == [1, 2]


@pytest.mark.parametrize("name", ["results", "my results", "a#b", "a?b", "a%20b", "über+c"])
@pytest.mark.parametrize("scheme", ["file://", ""])
def test_pandas_opens_the_stored_address_of_a_local_file(
    tmp_path: Path, name: str, scheme: str
) -> None:
    url = f"{scheme}{tmp_path}/{name}"
    results = store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=url)
    assert pd.read_parquet(results.files[0].uri)["a"].to_list() == [1, 2]


@pytest.mark.parametrize(
    "url", ["abfss://bucket@account.dfs.core.windows.net/results", "s3://bucket/results"]
)
def test_files_are_found_by_the_address_of_an_earlier_version_too(tmp_path: Path, url: str) -> None:
    with object_store(url.partition(":")[0]):
        results = store(tmp_path, write(tmp_path, TEXT), PAIR, results_url=url)
        listed = [
            {**file.as_json(), "uri": file.uri.replace(url, earlier_base_uri(url))}
            for file in results.files
        ]
        ids = {"workflow_id": WORKFLOW, "execution_id": EXECUTION}
        assert StoredFiles(url).find_difference(listed, **ids) == ""


def test_columns_named_like_earlier_keys_are_read_with_the_whole_directory(tmp_path: Path) -> None:
    names = ["workflow", "window_start", "execution"]
    columns = [OutputColumn(name=name) for name in names]
    text = f"{','.join(names)}\nw,2025-01-01,e\n"
    store(tmp_path, write(tmp_path, text), columns)
    root = tmp_path / "results"
    found = (
        pd.read_parquet(root).iloc[0].to_dict(),
        ds.dataset(root, partitioning="hive").to_table().to_pylist()[0],
        duckdb.sql(f"FROM read_parquet('{root}/**/*.parquet', hive_partitioning = true)")
        .df()
        .iloc[0]
        .to_dict(),
    )
    for row in found:
        assert [row[name] for name in names] == ["w", "2025-01-01", "e"]
        assert row.keys() == {*names, *DIRECTORY_KEYS}


@pytest.mark.parametrize("name", [*DIRECTORY_KEYS, DIRECTORY_KEYS[0].upper()])
def test_a_column_named_like_a_key_is_refused_with_the_remedy(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidDefinition, match=f"column {name}.*another name in the query"):
        store(tmp_path, write(tmp_path, f"{name}\nx\n"), [OutputColumn(name=name)])
