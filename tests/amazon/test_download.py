"""Results to local files, over real HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recomamp.amazon.amc.result_columns import describe_result
from recomamp.amazon.download import Allowance, download_file, download_part, download_parts
from recomamp.errors import (
    DownloadLinkExpired,
    InvalidResults,
    LimitExceeded,
    RequestRejected,
    ResultNotReady,
    TransientError,
)


def create(amazon) -> str:
    return amazon.submit_and_finish().amc_execution_id


def load(amazon, amc_execution_id: str, directory: Path, **options) -> list[Path]:
    async def run() -> list[Path]:
        async with amazon.client() as client:
            return await download_parts(client, amc_execution_id, directory, **options)

    return asyncio.run(run())


def files_of(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_all_parts_are_downloaded_in_order(amazon, emulator, tmp_path):
    emulator.settings(result_parts=3)

    paths = load(amazon, create(amazon), tmp_path / "new")

    assert [path.name for path in paths] == [f"part-0000{part}.csv" for part in range(3)]
    assert files_of(tmp_path / "new") == [path.name for path in paths]
    texts = [path.read_text() for path in paths]
    assert len({text.partition("\n")[0] for text in texts}) == 1  # each repeats the header
    assert len(set(texts)) == 3


def test_links_are_followed_without_our_token(amazon, emulator, tmp_path):
    load(amazon, create(amazon), tmp_path)

    headers = {name.lower() for name in emulator.calls("download")[0]["headers"]}

    assert "authorization" not in headers
    assert not any(name.startswith("amazon-") for name in headers)


def test_expired_links_are_asked_for_anew_and_only_the_rest_is_downloaded(
    amazon, emulator, tmp_path
):
    emulator.settings(result_parts=3)
    emulator.fault("download", "expired_link", skip=1)

    paths = load(amazon, create(amazon), tmp_path)

    assert len(paths) == 3
    assert len(emulator.calls("download_urls")) == 3  # the last one confirms the list
    assert len(emulator.calls("download")) == 4


def test_a_list_of_links_that_came_too_early_is_noticed(amazon, emulator, tmp_path):
    emulator.settings(result_parts=3)
    emulator.fault("download_urls", "missing_part", unlisted=True)

    assert len(load(amazon, create(amazon), tmp_path)) == 3
    assert len(files_of(tmp_path)) == 3


def test_each_part_is_told_of_as_it_arrives_and_anew_where_others_are_offered(
    amazon, emulator, tmp_path
):
    emulator.settings(result_parts=3)
    emulator.fault("download_urls", "missing_part", unlisted=True)
    told = []

    def on_part(number: int, path: Path) -> None:
        told.append((number, path.name, path.read_text().startswith("campaign,")))
        assert len(emulator.calls("download")) == len(told)  # the next is not asked for yet

    load(amazon, create(amazon), tmp_path, on_part=on_part)

    numbers = [number for number, _, _ in told]
    assert numbers == [0, 1, 0, 1, 2]
    assert all(name == f"part-0000{number}.csv" and whole for number, name, whole in told)


def test_links_that_never_agree_are_given_up_and_nothing_is_left(amazon, emulator, tmp_path):
    emulator.settings(result_parts=2)
    for skip in (0, 1):  # every other list
        emulator.fault("download_urls", "missing_part", unlisted=True, skip=skip)

    with pytest.raises(TransientError, match="other files"):
        load(amazon, create(amazon), tmp_path)

    assert files_of(tmp_path) == []


def test_a_page_instead_of_a_file_is_not_saved_but_asked_for_again(amazon, emulator, tmp_path):
    emulator.fault("download", "html_body")

    (path,) = load(amazon, create(amazon), tmp_path)

    assert path.read_text().startswith("campaign,")
    assert [call.operation for call in amazon.failed_calls] == ["download"]


def test_a_directory_that_cannot_be_written_is_said_with_the_remedy(amazon, tmp_path):
    (tmp_path / "file").write_text("no directory")

    with pytest.raises(InvalidResults, match=r"file/new cannot be written: Not a dir.*TMPDIR"):
        load(amazon, create(amazon), tmp_path / "file" / "new")


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from fixtures.amazon import Amazon, make_execution
from recomamp.amazon.download import download_parts
from recomamp.errors import InvalidResults

async def load():
    async with Amazon(sys.argv[1]).client() as client:
        created = await client.create_execution(make_execution())
        await client.get_execution(created.amc_execution_id)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        await download_parts(client, created.amc_execution_id, Path(sys.argv[2]))

try:
    asyncio.run(load())
except InvalidResults as err:
    sys.stdout.write(str(err))
"""


def test_a_disk_that_takes_no_more_is_said_and_nothing_is_left(amazon, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, amazon.url, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert f"{tmp_path} cannot be written: File too large; make room" in done.stdout
    assert files_of(tmp_path) == []


def test_links_that_stay_expired_are_given_up(amazon, emulator, tmp_path):
    emulator.fault("download", "expired_link", times=None)

    with pytest.raises(DownloadLinkExpired, match="expired") as caught:
        load(amazon, create(amazon), tmp_path)

    assert "X-Amz" not in str(caught.value)
    assert len(emulator.calls("download_urls")) == 3
    assert files_of(tmp_path) == []


def test_a_part_that_breaks_off_is_truncated_and_nothing_is_left(amazon, emulator, tmp_path):
    emulator.settings(result_parts=2)
    emulator.fault("download", "truncated_csv", skip=1, short=True)

    with pytest.raises(InvalidResults, match=r"part-00001.*truncated: \d+ of \d+ bytes arrived"):
        load(amazon, create(amazon), tmp_path)

    assert files_of(tmp_path) == []


def test_a_missing_part_fails_and_nothing_is_left(amazon, emulator, tmp_path):
    emulator.settings(result_parts=2)
    emulator.fault("download_urls", "missing_part")

    with pytest.raises(InvalidResults, match="missing"):
        load(amazon, create(amazon), tmp_path)

    assert files_of(tmp_path) == []


@pytest.mark.parametrize("fault", ["server_error", "reset_before", "reset_after"])
def test_a_part_is_tried_again_on_transient_trouble(amazon, emulator, tmp_path, fault):
    emulator.fault("download", fault, times=2)

    assert len(load(amazon, create(amazon), tmp_path)) == 1
    assert len(emulator.calls("download")) == 3


def test_a_file_larger_than_allowed_fails_and_nothing_is_left(amazon, tmp_path):
    amc_execution_id = create(amazon)

    async def download(client) -> int:
        (link,) = await client.download_urls(amc_execution_id)
        return await download_file(client, link, tmp_path / "file", Allowance(size_bytes=10))

    with pytest.raises(LimitExceeded, match="larger than 10 bytes"):
        amazon.ask(download)

    assert files_of(tmp_path) == []


def test_links_that_are_not_ready_are_waited_for(amazon, emulator, tmp_path):
    emulator.progression("per_poll", polls=1000)
    amc_execution_id = amazon.submit().amc_execution_id

    with pytest.raises(ResultNotReady, match=r"no files .* is unavailable for download"):
        load(amazon, amc_execution_id, tmp_path)

    assert len(emulator.calls("download_urls")) == 5
    assert amazon.pauses.seconds[-4:] == [2.0, 5.0, 10.0, 30.0]


@pytest.mark.parametrize("status", [400, 404, 409, 422, 425])
def test_links_may_be_refused_for_a_while_in_any_words(amazon, emulator, tmp_path, status):
    emulator.fault("download_urls", "not_ready", times=2, status=status, reason="Come back later")

    assert len(load(amazon, create(amazon), tmp_path)) == 1


def test_links_that_are_forbidden_are_not_waited_for(amazon, emulator, tmp_path):
    emulator.fault("download_urls", "forbidden")

    with pytest.raises(RequestRejected, match="Unauthorized request"):
        load(amazon, create(amazon), tmp_path)

    assert len(emulator.calls("download_urls")) == 1


def test_links_may_come_as_objects(amazon, emulator, tmp_path):
    emulator.settings(result_parts=3, links_as_objects=True)

    assert len(load(amazon, create(amazon), tmp_path)) == 3


@pytest.mark.parametrize("form", ["without_header", "with_header"])
def test_a_part_that_is_gzip_is_unpacked(amazon, emulator, tmp_path, form):
    emulator.settings(result_parts=2)
    amc_execution_id = create(amazon)
    plain = [path.read_bytes() for path in load(amazon, amc_execution_id, tmp_path / "plain")]
    emulator.settings(gzip_parts=form)

    packed = load(amazon, amc_execution_id, tmp_path / "packed")

    assert [path.read_bytes() for path in packed] == plain


def test_a_part_that_is_not_what_its_etag_says_is_truncated(amazon, emulator, tmp_path):
    emulator.fault("download", "truncated_csv")

    with pytest.raises(InvalidResults, match="truncated: its MD5 is"):
        load(amazon, create(amazon), tmp_path)

    assert files_of(tmp_path) == []


def describe(amazon, amc_execution_id: str):
    return amazon.ask(lambda client: describe_result(client, amc_execution_id))


def test_columns_that_are_missing_are_asked_for_again(amazon, emulator):
    amc_execution_id = create(amazon)
    emulator.fault("get_execution", "not_found", times=2)
    emulator.fault("get_execution", "no_output_columns", times=2)

    columns = describe(amazon, amc_execution_id).output_columns

    assert [column["name"] for column in columns] == ["campaign", "impressions"]
    assert amazon.pauses.seconds[-4:] == [2.0, 5.0, 10.0, 30.0]


def test_columns_that_stay_missing_are_not_made_up(amazon, emulator):
    amc_execution_id = create(amazon)
    emulator.fault("get_execution", "no_output_columns", times=None)

    assert describe(amazon, amc_execution_id).output_columns == ()


def test_an_execution_that_stays_unknown_is_said_in_amazons_words(amazon):
    with pytest.raises(
        ResultNotReady, match=r"does not know execution nobody yet: .* does not exist"
    ):
        describe(amazon, "nobody")


def test_an_altered_link_is_told_like_an_expired_one(amazon, tmp_path):
    amc_execution_id = create(amazon)

    async def run() -> None:
        async with amazon.client() as client:
            (link,) = await client.download_urls(amc_execution_id)
            await download_part(
                client, f"{link}0", tmp_path / "part.csv", Allowance(size_bytes=1000)
            )

    with pytest.raises(DownloadLinkExpired, match="SignatureDoesNotMatch"):
        asyncio.run(run())

    assert files_of(tmp_path) == []


def test_signatures_of_links_are_never_logged(amazon, emulator, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    emulator.fault("download", "server_error")

    load(amazon, create(amazon), tmp_path)

    assert "/_downloads/" in caplog.text
    assert "X-Amz" not in caplog.text
