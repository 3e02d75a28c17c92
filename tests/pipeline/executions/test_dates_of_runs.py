"""Runs whose dates somebody has mistyped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution

STEPS = (SubmitExecution, WaitForExecution, LoadResults, RecordRun)


def fail(run: Run, complaint: str) -> None:
    with pytest.raises(AirflowFailException, match=complaint):
        run.step(SubmitExecution)
    run.step(RecordRun)


def date_all(run: Run, start: datetime) -> None:
    """Date a run as a backfill does."""
    run.dag_run.logical_date = run.dag_run.data_interval_start = start
    run.dag_run.run_after = run.dag_run.data_interval_end = start + timedelta(days=7)


@pytest.mark.parametrize("year", [1, 206, 1926, 1999, 2101])
def test_a_backfill_of_a_mistyped_year_says_so_where_the_application_looks(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator, year: int
) -> None:
    date_all(run, datetime(year, 1, 5, tzinfo=UTC))
    complaint = f"{year:04}-01-05 is not between 2000-01-01 and 2100-01-01; start a run"
    fail(run, complaint)
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    assert (book["status"], book["execution_id"]) == ("FAILED", None)
    assert complaint in book["error_message"]
    after = rows.get("workflow_schedules", schedule)
    assert (after["last_run_status"], after["failed_runs"]) == ("FAILED", 1)
    assert emulator.executions() == []


def test_a_mistyped_tick_says_so_though_the_window_is_right(run: Run) -> None:
    run.dag_run.run_after = datetime(1999, 12, 31, tzinfo=UTC)
    fail(run, "run_after 1999-12-31 is not between 2000-01-01")
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    assert "1999-12-31" in book["error_message"]


def test_a_mistyped_tick_of_a_week_fails_the_week(
    database: Database, rows: Rows, instance: Row
) -> None:
    collection = rows.collection(
        workflow=rows.workflow(instance=instance), start_date="2026-01-05", end_date="2026-01-11"
    )
    run = Run(database, collection_id=str(collection["id"]))
    run.dag_run.run_after = datetime(1999, 12, 31, tzinfo=UTC)
    fail(run, "1999-12-31 is not between")
    (week,) = rows.weeks(collection)
    assert week["status"] == "FAILED"
    assert "1999-12-31" in week["error_message"]


def test_a_run_of_a_mistyped_year_is_not_the_last_run(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    for step in STEPS:
        run.step(step)
    mistyped = Run(run.database, "backfill__1926", **run.source)
    date_all(mistyped, datetime(1926, 1, 5, tzinfo=UTC))
    fail(mistyped, "1926-01-05")
    assert rows.get("workflow_schedules", schedule)["last_run_status"] == "SUCCESS"


@pytest.mark.parametrize("microseconds", [0, 678_000])
def test_a_run_with_an_empty_data_interval_is_refused(run: Run, microseconds: int) -> None:
    at = datetime(2026, 1, 5, 10, 23, 45, microseconds, tzinfo=UTC)
    run.dag_run.data_interval_start = run.dag_run.data_interval_end = at
    fail(run, "data interval .* is empty")


def test_a_row_that_is_invalid_is_named_by_the_run_that_submitted_nothing(
    run: Run, rows: Rows, schedule: Row
) -> None:
    rows.update(
        "workflows", str(schedule["workflow_id"]), sql_query="SELECT {{nobody_says}} FROM amazon"
    )
    fail(run, "nobody_says")
    (book,) = run.database.query("SELECT error_message FROM schedule_runs")
    assert "nobody_says" in book["error_message"]


@pytest.mark.parametrize("kind", ["schedule", "collection"])
def test_a_backfill_that_asks_for_one_window_in_all_its_runs_is_refused(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator, kind: str
) -> None:
    workflow = rows.workflow(instance=instance)
    dates = {"start_date": "2026-01-05", "end_date": "2026-01-18"}
    source = (
        {"schedule_id": str(rows.schedule(workflow=workflow)["id"])}
        if kind == "schedule"
        else {"collection_id": str(rows.collection(workflow=workflow, **dates)["id"])}
    )
    run = Run(database, "backfill__1", **source)
    run.params = run.dag_run.conf = {"window_start": "2026-01-05", "window_end": "2026-01-12"}
    fail(run, "all its runs would read .2026-01-05.*without window_start and window_end")
    assert emulator.executions() == []
    run.dag_run.run_type = "manual"
    run.clear()
    run.step(SubmitExecution)
    assert len(emulator.executions()) == 1
