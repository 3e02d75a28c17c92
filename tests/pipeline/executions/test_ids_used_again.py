"""A row is deleted and inserted again with its id, as a program that copies rows does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.domain.reconciliation import RunState
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.reconciliation.operator import reconcile

DEFINITIONS = {"schedule_id": "workflow_schedules", "collection_id": "report_data_collections"}


@pytest.fixture(params=DEFINITIONS)
def run(request: pytest.FixtureRequest, database: Database, rows: Rows, instance: Row) -> Run:
    workflow = rows.workflow(instance=instance)
    if request.param == "schedule_id":
        definition = rows.schedule(workflow=workflow)
    else:
        definition = rows.collection(workflow, start_date="2026-01-05", end_date="2026-01-11")
    return Run(database, **{request.param: str(definition["id"])})


def table_of(run: Run) -> str:
    return DEFINITIONS[next(iter(run.source))]


def delete(run: Run) -> Row:
    """Delete the run's definition. Return the columns that a person writes."""
    (row,) = run.database.query(f"DELETE FROM {table_of(run)} RETURNING *")
    names = ("id", "name", "workflow_id", "user_id", "cron_expression", "instance_id")
    dates = ("start_date", "end_date")
    return {name: row[name] for name in (*names, *dates) if name in row}


def replace(run: Run, rows: Rows) -> None:
    rows.insert(table_of(run), **delete(run))


def ends(run: Run) -> list[tuple[str, int]]:
    return [(row["status"], row["attempt"]) for row in run.executions]


def shown(run: Run) -> list[str]:
    """Return what the application shows of the runs."""
    runs = run.database.query("SELECT status FROM schedule_runs")
    weeks = run.database.query("SELECT status FROM report_data_weeks")
    return [row["status"] for row in (*runs, *weeks)]


def test_a_run_of_before_is_cleared(run: Run, rows: Rows, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    assert run.run_all()
    replace(run, rows)
    run.clear()
    assert run.run_all()
    assert ends(run) == [("SUCCESS", 1), ("SUCCESS", 2)]
    assert shown(run) == ["SUCCESS"]


def test_a_run_of_before_is_created_again(run: Run, rows: Rows, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    assert run.run_all()
    run.database.query("UPDATE workflow_executions SET created_at = created_at - INTERVAL '1 day'")
    replace(run, rows)
    again = Run(run.database, run.dag_run.run_id, **run.source)
    again.dag_run.start_date = datetime.now(UTC) - timedelta(hours=1)
    assert again.run_all()
    assert ends(again) == [("SUCCESS", 1), ("SUCCESS", 2)]
    assert shown(run) == ["SUCCESS"]


def test_a_run_under_way_loads_what_it_has_asked_for(
    run: Run, rows: Rows, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    replace(run, rows)
    run.step(LoadResults)
    run.step(RecordRun)
    assert ends(run) == [("SUCCESS", 1)]
    assert shown(run) == ["SUCCESS"]
    assert len(emulator.executions()) == 1


def test_a_run_that_waits_goes_on_waiting(run: Run, rows: Rows, emulator: RunningEmulator) -> None:
    emulator.progression("per_poll", polls=1000)
    run.step(SubmitExecution)
    replace(run, rows)
    start = datetime.now(UTC)
    for minutes in (0, 15, 30):
        reconcile(
            database=DatabaseHook(),
            amazon=AmcHook(),
            run_state_of=lambda dag_id, run_id: RunState.RUNNING,
            clock=lambda minutes=minutes: start + timedelta(minutes=minutes),
        )
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    assert ends(run) == [("RUNNING", 1)]


def test_a_run_whose_definition_is_deleted_for_good_finds_nothing(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    delete(run)
    with pytest.raises(AirflowFailException, match="nothing was submitted"):
        run.step(LoadResults)
