"""Results as DataFrames: which windows, exact values, and what happens without the files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pandas as pd
import psycopg2
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from psycopg2.extras import Json

from fixtures.postgres import Database, Row, Rows
from fixtures.results import COLUMNS, HEADER, NULLS, PAIR, ROW, WORKFLOW, store, write
from recomamp import results
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import ConfigurationError, InvalidDefinition, InvalidResults

LONG = OutputColumn(name="a", data_type="LONG")


class Stored:
    """Stores results of one workflow, with real files."""

    def __init__(self, database: Database, rows: Rows, directory: Path) -> None:
        self.database, self.rows, self.directory = database, rows, directory
        self.workflow = rows.workflow(id=str(WORKFLOW), name="Reach")

    def result(
        self, first: date, last: date, text: str, columns: Any = PAIR, **changes: Any
    ) -> Row:
        """Store the result of a window, whose last day is not read."""
        key = uuid4()
        aside = self.directory / str(key)
        aside.mkdir()
        url = changes.pop("results_url", None)
        written = store(
            self.directory, write(aside, text), columns, execution_id=key, results_url=url
        )
        row = {
            "status": "SUCCESS",
            "window_start": datetime(first.year, first.month, first.day, tzinfo=UTC),
            "window_end": datetime(last.year, last.month, last.day, tzinfo=UTC),
            "window_time_zone": "UTC",
            "completed_at": "2026-03-01",
            "results_loaded_at": "2026-03-01",
            "result_data": written.document,
            "result_rows": written.rows,
            "result_size_bytes": written.size_bytes,
        }
        return self.rows.execution(self.workflow, id=str(key), **{**row, **changes})

    def day(self, number: int, text: str, **changes: Any) -> Row:
        """Store the result of a day of January."""
        return self.result(date(2026, 1, number), date(2026, 1, number + 1), text, **changes)

    def delete_files(self, row: Row) -> None:
        for path in (self.directory / "results").rglob(f"*{row['id']}*/*.parquet"):
            path.unlink()


@pytest.fixture
def stored(database: Database, rows: Rows, tmp_path: Path) -> Stored:
    return Stored(database, rows, tmp_path)


@pytest.fixture
def current(database: Database) -> Any:
    """Provide the function, with a connection that is open."""

    def call(workflow: Any = WORKFLOW, *arguments: Any, **options: Any) -> pd.DataFrame:
        with database.connect() as connection:
            return results.current(workflow, *arguments, connection=connection, **options)

    return call


def test_every_value_is_exact(stored: Stored, current: Any) -> None:
    empty = ROW.replace("Acme", '""')
    stored.result(date(2026, 1, 5), date(2026, 1, 6), HEADER + ROW + NULLS + empty, COLUMNS)
    frame = current()
    assert [str(kind) for kind in frame.dtypes] == [
        "int64[pyarrow]",
        "string[pyarrow]",
        "decimal128(38, 17)[pyarrow]",
        "double[pyarrow]",
        "date32[day][pyarrow]",
        "timestamp[us][pyarrow]",
        "bool[pyarrow]",
    ]
    assert frame["campaign_id"][0] == 576460752303423489
    assert frame["rate"][0] == Decimal("0.12345678901234567")
    assert frame["day"][0] == date(2025, 1, 6)
    assert frame["at"][0] == datetime(2025, 1, 6, 10, 0, 0, 123000)
    assert frame.iloc[1].isna().all()
    assert (frame["campaign"][2], frame["campaign"].isna()[2]) == ("", False)


def test_the_document_gives_the_same_as_the_files(stored: Stored, current: Any) -> None:
    text = HEADER + ROW + NULLS + ROW.replace("Acme", '""')
    row = stored.result(date(2026, 1, 5), date(2026, 1, 6), text, COLUMNS)
    by_files = current()
    stored.delete_files(row)
    pd.testing.assert_frame_equal(current(), by_files)
    wanted = ["rate", "campaign"]
    pd.testing.assert_frame_equal(current(columns=wanted), by_files[wanted])


def test_windows_come_in_order_and_each_once(stored: Stored, current: Any) -> None:
    stored.day(6, "a,b\n2,y\n")
    stored.day(5, "a,b\n1,old\n", completed_at="2026-02-01", results_loaded_at="2026-02-01")
    latest = stored.day(5, "a,b\n1,x\n")
    frame = current(with_window=True)
    assert frame["b"].tolist() == ["x", "y"]
    assert frame["recomamp_window_start"].tolist() == [
        pd.Timestamp(2026, 1, day, tz="UTC") for day in (5, 6)
    ]
    assert frame["recomamp_window_end"][0] == pd.Timestamp(2026, 1, 6, tz="UTC")
    assert frame["recomamp_execution"][0] == latest["id"]
    assert current().columns.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"start": date(2026, 1, 6)}, ["y", "z"]),
        ({"end": date(2026, 1, 6)}, ["x"]),
        ({"start": date(2026, 1, 6), "end": date(2026, 1, 7)}, ["y"]),
        ({"start": datetime(2026, 1, 5, 1)}, ["y", "z"]),
        ({"start": datetime(2026, 1, 6, tzinfo=UTC)}, ["y", "z"]),
        ({"key": "2026-01-06"}, ["y"]),
        ({"key": "2026-01-09"}, []),
    ],
)
def test_the_windows_between_two_times_are_read(
    stored: Stored, current: Any, options: dict[str, Any], found: list[str]
) -> None:
    for number, text in ((5, "x"), (6, "y"), (7, "z")):
        stored.day(number, f"a,b\n1,{text}\n")
    frame = current(columns=["b"], **options)
    assert frame["b"].tolist() == found


def test_results_of_another_time_are_read_as_they_were(stored: Stored, database: Database) -> None:
    stored.day(5, "a,b\n1,old\n", completed_at="2026-02-01", results_loaded_at="2026-02-01")
    stored.day(5, "a,b\n1,new\n")
    with database.connect() as connection:

        def read(day: datetime) -> list[str]:
            frame = results.as_of(WORKFLOW, day, columns=["b"], connection=connection)
            return list(frame["b"])

        assert read(datetime(2026, 1, 1, tzinfo=UTC)) == []
        assert read(datetime(2026, 2, 15, tzinfo=UTC)) == ["old"]
        assert read(datetime(2026, 3, 15, tzinfo=UTC)) == ["new"]
        with pytest.raises(InvalidDefinition, match="has no time zone"):
            read(datetime(2026, 3, 15))


def test_one_execution_is_read_whether_it_is_current_or_not(
    stored: Stored, database: Database
) -> None:
    old = stored.day(5, "a,b\n1,old\n", completed_at="2026-02-01", results_loaded_at="2026-02-01")
    stored.day(5, "a,b\n1,new\n")
    frame = results.execution(old["id"], connection=database.uri)
    assert frame["b"].tolist() == ["old"]
    for unknown in (uuid4(), "x"):
        with pytest.raises(InvalidDefinition):
            results.execution(unknown, connection=database.uri)


def test_windows_lists_what_there_is(stored: Stored, database: Database) -> None:
    schedule = stored.rows.schedule(stored.workflow)
    row = stored.day(5, "a,b\n1,x\n", schedule_id=schedule["id"])
    listed = results.windows("Reach", connection=database.uri)
    (line,) = listed.to_dict("records")
    assert (line["key"], line["time_zone"], line["type"]) == ("2026-01-05", "UTC", "EXPLICIT")
    assert (line["execution_id"], line["schedule_id"]) == (row["id"], schedule["id"])
    assert (line["rows"], line["versions"]) == (1, 1)
    assert pd.isna(line["collection_id"])
    assert pd.isna(line["files_deleted_at"])
    stored.rows.workflow(name="Empty")
    assert results.windows("Empty", connection=database.uri).columns.equals(listed.columns)


def test_a_workflow_is_named_by_its_id_or_by_a_name_that_no_other_has(
    stored: Stored, current: Any
) -> None:
    stored.day(5, "a,b\n1,x\n")
    for name in (WORKFLOW, str(WORKFLOW), "Reach"):
        assert len(current(name)) == 1
    other = stored.rows.workflow(name="Reach")
    with pytest.raises(InvalidDefinition, match="several workflows have the name 'Reach'") as err:
        current("Reach")
    assert other["id"] in str(err.value)
    assert str(WORKFLOW) in str(err.value)
    for unknown in ("nothing", uuid4()):
        with pytest.raises(InvalidDefinition, match="no workflow has the id or the name"):
            current(unknown)


def test_the_id_of_a_deleted_workflow_is_no_name_of_another_users(
    stored: Stored, current: Any
) -> None:
    gone = uuid4()
    stored.rows.workflow(name=str(gone))
    for named in (gone, str(gone), gone.hex):
        with pytest.raises(InvalidDefinition, match="no workflow has the id or the name"):
            current(named)


def test_windows_of_two_sources_that_overlap_are_not_mixed(stored: Stored, current: Any) -> None:
    schedule, collection = (
        stored.rows.schedule(stored.workflow),
        stored.rows.collection(stored.workflow),
    )
    stored.day(12, "a,b\n3,s\n", schedule_id=schedule["id"])
    week = {"collection_id": collection["id"]}
    stored.result(date(2026, 1, 5), date(2026, 1, 12), "a,b\n1,c\n", **week)
    assert current()["b"].tolist() == ["c", "s"]  # they only touch

    stored.day(8, "a,b\n2,s\n", schedule_id=schedule["id"])
    with pytest.raises(InvalidDefinition, match="windows overlap") as err:
        current()
    for part in (collection["id"], schedule["id"], "[2026-01-08 00:00", "source="):
        assert part in str(err.value)
    assert current(overlaps="keep")["b"].tolist() == ["c", "s", "s"]
    assert current(source=collection["id"])["b"].tolist() == ["c"]
    assert current(source=UUID(schedule["id"]))["b"].tolist() == ["s", "s"]
    assert current(start=date(2026, 1, 8))["b"].tolist() == ["s", "s"]
    stored.day(8, "a,b\n4,d\n")
    assert current(source="deleted")["b"].tolist() == ["d"]


def test_overlapping_windows_of_one_source_are_put_together_on_request_alone(
    stored: Stored, current: Any
) -> None:
    """A schedule with lookback_days reads each day several times."""
    source = {"schedule_id": stored.rows.schedule(stored.workflow)["id"]}
    stored.result(date(2026, 1, 5), date(2026, 1, 8), "a,b\n1,x\n", **source)
    stored.result(date(2026, 1, 8), date(2026, 1, 9), "a,b\n2,y\n", **source)
    assert current()["b"].tolist() == ["x", "y"]  # they only touch
    stored.result(date(2026, 1, 6), date(2026, 1, 9), "a,b\n3,z\n", **source)
    with pytest.raises(
        InvalidDefinition, match="windows overlap, so rows would count twice"
    ) as err:
        current()
    for part in (
        "[2026-01-05 00:00",
        "[2026-01-06 00:00",
        source["schedule_id"],
        "overlaps='keep'",
    ):
        assert part in str(err.value)
    assert "source=" not in str(err.value)
    assert current(overlaps="keep")["b"].tolist() == ["x", "z", "y"]
    assert current(key="2026-01-06/2026-01-09")["b"].tolist() == ["z"]
    with pytest.raises(InvalidDefinition, match="overlaps must be 'refuse' or 'keep', not 'drop'"):
        current(overlaps="drop")


def test_a_column_that_a_result_lacks_is_null_and_integers_become_wider(
    stored: Stored, current: Any
) -> None:
    narrow = OutputColumn(name="a", data_type="INTEGER")
    stored.day(5, "a\n1\n", columns=[narrow])
    stored.day(6, f"a,b\n{2**60},x\n")
    frame = current()
    assert frame["a"].tolist() == [1, 2**60]
    assert str(frame["a"].dtype) == "int64[pyarrow]"
    assert frame["b"].isna().tolist() == [True, False]


@pytest.mark.parametrize("kind", ["STRING", "DOUBLE"])
def test_a_column_that_changed_its_type_is_not_guessed(
    stored: Stored, current: Any, kind: str
) -> None:
    first = stored.day(5, "a\n1\n", columns=[LONG])
    stored.day(6, "a\n2\n", columns=[OutputColumn(name="a", data_type=kind)])
    with pytest.raises(InvalidResults, match="column 'a' is int64 in execution") as err:
        current()
    assert first["id"] in str(err.value)


def test_a_column_that_is_not_there_is_named_with_those_that_are(
    stored: Stored, current: Any
) -> None:
    row = stored.day(5, "a,b\n1,x\n")
    with pytest.raises(InvalidResults, match="has no column 'c'; it has a, b"):
        current(columns=["a", "c"])
    stored.delete_files(row)
    with pytest.raises(InvalidResults, match="has no column 'c'; it has a, b"):
        current(columns=["c"])


def test_missing_files_name_the_execution_and_the_remedy(stored: Stored, current: Any) -> None:
    row = stored.day(5, "a,b\n1,x\n2,y\n")
    stored.delete_files(row)
    stored.database.query(
        "UPDATE workflow_executions SET result_data = result_data || %s",
        [Json({"data": [], "truncated": True})],
    )
    with pytest.raises(InvalidResults, match=r"part-00001.parquet is missing.*backfill") as err:
        current()
    assert row["id"] in str(err.value)
    stored.database.query(
        "UPDATE workflow_executions SET result_files_deleted_at = NOW(),"
        " result_data = result_data || %s",
        [Json({"files": []})],
    )
    with pytest.raises(InvalidResults, match="its files were deleted"):
        current()


@pytest.fixture
def at_first_file(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], None]]]:
    """Provide a list of what happens when the first file of a bucket is opened."""
    steps = list[Callable[[], None]]()
    opened = MemoryFileSystem._open

    def wait_and_open(*arguments: Any, **options: Any) -> Any:
        while steps:
            steps.pop()()
        return opened(*arguments, **options)

    monkeypatch.setattr(MemoryFileSystem, "_open", wait_and_open)
    yield steps
    MemoryFileSystem.store.clear()


BUCKET = "memory://bucket/results"


def test_files_are_read_after_the_transaction(
    stored: Stored, database: Database, at_first_file: list[Callable[[], None]]
) -> None:
    """It would keep VACUUM from old rows for as long as the files take."""
    row = stored.day(5, "a,b\n1,x\n", results_url=BUCKET)
    connection, states = database.connect(), list[int]()
    reads = (
        lambda: results.current(WORKFLOW, connection=connection),
        lambda: results.as_of(WORKFLOW, datetime.now(UTC), connection=connection),
        lambda: results.execution(row["id"], connection=connection),
    )
    for read in reads:
        at_first_file.append(lambda: states.append(connection.info.transaction_status))
        assert read()["b"].tolist() == ["x"]
    assert states == [psycopg2.extensions.TRANSACTION_STATUS_IDLE] * 3


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE workflow_executions SET result_files_deleted_at = NOW(),"
            ' result_data = result_data || \'{"data": [], "files": []}\'',
            "retention deleted its files while they were read.*run its window again",
        ),
        ("DELETE FROM workflow_executions", "was deleted while its results were read; call again"),
    ],
)
def test_files_that_are_deleted_while_they_are_read_name_the_execution_and_the_remedy(
    stored: Stored,
    current: Any,
    at_first_file: list[Callable[[], None]],
    statement: str,
    words: str,
) -> None:
    row = stored.day(5, "a,b\n1,x\n", results_url=BUCKET)

    def delete() -> None:
        stored.database.query(f"{statement} WHERE id = %s RETURNING id", [row["id"]])
        MemoryFileSystem.store.clear()

    at_first_file.append(delete)
    with pytest.raises(InvalidResults, match=words) as err:
        current()
    assert row["id"] in str(err.value)


def test_a_file_that_is_not_the_one_that_was_loaded_is_refused(
    stored: Stored, current: Any
) -> None:
    stored.day(5, "a,b\n1,x\n")
    stored.database.query(
        "UPDATE workflow_executions SET result_data = jsonb_set(result_data, '{files,0,rows}', '7')"
    )
    with pytest.raises(InvalidResults, match=r"has 1 rows, and execution .* has loaded 7"):
        current()


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "https://example.com/x.parquet", ""])
def test_no_file_is_opened_that_is_not_the_executions(
    stored: Stored, current: Any, uri: str
) -> None:
    stored.day(5, "a,b\n1,x\n")
    other = str(uuid4())
    (file,) = stored.database.query("SELECT result_data #>> '{files,0,uri}' AS uri"
                                    " FROM workflow_executions")  # fmt: skip
    for named in (uri, file["uri"].replace(str(WORKFLOW), other), file["uri"] + "/../x"):
        stored.database.query(
            "UPDATE workflow_executions"
            " SET result_data = jsonb_set(result_data, '{files,0,uri}', to_jsonb(%s::TEXT))",
            [named],
        )
        with pytest.raises(InvalidResults, match="it is not opened"):
            current()


@pytest.mark.parametrize("name", ["plain", "with space", "50%25 off", "ümlaut"])
def test_files_are_found_at_their_own_addresses_and_below_the_setting(
    stored: Stored, current: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    url = f"{tmp_path}/{name}"
    stored.day(5, "a,b\n1,x\n", results_url=url)
    monkeypatch.delenv("RECOMAMP_RESULTS_URL", raising=False)
    assert current()["b"].tolist() == ["x"]
    monkeypatch.setenv("RECOMAMP_RESULTS_URL", url)
    assert current()["b"].tolist() == ["x"]
    assert current(results_url=f"{tmp_path}/elsewhere")["b"].tolist() == ["x"]


def test_files_of_another_storage_are_read(stored: Stored, current: Any) -> None:
    stored.day(5, "a,b\n1,x\n", results_url="memory://bucket/results")
    try:
        assert current()["b"].tolist() == ["x"]
    finally:
        MemoryFileSystem.store.clear()


def test_an_analyst_reads_own_results_alone(stored: Stored, database: Database) -> None:
    stored.day(5, "a,b\n1,x\n")
    owner = database.connect("recomamp_analyst", stored.workflow["user_id"])
    assert len(results.current(WORKFLOW, connection=owner)) == 1
    stranger = database.connect("recomamp_analyst", stored.rows.user()["id"])
    for name in (WORKFLOW, "Reach"):
        with pytest.raises(InvalidDefinition, match="no workflow"):
            results.current(name, connection=stranger)
    (one,) = database.query("SELECT id FROM workflow_executions")
    with pytest.raises(InvalidDefinition, match="has results"):
        results.execution(one["id"], connection=stranger)


@pytest.mark.usefixtures("pipeline_connection")
def test_a_task_of_airflow_names_a_connection(stored: Stored) -> None:
    """With the rights of the pipeline, and no more."""
    stored.day(5, "a,b\n1,x\n")
    assert results.current(WORKFLOW)["b"].tolist() == ["x"]
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_NOT_THERE"):
        results.current(WORKFLOW, connection="not_there")


def test_a_database_that_cannot_be_reached_is_said_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match="cannot connect") as err:
        results.current(WORKFLOW, connection="postgresql://ann:secret@127.0.0.1:1/x")
    assert "secret" not in str(err.value)


def test_an_open_connection_stays_open_in_its_transaction(
    stored: Stored, database: Database
) -> None:
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workflows SET name = 'Renamed'")
    results.current("Renamed", connection=connection)
    connection.rollback()
    assert database.query("SELECT name FROM workflows") == [{"name": "Reach"}]
    assert connection.status == psycopg2.extensions.STATUS_READY


def test_a_notebook_needs_no_airflow() -> None:
    program = (
        "import sys\n"
        "sys.modules['airflow'] = None\n"
        "from recomamp import results\n"
        "try:\n"
        "    results.windows('x')\n"
        "except Exception as err:\n"
        "    print(type(err).__name__, err)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ConfigurationError Airflow" in done.stdout
    assert "name the database by a URI" in done.stdout
