"""Bringing results home: one try at a time, the row last, nothing left on the worker's disk."""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import fsspec
import psycopg2
import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from fixtures.amazon import Pauses
from fixtures.emulator import RunningEmulator
from fixtures.object_stores import object_store
from fixtures.postgres import Database
from fixtures.run_steps import RETRIES, Run
from recomamp.errors import ExecutionLocked, InvalidResults, ResultNotReady, UnexpectedResponse
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.store.locks import Purpose, locked
from recomamp.store.results.files import directory_of


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide the temporary directory of the worker."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def run(
    run: Run, emulator: RunningEmulator, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Provide a run whose execution AMC has finished; calls are tried again without a pause."""
    monkeypatch.setattr(AmcHook, "sleep", Pauses())
    emulator.progression("at_once")
    emulator.settings(result_parts=3)
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    return run


@pytest.fixture
def left(run: Run, directory: Path) -> list[Path]:
    """Leave what a killed try leaves: downloads on this machine and a half-written file."""
    (row,) = run.executions
    downloads = directory / f"recomamp-{row['id']}-killed"
    downloads.mkdir()
    (downloads / "part-00000.csv").write_text("half a file")
    target = directory_of(
        workflow_id=row["workflow_id"],
        window_start=date(2026, 1, 5),
        execution_id=row["id"],
    )
    aside = directory / "results" / target / "_writing-0-part-00001.parquet"
    aside.parent.mkdir(parents=True)
    aside.write_text("half a file")
    return [downloads, aside]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_arrow_takes_the_memory_of_a_load_from_the_compact_allocator(run: Run) -> None:
    pa.set_memory_pool(pa.system_memory_pool())
    run.step(LoadResults)
    assert pa.default_memory_pool().backend_name == "jemalloc"


def test_what_a_killed_try_has_left_is_removed_by_the_next(
    run: Run, left: list[Path], directory: Path
) -> None:
    others = directory / "recomamp-somebody-elses"
    others.mkdir()
    run.step(LoadResults)
    assert run.executions[0]["status"] == "SUCCESS"
    assert not any(path.exists() for path in left)
    assert [one for one in directory.iterdir() if one.name.startswith("recomamp-")] == [others]


def test_a_try_that_is_told_to_end_leaves_nothing_on_any_disk(
    run: Run, emulator: RunningEmulator, directory: Path
) -> None:
    emulator.fault("download", "hold_before", matching="part-00001")

    def tell_to_end() -> None:
        until(lambda: bool(emulator.held() and list(directory.rglob("_writing-*"))))
        os.kill(os.getpid(), signal.SIGTERM)

    # As Airflow's task runner does
    former = signal.signal(
        signal.SIGTERM,
        lambda *_: LoadResults(
            task_id="load", definition_kind="schedule", definition_id=str(uuid4())
        ).on_kill(),
    )
    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(tell_to_end)
            with pytest.raises(SystemExit):
                run.step(LoadResults)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert [path for path in directory.rglob("*") if path.is_file()] == []
    assert run.executions[0]["status"] == "RUNNING"
    assert run.try_until_done(LoadResults)


def test_while_one_try_loads_another_touches_nothing_and_is_tried_again(
    run: Run, left: list[Path], emulator: RunningEmulator
) -> None:
    with locked(DatabaseHook().get_conn, run.executions[0]["id"], Purpose.LOAD):
        before = len(emulator.calls())
        with pytest.raises(ExecutionLocked, match="another try is loading it just now"):
            run.step(LoadResults)
        assert len(emulator.calls()) == before
        assert all(path.exists() for path in left)
    (row,) = run.executions
    assert (row["status"], row["next_retry_at"] is not None) == ("RUNNING", True)
    assert "another try is loading it just now" in row["error_message"]
    assert run.try_until_done(LoadResults)


def test_a_try_that_has_lost_its_lock_leaves_the_results_of_the_next_alone(
    run: Run,
    database: Database,
    emulator: RunningEmulator,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator.fault("download", "hold_before")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run.step, LoadResults)
        try:
            until(lambda: bool(emulator.held()))
            holders = (
                "SELECT pid FROM pg_locks"
                " WHERE relation = 'execution_locks'::regclass AND mode = 'RowShareLock'"
            )
            ended = database.query(f"SELECT pg_terminate_backend(pid) FROM ({holders}) AS holder")
            assert len(ended) == 1
            until(lambda: not database.query(holders))
            (directory / "another worker").mkdir()
            monkeypatch.setattr(tempfile, "tempdir", str(directory / "another worker"))
            run.step(LoadResults)
            after = run.executions
        finally:
            emulator.clear_faults()
        with pytest.raises(ExecutionLocked, match="lost its connection"):
            first.result()
    assert run.executions == after
    (row,) = after
    assert row["status"] == "SUCCESS"
    files = row["result_data"]["files"]
    paths = [Path(urlsplit(file["uri"]).path) for file in files]
    assert sorted(paths) == sorted(path for path in paths[0].parent.iterdir())
    for path, file in zip(paths, files, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]


def test_a_load_during_which_its_execution_is_deleted_is_tried_again(
    run: Run, database: Database, emulator: RunningEmulator
) -> None:
    """The deletion holds the execution and waits for the row of the lock, which the load has."""
    run.step(LoadResults)
    execution_id = run.executions[0]["id"]
    emulator.fault("download", "hold_before")
    with ThreadPoolExecutor(2) as pool, closing(psycopg2.connect(database.uri)) as other:

        def delete() -> None:
            with other, other.cursor() as cursor:
                cursor.execute("SET deadlock_timeout = '60s'")  # the load is to notice it
                cursor.execute("DELETE FROM workflow_executions WHERE id = %s", [execution_id])

        load = pool.submit(run.step, LoadResults)
        try:
            until(lambda: bool(emulator.held()))
            deletion = pool.submit(delete)
            waits = "SELECT pid FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
            until(lambda: bool(database.query(waits, [other.info.backend_pid])))
        finally:
            emulator.clear_faults()
        with pytest.raises(ExecutionLocked, match="it may delete the execution"):
            load.result()
        deletion.result()
    assert run.executions == []


def test_the_row_lists_no_file_before_all_of_them_have_their_names(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, Any]] = []

    class Watched(MemoryFileSystem):  # type: ignore[misc]
        protocol = "renaming"

        def mv(self, path1: str, path2: str, **options: Any) -> None:
            super().mv(path1, path2, **options)
            seen.extend((row["status"], row["result_data"]) for row in run.executions)

    fsspec.register_implementation("renaming", Watched, clobber=True)
    monkeypatch.setenv("RECOMAMP_RESULTS_URL", f"renaming://{uuid4()}")
    run.step(LoadResults)
    (row,) = run.executions
    assert seen == [("RUNNING", None)] * len(row["result_data"]["files"])
    assert len(seen) > 1


def values(run: Run) -> list[tuple[Any, ...]]:
    """Return the rows that the latest execution's document shows."""
    return [tuple(row.values()) for row in run.executions[-1]["result_data"]["data"]]


def types(run: Run) -> list[str]:
    return [field["dataType"] for field in run.executions[-1]["result_data"]["schema"]["fields"]]


@pytest.mark.parametrize(
    "settings",
    [
        {"last_line_end": False},
        {"csv_line_end": "crlf"},
        {"ignore_output_format": True, "csv_escape": "backslash"},
        {"gzip_parts": "without_header"},
        {"gzip_parts": "with_header", "last_line_end": False},
        {"links_as_objects": True},
        {"result_parts": 5, "last_line_end": False, "csv_line_end": "crlf"},
    ],
)
def test_files_and_links_may_come_in_another_form(
    run: Run, emulator: RunningEmulator, settings: dict[str, Any]
) -> None:
    run.step(LoadResults)
    usual = values(run)
    run.clear()
    emulator.settings(**settings)
    for step in (SubmitExecution, WaitForExecution, LoadResults):
        run.step(step)
    assert len(run.executions) == 2
    assert sorted(values(run)) == sorted(usual)


@pytest.mark.parametrize("operation", ["get_execution", "download_urls"])
def test_a_result_that_amc_does_not_know_for_a_while_is_waited_for(
    run: Run, emulator: RunningEmulator, operation: str
) -> None:
    emulator.fault(operation, "not_found", times=7)
    with pytest.raises(ResultNotReady):
        run.step(LoadResults)
    (row,) = run.executions
    assert (row["status"], row["next_retry_at"] is not None) == ("RUNNING", True)
    assert "The requested resource does not exist." in row["error_message"]
    assert run.try_until_done(LoadResults)
    assert len(run.errors) == 0


@pytest.mark.parametrize("operation", ["get_execution", "download_urls"])
def test_a_result_that_stays_away_ends_the_task_in_amazons_words(
    run: Run, emulator: RunningEmulator, operation: str
) -> None:
    emulator.fault(operation, "not_found", times=None, reason="There is no such thing.")
    assert not run.try_until_done(LoadResults)
    assert len(run.errors) == 1 + RETRIES
    assert {type(error) for error in run.errors} == {ResultNotReady}
    assert "There is no such thing." in run.executions[0]["error_message"]
    emulator.clear_faults()
    run.clear()
    run.step(LoadResults)
    assert run.executions[0]["status"] == "SUCCESS"


def test_columns_that_amc_leaves_out_are_those_of_the_last_result(
    run: Run, emulator: RunningEmulator
) -> None:
    run.step(LoadResults)
    usual = types(run)
    assert set(usual) != {"STRING"}
    run.clear()
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    emulator.fault("get_execution", "no_output_columns", times=None)
    run.step(LoadResults)
    assert len(run.executions) == 2
    assert types(run) == usual


OTHER_QUERIES = {
    "query": "submitted_sql = submitted_sql || ' '",
    "type of a parameter": (
        'input_parameters = input_parameters || \'[{"name": "n", "dataType": "LONG"}]\''
    ),
}


@pytest.mark.parametrize("change", OTHER_QUERIES.values(), ids=OTHER_QUERIES)
def test_the_result_of_another_query_says_nothing_of_types(
    run: Run, database: Database, emulator: RunningEmulator, change: str
) -> None:
    """The names of the columns are the same, the types may not be."""
    run.step(LoadResults)
    run.clear()
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    database.query(f"UPDATE workflow_executions SET {change} WHERE attempt = 1")
    emulator.fault("get_execution", "no_output_columns", times=5)
    with pytest.raises(UnexpectedResponse, match="no earlier result of the same query") as refused:
        run.step(LoadResults)
    row = run.executions[-1]
    assert row["amc_execution_id"] in str(refused.value)
    assert "Clear the task load to ask later" in row["error_message"]
    assert (row["status"], row["next_retry_at"] is not None) == ("RUNNING", True)
    assert run.try_until_done(LoadResults)


def test_values_that_are_not_of_the_last_types_are_not_made_text(
    run: Run, database: Database, emulator: RunningEmulator
) -> None:
    run.step(LoadResults)
    run.clear()
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    database.query(
        "UPDATE workflow_executions SET result_data = jsonb_set("
        "  result_data, '{schema,fields,0,dataType}', '\"BOOLEAN\"') WHERE attempt = 1"
    )
    emulator.fault("get_execution", "no_output_columns", times=None)
    with pytest.raises(InvalidResults, match=r"row 2, column .* is not a valid BOOLEAN"):
        run.step(LoadResults)


def test_columns_that_amc_leaves_out_and_nobody_knows_are_not_made_text(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.fault("get_execution", "no_output_columns", times=5)
    with pytest.raises(UnexpectedResponse, match="does not describe the columns"):
        run.step(LoadResults)
    (row,) = run.executions
    assert (row["status"], row["next_retry_at"] is not None) == ("RUNNING", True)
    assert run.try_until_done(LoadResults)
    assert set(types(run)) != {"STRING"}


def test_the_last_result_says_nothing_of_other_columns(
    run: Run, database: Database, emulator: RunningEmulator
) -> None:
    run.step(LoadResults)
    run.clear()
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    database.query(
        "UPDATE workflow_executions SET result_data = jsonb_set("
        "  result_data, '{schema,fields,0,name}', '\"another\"') WHERE attempt = 1"
    )
    emulator.fault("get_execution", "no_output_columns", times=None)
    with pytest.raises(InvalidResults, match="the file has the columns"):
        run.step(LoadResults)


@pytest.mark.parametrize(
    "failure", [PermissionError("The provided token has expired."), LookupError("No credentials")]
)
def test_what_storage_refuses_for_now_is_in_the_row_and_tried_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setenv("RECOMAMP_RESULTS_URL", "s3://bucket/results")
    with object_store("s3") as files:
        files.failures.append(failure)
        with pytest.raises(InvalidResults):
            run.step(LoadResults)
        (row,) = run.executions
        assert row["next_retry_at"] is not None
        assert str(failure).strip("'") in row["error_message"]
        assert run.try_until_done(LoadResults)
    assert run.executions[0]["result_data"]["files"][0]["uri"].startswith("s3://bucket/results/")
