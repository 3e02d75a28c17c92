from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recomamp.domain.columns import OutputColumn, read_columns
from recomamp.domain.errors import (
    AlreadyLoading,
    MissingSetting,
    PipelineError,
    ResultsBroken,
)
from recomamp.store.csv_parts import LARGE_BLOCK_BYTES
from recomamp.store.parquet_file import GROUP_ROWS
from recomamp.store.result_document import MAX_ROWS, write_json
from recomamp.store.result_files import Target
from recomamp.store.results import ResultWriter, StoredResults, store_results

WORKFLOW = UUID("11111111-1111-4111-8111-111111111111")
EXECUTION = UUID("22222222-2222-4222-8222-222222222222")
DIRECTORY = f"workflow={WORKFLOW}/window_start=2025-01-06/execution={EXECUTION}"

COLUMNS = read_columns(
    [
        {"name": "campaign_id", "dataType": "LONG"},
        {"name": "campaign", "dataType": "STRING"},
        {"name": "rate", "dataType": "DECIMAL", "precision": 38, "scale": 17},
        {"name": "share", "dataType": "DOUBLE"},
        {"name": "day", "dataType": "DATE"},
        {"name": "at", "dataType": "TIMESTAMP"},
        {"name": "is_new", "dataType": "BOOLEAN"},
    ]
)
HEADER = "campaign_id,campaign,rate,share,day,at,is_new\n"
ROW = "576460752303423489,Acme,0.12345678901234567,0.1,2025-01-06,2025-01-06T10:00:00.123,true\n"
NULLS = ",,,,,,\n"
PAIR = (OutputColumn(name="a", data_type="LONG"), OutputColumn(name="b"))


def write(directory: Path, *parts: str | bytes) -> list[Path]:
    """Write CSV parts as the client leaves them."""
    paths = []
    for number, part in enumerate(parts):
        paths.append(directory / f"part-{number:05d}.csv")
        paths[-1].write_bytes(part.encode() if isinstance(part, str) else part)
    return paths


def store(
    tmp_path: Path, parts: Sequence[Path], columns: Sequence[OutputColumn] = COLUMNS, **changes: Any
) -> StoredResults:
    arguments: dict[str, Any] = {
        "parts": parts,
        "columns": columns,
        "results_url": f"file://{tmp_path}/results",
        "workflow_id": WORKFLOW,
        "execution_id": EXECUTION,
        "window_start": date(2025, 1, 6),
        "verify_lock": lambda: None,
    }
    return store_results(**{**arguments, **changes})


def stored_files(tmp_path: Path) -> list[str]:
    root = tmp_path / "results"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def read(results: StoredResults) -> pa.Table:
    """Read all Parquet files of a result, each by its own address."""
    return pa.concat_tables(
        [pq.read_table(fsspec.open(file.uri, "rb").open()) for file in results.files]
    )


def test_every_type_arrives_exactly_in_parquet_and_in_the_document(tmp_path: Path) -> None:
    results = store(tmp_path, write(tmp_path, HEADER + ROW + NULLS))
    assert read(results).to_pylist() == [
        {
            "campaign_id": 576460752303423489,
            "campaign": "Acme",
            "rate": Decimal("0.12345678901234567"),
            "share": 0.1,
            "day": date(2025, 1, 6),
            "at": datetime(2025, 1, 6, 10, 0, 0, 123000),
            "is_new": True,
        },
        dict.fromkeys(HEADER.strip().split(",")),
    ]
    assert results.document["data"] == [
        {
            "campaign_id": 576460752303423489,
            "campaign": "Acme",
            "rate": Decimal("0.12345678901234567"),
            "share": 0.1,
            "day": "2025-01-06",
            "at": "2025-01-06T10:00:00.123000",
            "is_new": True,
        },
        dict.fromkeys(HEADER.strip().split(",")),
    ]
    assert (results.rows, results.document["truncated"]) == (2, False)


def test_an_empty_field_is_null_and_a_quoted_one_an_empty_string(tmp_path: Path) -> None:
    text = 'a,b\n1,\n2,""\n3,NULL\n4,"x ""y"",\nz"\n'
    results = store(tmp_path, write(tmp_path, text), PAIR)
    assert read(results)["b"].to_pylist() == [None, "", "NULL", 'x "y",\nz']


def test_an_empty_line_of_a_single_column_is_a_null(tmp_path: Path) -> None:
    results = store(tmp_path, write(tmp_path, 'b\nx\n\n""\n\n'), PAIR[1:])
    assert read(results)["b"].to_pylist() == ["x", None, "", None]


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
    assert results.document["files"] == [file.as_json() for file in results.files]


@pytest.mark.parametrize("text", [HEADER, HEADER.strip()], ids=["with line end", "without"])
def test_a_header_alone_is_a_success_without_rows(tmp_path: Path, text: str) -> None:
    results = store(tmp_path, write(tmp_path, text))
    assert (results.rows, results.document["data"], len(results.files)) == (0, [], 1)
    assert read(results).schema.field("rate").type == pa.decimal128(38, 17)


def test_columns_stand_in_the_order_of_the_file_whatever_their_case(tmp_path: Path) -> None:
    parts = write(tmp_path, "B,A\nx,1\n", "a,b\n2,y\n")
    results = store(tmp_path, parts, PAIR)
    assert read(results).to_pydict() == {"b": ["x", "y"], "a": [1, 2]}


def test_without_a_description_all_columns_are_text(tmp_path: Path) -> None:
    results = store(tmp_path, write(tmp_path, "A,b\n01,\n"), ())
    assert read(results).to_pydict() == {"A": ["01"], "b": [None]}


def test_a_trailing_z_a_byte_order_mark_and_windows_lines_change_nothing(tmp_path: Path) -> None:
    columns = (OutputColumn(name="at", data_type="TIMESTAMP"), OutputColumn(name="b"))
    text = "\ufeffat,b\r\n2025-01-06T10:00:00.000Z,x\r\n2025-01-06T10:00:00.000,y\r\n"
    results = store(tmp_path, write(tmp_path, text), columns)
    ten = datetime(2025, 1, 6, 10)
    assert read(results).to_pydict() == {"at": [ten, ten], "b": ["x", "y"]}


def test_a_wide_decimal_is_exact(tmp_path: Path) -> None:
    column = OutputColumn(name="x", data_type="DECIMAL", precision=60, scale=20)
    value = "1234567890123456789012345678901234567890.12345678901234567890"
    results = store(tmp_path, write(tmp_path, f"x\n{value}\n"), (column,))
    assert read(results)["x"].to_pylist() == [Decimal(value)]
    assert value in results.document_json


@pytest.mark.parametrize(
    "parts",
    [
        ["a,b\n1,x\n2"],
        ["a,b\n1,x\n2,ab"],
        ['a,b\n1,x\n2,"ab'],
        ['a,b\n1,x\n2,"ab\n'],
        ["a,b\n1,x\n2,y,z\n"],
        ["a,b\n1,x\n2\n3,y\n"],
        ["a,b\nx,1\n"],
        ["a,b\n9223372036854775808,x\n"],
        ['a,b\n"",x\n'],
        [b"a,b\n1,\xff\n"],
        [b"\xff,b\n1,x\n"],
        ["a\n1\n"],
        ["a,b,c\n1,x,y\n"],
        ["a,c\n1,x\n"],
        ["a,A\n1,x\n"],
        ["1,x\n2,y\n"],
        ["<html>no</html>\n"],
        [""],
        ["\n1,x\n"],
        ["a,b\n1,x\n", ""],
        ["a,b\n1,x\n", "a,c\n2,y\n"],
        ["a,b\n1,x\n", "a,b\n2,y\n3"],
        [],
    ],
)
def test_a_broken_file_fails_and_leaves_nothing(tmp_path: Path, parts: list[str]) -> None:
    with pytest.raises(ResultsBroken):
        store(tmp_path, write(tmp_path, *parts), PAIR)
    assert stored_files(tmp_path) == []


def test_a_missing_part_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(ResultsBroken, match=r"gone\.csv"):
        store(tmp_path, [tmp_path / "gone.csv"], PAIR)


@pytest.mark.parametrize(
    "column",
    [
        OutputColumn(name="a", data_type="DECIMAL", precision=10, scale=2),
        OutputColumn(name="a", data_type="DATE"),
        OutputColumn(name="a", data_type="TIMESTAMP"),
        OutputColumn(name="a", data_type="BOOLEAN"),
        OutputColumn(name="a", data_type="DOUBLE"),
        OutputColumn(name="a", data_type="BYTE"),
    ],
    ids=lambda column: column.type_name,
)
def test_a_value_that_is_not_of_its_type_is_never_bent(
    tmp_path: Path, column: OutputColumn
) -> None:
    with pytest.raises(ResultsBroken, match=r"part-00000\.csv cannot be read"):
        store(tmp_path, write(tmp_path, "a\n128.125x\n"), (column,))


def test_a_decimal_with_more_digits_than_described_is_never_rounded(tmp_path: Path) -> None:
    column = OutputColumn(name="a", data_type="DECIMAL", precision=10, scale=2)
    with pytest.raises(ResultsBroken):
        store(tmp_path, write(tmp_path, "a\n1.125\n"), (column,))


def test_a_failed_load_leaves_the_files_of_the_former_one(tmp_path: Path) -> None:
    store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR)
    before = stored_files(tmp_path)
    content = (tmp_path / "results" / before[0]).read_bytes()
    with pytest.raises(ResultsBroken):
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
            raise AlreadyLoading("lost")

    return verify_lock


def test_a_load_that_has_lost_its_lock_removes_and_replaces_nothing_of_others(
    tmp_path: Path,
) -> None:
    former = store(tmp_path, write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n"), PAIR)
    others = tmp_path / "results" / DIRECTORY / "_writing-0-part-00001.parquet"
    others.write_bytes(b"half of what another load writes just now")
    before = stored_files(tmp_path)
    with pytest.raises(AlreadyLoading):
        store(tmp_path, write(tmp_path, "a,b\n3,z\n"), PAIR, verify_lock=lost_after(0))
    assert stored_files(tmp_path) == before
    others.unlink()
    with pytest.raises(AlreadyLoading):
        store(tmp_path, write(tmp_path, "a,b\n3,z\n"), PAIR, verify_lock=lost_after(0))
    assert read(former)["a"].to_pylist() == [1, 2]


def test_the_lock_is_verified_before_each_file_gets_its_name(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n", "a,b\n3,z\n")
    with pytest.raises(AlreadyLoading):
        store(tmp_path, parts, PAIR, verify_lock=lost_after(2))
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-0000{n}.parquet" for n in (1, 2)]


def test_two_loads_of_one_execution_use_no_common_name(tmp_path: Path) -> None:
    url = f"{tmp_path}/results"
    first, second = (Target(url, DIRECTORY, lambda: None) for _ in range(2))
    with first.write_aside("part-00001.parquet") as file:
        file.write(b"whole")
    with second.write_aside("part-00001.parquet") as file:
        file.write(b"half")
        first.publish(["part-00001.parquet"])
    content = (tmp_path / "results" / DIRECTORY / "part-00001.parquet").read_bytes()
    assert content == b"whole"
    second.discard()
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-00001.parquet"]


def test_who_fails_discards_its_own_files_only(tmp_path: Path) -> None:
    first, second = (Target(f"{tmp_path}/results", DIRECTORY, lambda: None) for _ in range(2))
    for target in (first, second):
        with target.write_aside("part-00001.parquet") as file:
            file.write(b"whole")
    first.discard()
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
    with pytest.raises(ResultsBroken, match=r"part-00001.parquet was removed .* load .* again"):
        store(tmp_path, parts, PAIR, verify_lock=remove)
    assert stored_files(tmp_path) == []


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
    with pytest.raises(MissingSetting, match=r"RECOMAMP_RESULTS_URL: file://.*cannot be written"):
        store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR)


@pytest.mark.parametrize(
    ("trouble", "kind", "remedy"),
    [
        (errno.EACCES, MissingSetting, "Permission denied; let the workers write there"),
        (errno.ENOSPC, ResultsBroken, "No space left on device; make room there"),
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
    with pytest.raises(MissingSetting) as caught:
        store(tmp_path, write(tmp_path, "a,b\n1,x\n"), PAIR, results_url=url)
    assert f"{scheme}://bucket/results cannot be written" in str(caught.value)
    assert "hidden" not in str(caught.value)


FULL_DISK = """
import resource, sys
from pathlib import Path
from uuid import UUID
from datetime import date
from recomamp.domain.errors import ResultsBroken
from recomamp.store.results import store_results
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store_results(parts=[Path(sys.argv[1])], columns=(), results_url=sys.argv[2],
                  workflow_id=UUID(int=1), execution_id=UUID(int=2), window_start=date(2025, 1, 6),
                  verify_lock=lambda: None)
except ResultsBroken as err:  # there may be room later, so the task may be tried again
    sys.stdout.write(str(err))
"""


def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    rows = "".join(f"{hashlib.sha256(str(n).encode()).hexdigest()}\n" for n in range(1000))
    (part,) = write(tmp_path, f"a\n{rows}")
    said = _run(FULL_DISK, str(part), f"{tmp_path}/results")
    assert f"RECOMAMP_RESULTS_URL: {tmp_path}/results cannot be written: File too large" in said
    assert "make room there" in said
    assert stored_files(tmp_path) == []


def test_what_cannot_be_read_is_said_with_its_row_and_column(tmp_path: Path) -> None:
    text = "a,b\n" + "1,x\n" * 5 + "twelve,x\n"
    with pytest.raises(ResultsBroken, match=r"column #0: Row #7: .* int64: invalid value 'twelve'"):
        store(tmp_path, write(tmp_path, text), PAIR)


@pytest.mark.parametrize("before", [0, 1, 100_000], ids=lambda rows: f"after {rows} rows")
def test_a_row_of_megabytes_is_read_as_any_other(tmp_path: Path, before: int) -> None:
    long = "y" * (LARGE_BLOCK_BYTES - 2**20)
    first = "".join(f"{n},x\n" for n in range(before))
    text = f"a,b\n{first}{before},{long}\n{before + 1},z\n"
    results = store(tmp_path, write(tmp_path, text), PAIR)
    stored = read(results)
    assert stored["a"].to_pylist() == list(range(before + 2))
    assert stored["b"].to_pylist()[before:] == [long, "z"]


def test_a_row_longer_than_anything_is_refused(tmp_path: Path) -> None:
    text = f"a,b\n1,x\n2,{'y' * 2 * LARGE_BLOCK_BYTES}\n3,z\n"
    with pytest.raises(ResultsBroken, match="straddles two block boundaries"):
        store(tmp_path, write(tmp_path, text), PAIR)
    assert stored_files(tmp_path) == []


# While parts come in


def writer(tmp_path: Path) -> ResultWriter:
    return ResultWriter(
        results_url=f"file://{tmp_path}/results",
        workflow_id=WORKFLOW,
        execution_id=EXECUTION,
        window_start=date(2025, 1, 6),
        verify_lock=lambda: None,
    )


def test_parts_are_worked_on_before_the_last_is_there_and_seen_when_all_are(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n")
    directory = tmp_path / "results" / DIRECTORY
    with writer(tmp_path) as results:
        results.expect(PAIR)
        results.add(0, parts[0])
        _wait_until(lambda: any(path.stat().st_size for path in directory.glob("_writing-*")))
        (name,) = stored_files(tmp_path)
        assert Path(name).match("_writing-*-part-00001.parquet")
        results.add(1, parts[1])
        assert read(results.finish())["a"].to_pylist() == [1, 2]
    assert [Path(name).name for name in stored_files(tmp_path)] == [
        "part-00001.parquet",
        "part-00002.parquet",
    ]


def test_parts_that_come_again_replace_all_that_came_before(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n", "a,b\n3", "b,a\nz,4\n")
    with writer(tmp_path) as results:
        results.expect(PAIR)
        for number, part in enumerate(parts[:3]):
            results.add(number, part)
        results.add(0, parts[3])
        stored = results.finish()
    assert read(stored).to_pydict() == {"b": ["z"], "a": [4]}
    assert stored.document["data"] == [{"b": "z", "a": 4}]
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-00001.parquet"]


def test_after_a_part_that_cannot_be_read_no_other_is_waited_for(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\nnine,x\n", "a,b\n2,y\n")

    def add_for_a_minute() -> None:
        with writer(tmp_path) as results:
            results.expect(PAIR)
            results.add(0, parts[0])
            for number in range(1, 6_000):
                results.add(number, parts[1])
                time.sleep(0.01)

    with pytest.raises(ResultsBroken, match="nine"):
        add_for_a_minute()
    assert stored_files(tmp_path) == []


def test_what_was_written_of_parts_that_came_before_is_removed(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n", "a,b\n3,z\n")
    directory = tmp_path / "results" / DIRECTORY
    with writer(tmp_path) as results:
        results.expect(PAIR)
        results.add(0, parts[0])
        results.add(1, parts[1])
        _wait_until(
            lambda: any(path.stat().st_size for path in directory.glob("_writing-*-00002.parquet"))
        )
        results.add(0, parts[2])
        results.finish()
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-00001.parquet"]


def test_a_result_that_is_given_up_ends_its_work_and_leaves_nothing(tmp_path: Path) -> None:
    rows = "".join(f"{n},x\n" for n in range(10**6))
    parts = write(tmp_path, *[f"a,b\n{rows}"] * 5)
    with suppress(TimeoutError), writer(tmp_path) as results:
        results.expect(PAIR)
        for number, part in enumerate(parts):
            results.add(number, part)
        raise TimeoutError
    assert stored_files(tmp_path) == []
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("results", "parquet"))]


def _wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_rows_are_stored_in_large_groups_and_repetition_once(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 9}\n" for n in range(GROUP_ROWS * 2))
    results = store(tmp_path, write(tmp_path, f"a,b\n{rows}"), PAIR)
    meta = pq.ParquetFile(fsspec.open(results.files[0].uri, "rb").open()).metadata
    groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
    assert all(GROUP_ROWS <= group.num_rows < 2 * GROUP_ROWS for group in groups[:-1])
    assert sum(group.num_rows for group in groups) == 2 * GROUP_ROWS
    assert not groups[0].column(0).has_dictionary_page
    assert groups[0].column(1).has_dictionary_page


# The JSON document


def test_the_document_is_cut_at_ten_thousand_rows(tmp_path: Path) -> None:
    rows = "".join(f"{n},x\n" for n in range(MAX_ROWS + 1))
    results = store(tmp_path, write(tmp_path, f"a,b\n{rows}"), PAIR)
    assert (results.rows, len(results.document["data"])) == (MAX_ROWS + 1, MAX_ROWS)
    assert results.document["truncated"] is True
    exact = store(tmp_path, write(tmp_path, f"a,b\n{rows[: rows.rindex('10000')]}"), PAIR)
    assert (exact.rows, exact.document["truncated"]) == (MAX_ROWS, False)


def test_the_document_is_cut_at_four_mebibytes(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'é' * 1000}\n" for n in range(3000))
    results = store(tmp_path, write(tmp_path, f"a,b\n{rows}"), PAIR)
    size_bytes = len(write_json(results.document["data"]).encode())
    assert 4 * 2**20 - 2100 < size_bytes <= 4 * 2**20
    assert results.document["truncated"] is True
    assert [row["a"] for row in results.document["data"]] == list(
        range(len(results.document["data"]))
    )


def test_the_text_of_the_document_is_the_document(tmp_path: Path) -> None:
    columns = (*COLUMNS, OutputColumn(name='na"me é', data_type="ARRAY"))
    header = HEADER.replace("\n", ',"na""me é"\n')
    tail = ',"[a, ""b"", \\ é\t\u2028]"\n'
    text = header + ROW.replace("\n", tail) + NULLS.replace("\n", ",\n")
    results = store(tmp_path, write(tmp_path, text, text), columns)
    assert results.document_json == write_json(results.document)
    assert len(results.document["data"]) == 4


def test_pandas_reads_the_document_as_a_table(tmp_path: Path) -> None:
    document = store(tmp_path, write(tmp_path, HEADER + ROW)).document_json
    frame = pd.read_json(io.StringIO(document), orient="table", precise_float=True)
    assert list(frame.columns) == HEADER.strip().split(",")
    assert frame["campaign_id"].tolist() == [576460752303423489]
    assert frame["at"][0] == pd.Timestamp("2025-01-06T10:00:00.123")
    assert frame["is_new"][0]


def test_pandas_reads_nulls_of_every_type(tmp_path: Path) -> None:
    document = store(tmp_path, write(tmp_path, HEADER + NULLS + ROW)).document_json
    frame = pd.read_json(io.StringIO(document), orient="table")
    assert frame.isna().iloc[0].all()
    assert not frame.isna().iloc[1].any()


def test_numbers_that_json_lacks_are_null_in_the_document_only(tmp_path: Path) -> None:
    column = OutputColumn(name="a", data_type="DOUBLE")
    results = store(tmp_path, write(tmp_path, "a\nNaN\ninf\n-inf\n"), (column,))
    assert [row["a"] for row in results.document["data"]] == [None, None, None]
    nan, *infinite = read(results)["a"].to_pylist()
    assert math.isnan(nan)
    assert infinite == [math.inf, -math.inf]


EXACT = {
    "id": ("LONG", st.integers(-(2**63), 2**63 - 1)),
    "name": ("STRING", st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
    "rate": ("DECIMAL", st.decimals(-(10**20), 10**20, allow_nan=False, places=17)),
    "share": ("DOUBLE", st.floats(allow_nan=False, allow_infinity=False)),
    "day": ("DATE", st.dates()),
    "at": ("TIMESTAMP", st.datetimes()),
    "is_new": ("BOOLEAN", st.booleans()),
}
EXACT_COLUMNS = tuple(
    OutputColumn(name=name, data_type=kind, precision=38, scale=17)
    for name, (kind, _) in EXACT.items()
)
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in EXACT.items()}),
    max_size=5,
)


def _csv_field(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace('"', '""') + '"'
        case Decimal():
            return format(value, "f")
        case date() | datetime():
            return value.isoformat()
        case _:
            return repr(value)


def _as_csv(rows: list[dict[str, Any]]) -> str:
    lines = [",".join(EXACT), *(",".join(_csv_field(row[name]) for name in EXACT) for row in rows)]
    return "".join(f"{line}\n" for line in lines)


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()
    }


@pytest.fixture
def jsonb(database: Any) -> Any:
    """Send JSON text through a JSONB value and read it back with every digit."""
    connection = database.connect()

    def there_and_back(text: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT (%s::jsonb)::text", (text,))
            return json.loads(cursor.fetchone()[0], parse_float=Decimal)

    return there_and_back


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS)
def test_all_values_survive_csv_parquet_and_jsonb_exactly(
    tmp_path: Path, jsonb: Any, rows: list[dict[str, Any]]
) -> None:
    results = store(tmp_path, write(tmp_path, _as_csv(rows)), EXACT_COLUMNS)
    assert read(results).to_pylist() == rows
    kept = jsonb(results.document_json)["data"]
    assert [{**row, "share": _float(row["share"])} for row in kept] == list(map(_as_json, rows))


def _float(number: Decimal | int | None) -> float | None:
    return None if number is None else float(number)


def test_a_decimal_keeps_its_trailing_zeros_in_jsonb(tmp_path: Path, jsonb: Any) -> None:
    column = OutputColumn(name="a", data_type="DECIMAL", precision=20, scale=4)
    results = store(tmp_path, write(tmp_path, "a\n1.1000\n"), (column,))
    assert str(jsonb(results.document_json)["data"][0]["a"]) == "1.1000"


def test_a_nul_character_which_postgres_refuses_is_replaced_in_the_document_only(
    tmp_path: Path, jsonb: Any
) -> None:
    results = store(tmp_path, write(tmp_path, "a,b\n1,x\0y\n"), PAIR)
    assert read(results)["b"].to_pylist() == ["x\0y"]
    assert jsonb(results.document_json)["data"] == [{"a": 1, "b": "x\ufffdy"}]


# Memory

MEASURED = """
import resource, sys, tracemalloc
from pathlib import Path
from uuid import UUID
from datetime import date
import pyarrow as pa
from recomamp.domain.columns import OutputColumn
from recomamp.store.results import store_results
columns = tuple(OutputColumn(name=n, data_type=t)
                for n, t in (("a", "LONG"), ("b", "STRING"), ("c", "DOUBLE")))
tracemalloc.start()
results = store_results(parts=[Path(sys.argv[1])], columns=columns, results_url=sys.argv[2],
                        workflow_id=UUID(int=1), execution_id=UUID(int=2),
                        window_start=date(2025, 1, 6), verify_lock=lambda: None)
python_bytes = tracemalloc.get_traced_memory()[1]
sys.stdout.write(f"{results.rows} {python_bytes} {pa.default_memory_pool().max_memory()}")
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    block = "".join(f"{n},campaign number {n},{n / 7}\n" for n in range(110_000))
    part = tmp_path / "part.csv"
    peaks = []
    for copies in (11, 22):
        with part.open("w") as file:
            file.write("a,b,c\n")
            file.writelines(block for _ in range(copies))
        said = _run(MEASURED, str(part), f"{tmp_path}/results").split()
        rows, python_bytes, arrow_bytes = map(int, said)
        assert rows == 110_000 * copies
        peaks.append((python_bytes, arrow_bytes))
    assert part.stat().st_size > 90 * 2**20
    assert peaks[1][0] < peaks[0][0] + 2**20
    assert peaks[1][1] < peaks[0][1] + 4 * 2**20
    assert peaks[1][1] < 40 * 2**20  # 32 blocks read ahead, and row groups as they come and go


def _run(program: str, *arguments: str) -> str:
    """Run Python in a process of its own, where limits and peaks are its own too."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "plugins"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
