"""The files of a result are seen whole or not at all, and none of others is touched."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from fixtures.results import (
    DIRECTORY,
    PAIR,
    document,
    read,
    run_python,
    store,
    stored_files,
    write,
)
from recomamp.errors import (
    ConfigurationError,
    ExecutionLocked,
    InvalidResults,
    PipelineError,
)
from recomamp.store.results.files import ResultDirectory
from recomamp.store.results.parquet import GROUP_ROWS


def test_all_parts_are_stored_each_as_a_file_that_says_what_it_is(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n2,y\n", "a,b\n", "a,b\n3,z\n")
    results = store(tmp_path, parts, PAIR)
    names = [f"{DIRECTORY}/part-0000{n}.parquet" for n in (1, 2, 3)]
    assert stored_files(tmp_path) == names
    assert read(results)["a"].to_pylist() == [1, 2, 3]
    assert (results.rows, [file.rows for file in results.files]) == (3, [2, 0, 1])
    for name, file in zip(names, results.files, strict=True):
        content = (tmp_path / "results" / name).read_bytes()
        assert file.uri == f"file://{tmp_path}/results/{name}"
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert results.size_bytes == sum(file.bytes for file in results.files)
    assert document(results)["files"] == [file.as_json() for file in results.files]


def test_the_disk_holds_files_before_they_get_their_names_and_then_the_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash of the machine leaves no row that lists an empty file."""
    synced: list[Path] = []
    fsync = os.fsync

    def recording(file: int) -> None:
        synced.append(Path(f"/proc/self/fd/{file}").readlink())
        fsync(file)

    monkeypatch.setattr(os, "fsync", recording)
    store(tmp_path, write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n"), PAIR)
    places = [str(path.relative_to(tmp_path)) for path in synced]
    directory = Path("results", DIRECTORY)
    for number, place in enumerate(places[:2], start=1):
        assert re.fullmatch(rf"{directory}/_writing-\w+-part-0000{number}\.parquet", place)
    assert places[2:] == [str(directory), *map(str, list(directory.parents)[:-1])]


def test_only_a_file_system_that_cannot_sync_is_forgiven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = errno.ENOTSUP

    def failing(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", failing)
    assert store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR).rows == 1
    code = errno.EIO
    with pytest.raises(PipelineError, match="Input/output error"):
        store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR)


def test_a_failed_load_leaves_the_files_of_the_former_one(tmp_path: Path) -> None:
    store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR)
    before = stored_files(tmp_path)
    content = (tmp_path / "results" / before[0]).read_bytes()
    with pytest.raises(InvalidResults):
        store(tmp_path, write(tmp_path, "a,b\n2,y\n", "a,b\n3"), PAIR)
    assert stored_files(tmp_path) == before
    assert (tmp_path / "results" / before[0]).read_bytes() == content


def test_a_second_load_replaces_its_own_files_and_no_others(tmp_path: Path) -> None:
    other = uuid4()
    store(tmp_path, write(tmp_path, "a,b\n9,z\n"), PAIR, execution_id=other)
    store(tmp_path, write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n"), PAIR)
    directory = tmp_path / "results" / DIRECTORY
    (directory / "_writing-part-00007.parquet").write_bytes(b"left over by a killed process")
    results = store(tmp_path, write(tmp_path, "a,b\n3,z\n"), PAIR)
    assert [path.name for path in directory.iterdir()] == ["part-00001.parquet"]
    assert read(results)["a"].to_pylist() == [3]
    assert len([name for name in stored_files(tmp_path) if str(other) in name]) == 1


def lost_after(checks: int) -> Callable[[], None]:
    """Return a lock that is lost after it was verified so many times."""
    left = iter(range(checks))

    def verify_lock() -> None:
        if next(left, None) is None:
            raise ExecutionLocked("lost")

    return verify_lock


def test_a_load_that_has_lost_its_lock_removes_and_replaces_nothing_of_others(
    tmp_path: Path,
) -> None:
    former = store(tmp_path, write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n"), PAIR)
    others = tmp_path / "results" / DIRECTORY / "_writing-0-part-00001.parquet"
    others.write_bytes(b"half of what another load writes just now")
    before = stored_files(tmp_path)
    with pytest.raises(ExecutionLocked):
        store(tmp_path, write(tmp_path, "a,b\n3,z\n"), PAIR, verify_lock=lost_after(0))
    assert stored_files(tmp_path) == before
    others.unlink()
    with pytest.raises(ExecutionLocked):
        store(tmp_path, write(tmp_path, "a,b\n3,z\n"), PAIR, verify_lock=lost_after(0))
    assert read(former)["a"].to_pylist() == [1, 2]


def test_the_lock_is_verified_before_each_file_gets_its_name(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n", "a,b\n3,z\n")
    with pytest.raises(ExecutionLocked):
        store(tmp_path, parts, PAIR, verify_lock=lost_after(2))
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-0000{n}.parquet" for n in (1, 2)]


def test_two_loads_of_one_execution_use_no_common_name(tmp_path: Path) -> None:
    url = f"{tmp_path}/results"
    first, second = (ResultDirectory(url, DIRECTORY, lambda: None) for _ in range(2))
    with first.open_temporary("part-00001.parquet") as file:
        file.write(b"whole")
    with second.open_temporary("part-00001.parquet") as file:
        file.write(b"half")
        first.publish(["part-00001.parquet"])
    content = (tmp_path / "results" / DIRECTORY / "part-00001.parquet").read_bytes()
    assert content == b"whole"
    second.remove_temporary()
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-00001.parquet"]


def test_who_fails_discards_its_own_files_only(tmp_path: Path) -> None:
    first, second = (
        ResultDirectory(f"{tmp_path}/results", DIRECTORY, lambda: None) for _ in range(2)
    )
    for target in (first, second):
        with target.open_temporary("part-00001.parquet") as file:
            file.write(b"whole")
    first.remove_temporary()
    second.publish(["part-00001.parquet"])
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-00001.parquet"]


def test_a_file_that_somebody_removed_before_it_got_its_name_is_loaded_again(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "results" / DIRECTORY

    def remove() -> None:
        for path in directory.glob("_writing-*"):
            path.unlink()

    parts = write(tmp_path, "a,b\n1,x\n")
    with pytest.raises(InvalidResults, match=r"part-00001.parquet was removed .* load .* again"):
        store(tmp_path, parts, PAIR, verify_lock=remove)
    assert stored_files(tmp_path) == []


def cut_before_publishing(monkeypatch: pytest.MonkeyPatch, cut: Callable[[], None]) -> None:
    """Cut files after they were written, and before they get their names."""
    publish = ResultDirectory.publish

    def cut_and_publish(directory: ResultDirectory, names: Sequence[str]) -> None:
        cut()
        publish(directory, names)

    monkeypatch.setattr(ResultDirectory, "publish", cut_and_publish)


def test_a_file_of_which_the_storage_has_lost_a_part_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut() -> None:
        for path in (tmp_path / "results" / DIRECTORY).glob("_writing-*"):
            path.write_bytes(path.read_bytes()[:-1])

    parts = write(tmp_path, "a,b\n1,x\n")
    cut_before_publishing(monkeypatch, cut)
    with pytest.raises(InvalidResults, match=r"part-00001.parquet has \d+ bytes of the \d+"):
        store(tmp_path, parts, PAIR)
    assert stored_files(tmp_path) == []


def test_a_second_load_replaces_no_file_where_one_of_its_own_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n")
    store(tmp_path, parts, PAIR)
    paths = sorted((tmp_path / "results" / DIRECTORY).glob("part-*.parquet"))
    before = [path.read_bytes() for path in paths]

    def cut() -> None:
        for path in (tmp_path / "results" / DIRECTORY).glob("_writing-*part-00002*"):
            path.write_bytes(path.read_bytes()[:-1])

    cut_before_publishing(monkeypatch, cut)
    with pytest.raises(InvalidResults, match=r"part-00002.parquet has \d+ bytes"):
        store(tmp_path, write(tmp_path, "a,b\n3,z\n", "a,b\n4,q\n"), PAIR)
    assert [path.read_bytes() for path in paths] == before


def test_no_reader_ever_sees_part_of_a_result_under_its_own_name(tmp_path: Path) -> None:
    """Look at the directory whenever a byte is written to it."""
    seen: list[list[str]] = []
    files = fsspec.filesystem("memory")
    root = f"/{uuid4()}"

    class Watched(type(files)):  # type: ignore[misc]
        protocol = "watched"
        cachable = False

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return str(super()._strip_protocol(path.replace("watched://", "memory://")))

        def open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
            seen.append([name.rsplit("/", 1)[-1] for name in files.find(root)])
            return super().open(path, mode, **kwargs)

    fsspec.register_implementation("watched", Watched, clobber=True)
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n", "a,b\n3,z\n")
    store(tmp_path, parts, PAIR, results_url=f"watched:/{root}")
    assert len(seen) >= 3
    assert not any(name.startswith("part-") for names in seen[:3] for name in names)
    assert len(files.find(root)) == 3


@pytest.mark.parametrize("scheme", ["file://", ""], ids=["url", "plain path"])
def test_results_may_go_to_a_url_or_a_plain_path(tmp_path: Path, scheme: str) -> None:
    url = f"{scheme}{tmp_path}/results/"
    results = store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR, results_url=url)
    assert results.files[0].uri == f"file://{tmp_path}/results/{DIRECTORY}/part-00001.parquet"


def test_results_may_go_to_any_file_system(tmp_path: Path) -> None:
    url = f"memory://{uuid4()}"
    results = store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR, results_url=url)
    assert results.files[0].uri == f"{url}/{DIRECTORY}/part-00001.parquet"
    assert read(results)["a"].to_pylist() == [1]


def test_an_unwritable_url_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file, not a directory")
    with pytest.raises(
        ConfigurationError, match=r"RECOMAMP_RESULTS_URL: file://.*cannot be written"
    ):
        store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR)


@pytest.mark.parametrize(
    ("trouble", "kind", "remedy"),
    [
        (errno.EACCES, ConfigurationError, "Permission denied; let the workers write there"),
        (errno.ENOSPC, InvalidResults, "No space left on device; make room there"),
    ],
)
def test_what_a_file_system_refuses_is_said_with_the_remedy(
    tmp_path: Path, trouble: int, kind: type[PipelineError], remedy: str
) -> None:
    class Full(MemoryFileSystem):  # type: ignore[misc]
        protocol = "full"

        def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
            raise OSError(trouble, os.strerror(trouble), path)

    fsspec.register_implementation("full", Full, clobber=True)
    with pytest.raises(kind, match=f"^RECOMAMP_RESULTS_URL: full://results cannot be .*{remedy}"):
        store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR, results_url="full://results")


@pytest.mark.parametrize("scheme", ["nosuch", "s3x"])
def test_an_unknown_scheme_is_said_without_the_secrets_of_the_url(
    tmp_path: Path, scheme: str
) -> None:
    url = f"{scheme}://key:hidden@bucket/results?token=hidden"
    with pytest.raises(ConfigurationError) as caught:
        store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR, results_url=url)
    assert f"{scheme}://bucket/results cannot be written" in str(caught.value)
    assert "hidden" not in str(caught.value)


FULL_DISK = """
import resource, sys
from pathlib import Path
from fixtures.results import store
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import InvalidResults
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store(Path(sys.argv[1]), [Path(sys.argv[2])], [OutputColumn(name="a")])
except InvalidResults as err:  # there may be room later, so the task may be tried again
    sys.stdout.write(str(err))
"""


def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    rows = "".join(f"{hashlib.sha256(str(n).encode()).hexdigest()}\n" for n in range(1000))
    (part,) = write(tmp_path, f"a\n{rows}")
    said = run_python(FULL_DISK, str(tmp_path), str(part))
    assert f"file://{tmp_path}/results cannot be written: File too large" in said
    assert "make room there" in said
    assert stored_files(tmp_path) == []


def test_rows_are_stored_in_large_groups_and_repetition_once(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 9}\n" for n in range(GROUP_ROWS * 2))
    results = store(tmp_path, write(tmp_path, f"a,b\n{rows}"), PAIR)
    meta = pq.ParquetFile(fsspec.open(results.files[0].uri, "rb").open()).metadata
    groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
    assert all(GROUP_ROWS <= group.num_rows < 2 * GROUP_ROWS for group in groups[:-1])
    assert sum(group.num_rows for group in groups) == 2 * GROUP_ROWS
    assert not groups[0].column(0).has_dictionary_page
    assert groups[0].column(1).has_dictionary_page
