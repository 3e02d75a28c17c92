"""How often a run asks Postgres: a number that no history and no line changes."""

from __future__ import annotations

import pytest

from bench.statement_trace import trace_statements
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution

# Connections, transactions, statements. More only with a reason: each is paid by every run.
# A scheduled run looks for results of its window before it opens an attempt.
SUBMIT_SCHEDULE = (3, 9, 17)
RECORD_SCHEDULE = (1, 3, 4)
SUBMIT_WEEK = (3, 10, 19)  # one asks whether the week is skipped
RECORD_WEEK = (1, 2, 3)  # one locks the week


@pytest.fixture
def workflow(rows: Rows, instance: Row) -> Row:
    return rows.workflow(instance=instance)


def counted(run: Run, step: type) -> tuple[int, int, int]:
    with trace_statements() as trace:
        run.step(step)
    return trace.connections, trace.transactions, len(trace.statements)


def through(run: Run, emulator: RunningEmulator) -> tuple[tuple[int, int, int], ...]:
    emulator.progression("at_once")
    submitted = counted(run, SubmitExecution)
    run.database.query(
        "UPDATE workflow_executions SET status = 'SUCCESS' WHERE dag_run_id = %s",
        [run.dag_run.run_id],
    )
    run.xcom["load"], run.states["load"] = str(run.executions[-1]["id"]), "success"
    return submitted, counted(run, RecordRun)


@pytest.mark.own_sessions
def test_a_schedules_run_asks_no_more_than_it_needs(
    database: Database, rows: Rows, workflow: Row, emulator: RunningEmulator
) -> None:
    schedule_id = str(rows.schedule(workflow=workflow)["id"])
    run = Run(database, schedule_id=schedule_id)
    run.dag_run.run_type = "scheduled"
    assert through(run, emulator) == (SUBMIT_SCHEDULE, RECORD_SCHEDULE)


@pytest.mark.own_sessions
def test_a_weeks_run_asks_no_more_than_it_needs(
    database: Database, rows: Rows, workflow: Row, emulator: RunningEmulator
) -> None:
    columns = {"start_date": "2026-01-05", "end_date": "2026-03-01"}
    collection = rows.collection(workflow=workflow, **columns)
    run = Run(database, collection_id=str(collection["id"]))
    run.dag_run.run_type = "scheduled"
    assert through(run, emulator) == (SUBMIT_WEEK, RECORD_WEEK)
    assert rows.weeks(collection)[0]["status"] == "SUCCESS"


def test_runs_before_it_change_nothing(
    database: Database, rows: Rows, workflow: Row, emulator: RunningEmulator
) -> None:
    schedule_id = str(rows.schedule(workflow=workflow)["id"])
    runs = [Run(database, run_id=f"run {n}", schedule_id=schedule_id) for n in range(4)]
    _, second, *_, last = [through(run, emulator) for run in runs]  # the first also signs in
    assert last == second
