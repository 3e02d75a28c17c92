"""What the books say of runs that end otherwise than they began."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Row, Rows
from fixtures.steps import Run
from recomamp.pipeline.loading import LoadResults
from recomamp.pipeline.operators import SubmitExecution
from recomamp.pipeline.recording import RecordRun
from recomamp.pipeline.sensor import WaitForExecution

STEPS = (SubmitExecution, WaitForExecution, LoadResults, RecordRun)
UNBOUND = "SELECT campaign FROM dsp_impressions WHERE impressions > {{nobody_says}}"


def do_all(run: Run) -> None:
    for step in STEPS:
        run.step(step)


def fail_before_anything_is_written(run: Run, rows: Rows, workflow_id: str) -> None:
    rows.update("workflows", workflow_id, sql_query=UNBOUND)
    with pytest.raises(AirflowFailException, match="nobody_says"):
        run.step(SubmitExecution)
    run.step(RecordRun)


def test_results_of_before_a_clear_make_no_success_of_a_run_that_could_not_be_submitted(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    do_all(run)
    run.clear()
    fail_before_anything_is_written(run, rows, str(schedule["workflow_id"]))
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    assert book["status"] == "FAILED"
    assert "load has not succeeded since" in book["error_message"]
    after = rows.get("workflow_schedules", schedule)
    assert (after["last_run_status"], after["failed_runs"]) == ("FAILED", 1)


def test_clearing_the_last_step_alone_writes_the_same_books_again(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    do_all(run)
    run.step(RecordRun)
    assert [book["status"] for book in run.database.query("SELECT * FROM schedule_runs")] == [
        "SUCCESS"
    ]
