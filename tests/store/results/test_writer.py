"""A result is worked on while its parts come in, in constant memory."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.results import (
    DIRECTORY,
    PAIR,
    document,
    read,
    run_python,
    stored_files,
    wait_until,
    write,
    writer,
)
from recomamp.errors import InvalidResults


def test_parts_are_worked_on_before_the_last_is_there_and_seen_when_all_are(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n")
    directory = tmp_path / "results" / DIRECTORY
    with writer(tmp_path) as results:
        results.set_columns(PAIR)
        results.add(0, parts[0])
        wait_until(lambda: any(path.stat().st_size for path in directory.glob("_writing-*")))
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
        results.set_columns(PAIR)
        for number, part in enumerate(parts[:3]):
            results.add(number, part)
        results.add(0, parts[3])
        stored = results.finish()
    assert read(stored).to_pydict() == {"b": ["z"], "a": [4]}
    assert document(stored)["data"] == [{"b": "z", "a": 4}]
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-00001.parquet"]


def test_after_a_part_that_cannot_be_read_no_other_is_waited_for(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\nnine,x\n", "a,b\n2,y\n")

    def add_for_a_minute() -> None:
        with writer(tmp_path) as results:
            results.set_columns(PAIR)
            results.add(0, parts[0])
            for number in range(1, 6_000):
                results.add(number, parts[1])
                time.sleep(0.01)

    with pytest.raises(InvalidResults, match="nine"):
        add_for_a_minute()
    assert stored_files(tmp_path) == []


def test_what_was_written_of_parts_that_came_before_is_removed(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", "a,b\n2,y\n", "a,b\n3,z\n")
    directory = tmp_path / "results" / DIRECTORY
    with writer(tmp_path) as results:
        results.set_columns(PAIR)
        results.add(0, parts[0])
        results.add(1, parts[1])
        wait_until(
            lambda: any(path.stat().st_size for path in directory.glob("_writing-*-00002.parquet"))
        )
        results.add(0, parts[2])
        results.finish()
    assert stored_files(tmp_path) == [f"{DIRECTORY}/part-00001.parquet"]


def test_a_result_that_is_given_up_ends_its_work_and_leaves_nothing(tmp_path: Path) -> None:
    rows = "".join(f"{n},x\n" for n in range(10**6))
    parts = write(tmp_path, *[f"a,b\n{rows}"] * 5)
    with suppress(TimeoutError), writer(tmp_path) as results:
        results.set_columns(PAIR)
        for number, part in enumerate(parts):
            results.add(number, part)
        raise TimeoutError
    assert stored_files(tmp_path) == []
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("results", "parquet"))]


MEASURED = """
import sys, tracemalloc
from pathlib import Path
import pyarrow as pa
from fixtures.results import store
from recomamp.domain.result_columns import OutputColumn
columns = tuple(OutputColumn(name=n, data_type=t)
                for n, t in (("a", "LONG"), ("b", "STRING"), ("c", "DOUBLE")))
tracemalloc.start()
results = store(Path(sys.argv[1]), [Path(sys.argv[2])], columns)
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
        said = run_python(MEASURED, str(tmp_path), str(part)).split()
        rows, python_bytes, arrow_bytes = map(int, said)
        assert rows == 110_000 * copies
        peaks.append((python_bytes, arrow_bytes))
    assert part.stat().st_size > 90 * 2**20
    assert peaks[1][0] < peaks[0][0] + 2**20
    assert peaks[1][1] < peaks[0][1] + 4 * 2**20
    assert peaks[1][1] < 40 * 2**20  # 32 blocks read ahead, and row groups as they come and go


IMPORTS = """
import sys
from pathlib import Path
from fixtures.results import store
from recomamp.domain.result_columns import OutputColumn
types = ("LONG", "STRING", "DOUBLE", "DECIMAL", "BOOLEAN", "DATE", "TIMESTAMP")
columns = tuple(
    OutputColumn(name=n, data_type=t, precision=38, scale=17) for n, t in zip("abcdefg", types)
)
results = store(Path(sys.argv[1]), [Path(sys.argv[2])], columns)
sys.stdout.write(f"{results.rows} {'pandas' in sys.modules}")
"""


def test_a_load_does_not_import_pandas(tmp_path: Path) -> None:
    """Arrow imports it to make an array or a scalar: half of a load's CPU time, and 30 MB."""
    (part,) = write(
        tmp_path,
        "a,b,c,d,e,f,g\n"
        "1,x,0.0e1,123456789012345678901.5,true,2026-01-01,2026-01-01T00:00:00Z\n"
        "2,y,NaN,0.5,false,2026-01-02,2026-01-02T00:00:00\n"
        ",,,,,,\n",
    )
    assert run_python(IMPORTS, str(tmp_path), str(part)) == "3 False"
