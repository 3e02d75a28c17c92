"""Airflow's database is older than the rows: its runs go on with what they have asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution

STEPS = (SubmitExecution, WaitForExecution, LoadResults, RecordRun)


@pytest.fixture
def schedule(rows: Rows, instance: Row) -> Row:
    return rows.schedule(workflow=rows.workflow(instance=instance))


def make_run(database: Database, schedule: Row, run_type: str) -> Run:
    run = Run(database, f"{run_type}__2026-01-05T00:00:00+00:00", schedule_id=str(schedule["id"]))
    run.dag_run.run_type = run_type
    run.dag_run.start_date = datetime.now(UTC)
    return run


def run_all(run: Run) -> None:
    for step in STEPS:
        run.step(step)


def forget(run: Run, *kept: str) -> None:
    """Put Airflow's part of a run back to when only these tasks had ended."""
    run.states = dict.fromkeys(kept, "success")
    run.xcom = {task: value for task, value in run.xcom.items() if task in kept}


def shown(database: Database) -> dict[str, Any]:
    """Return what the application shows of runs."""
    return {
        "runs": database.query("SELECT status, execution_id FROM schedule_runs"),
        "schedules": database.query("SELECT total_runs, successful_runs FROM workflow_schedules"),
    }


@pytest.mark.parametrize("run_type", ["scheduled", "backfill", "manual"])
@pytest.mark.parametrize("resumed", [False, True], ids=["tried again", "resumed"])
def test_a_run_that_airflow_shows_as_waiting_loads_what_it_has_loaded(
    database: Database, schedule: Row, emulator: RunningEmulator, run_type: str, resumed: bool
) -> None:
    run = make_run(database, schedule, run_type)
    emulator.progression("per_second", pending_seconds=0, running_seconds=600)
    run.step(SubmitExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    emulator.progression("at_once")
    for step in STEPS[1:]:
        run.step(step)
    before = shown(database)

    forget(run, "submit")
    if resumed:
        run.step(WaitForExecution, "resume", event={})
    else:
        run.step(WaitForExecution)
    run.step(LoadResults)
    run.step(RecordRun)

    assert len(emulator.executions()) == 1
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    assert shown(database) == before


@pytest.mark.parametrize("run_type", ["backfill", "manual"])
def test_a_run_that_airflow_shows_as_just_begun_asks_for_nothing(
    database: Database, schedule: Row, emulator: RunningEmulator, run_type: str
) -> None:
    emulator.progression("at_once")
    run = make_run(database, schedule, run_type)
    run_all(run)
    before = shown(database)
    forget(run)
    run_all(run)
    assert len(emulator.executions()) == 1
    assert shown(database) == before


def test_a_scheduler_whose_clock_is_ahead_asks_for_nothing_either(
    database: Database, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run = make_run(database, schedule, "backfill")
    run.dag_run.start_date += timedelta(seconds=8)
    run_all(run)
    forget(run)
    run_all(run)
    assert len(emulator.executions()) == 1


def test_clears_within_the_slack_of_the_clocks_ask_each_time(
    database: Database, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run = make_run(database, schedule, "backfill")
    for _ in range(3):
        run_all(run)
        run.clear()
        run.dag_run.start_date = datetime.now(UTC)
    assert len(emulator.executions()) == 3


def test_a_clear_that_the_backup_does_not_have_is_kept(
    database: Database, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run = make_run(database, schedule, "backfill")
    run_all(run)
    run.clear()
    run_all(run)
    forget(run)
    run.dag_run.clear_number -= 1
    run_all(run)
    assert len(emulator.executions()) == 2


def test_a_clear_asks_again(database: Database, schedule: Row, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    run = make_run(database, schedule, "backfill")
    run_all(run)
    run.clear()
    run_all(run)
    assert len(emulator.executions()) == 2


def test_a_backfill_that_is_asked_for_after_airflow_has_forgotten_the_first_asks_again(
    database: Database, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run_all(make_run(database, schedule, "backfill"))
    again = make_run(database, schedule, "backfill")
    again.dag_run.start_date += timedelta(minutes=2)
    run_all(again)
    assert [row["attempt"] for row in again.executions] == [1, 2]
    assert len(emulator.executions()) == 2


def test_a_run_whose_attempt_failed_at_amc_tries_the_next(
    database: Database, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run = make_run(database, schedule, "backfill")
    run.step(SubmitExecution)
    database.query("UPDATE workflow_executions SET status = 'FAILED', completed_at = now()")
    forget(run)
    run_all(run)
    assert [row["status"] for row in run.executions] == ["FAILED", "SUCCESS"]
