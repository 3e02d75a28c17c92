"""What the row of an execution says after the task that ended it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Row
from fixtures.run_steps import Run
from recomamp.errors import ExecutionFailed
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution


@pytest.fixture
def began() -> datetime:
    """Return the time before the test."""
    return datetime.now(UTC)


@pytest.fixture
def submitted(run: Run, emulator: RunningEmulator, began: datetime) -> str:
    """Submit the run, and return AMC's id of its execution, which does not end by itself."""
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    return str(run.executions[0]["amc_execution_id"])


def ended_row(run: Run, began: datetime) -> Row:
    """Return the run's execution. It has ended during the test."""
    (execution,) = run.executions
    assert began <= execution["completed_at"] <= datetime.now(UTC)
    return execution


def test_an_execution_that_amc_has_failed(
    run: Run, emulator: RunningEmulator, submitted: str, began: datetime
) -> None:
    emulator.end(submitted, "FAILED", "the query ran out of memory")
    with pytest.raises(ExecutionFailed):
        run.step(WaitForExecution)
    execution = ended_row(run, began)
    assert (execution["status"], execution["amc_status"]) == ("FAILED", "FAILED")
    assert "the query ran out of memory" in execution["error_message"]


def test_an_execution_that_the_end_of_its_run_cancels(
    run: Run, emulator: RunningEmulator, submitted: str, began: datetime
) -> None:
    run.step(RecordRun)
    execution = ended_row(run, began)
    assert (execution["status"], execution["amc_status"]) == ("CANCELLED", "CANCELLED")
    assert execution["error_message"] == (
        "the run ended before the execution's results were loaded"
    )
    assert emulator.executions()[0]["status"] == "CANCELLED"


def test_an_execution_that_amc_does_not_let_the_run_cancel(
    run: Run, emulator: RunningEmulator, submitted: str, began: datetime
) -> None:
    emulator.fault("cancel_execution", "forbidden", times=None)
    run.step(RecordRun)
    execution = ended_row(run, began)
    assert execution["amc_status"] == "UNKNOWN"
    reason = "the run ended before the execution's results were loaded; AMC could not be asked"
    assert execution["error_message"].startswith(f"{reason} to cancel: ")
    assert "403" in execution["error_message"]


def test_a_reason_is_written_once(
    run: Run, emulator: RunningEmulator, submitted: str, began: datetime
) -> None:
    emulator.fault("cancel_execution", "forbidden", times=None)
    emulator.fault("get_execution", "forbidden", times=None)
    with pytest.raises(Exception, match="403"):
        run.step(WaitForExecution)
    run.step(RecordRun)
    execution = ended_row(run, began)
    assert execution["error_message"].count("403") == 1
