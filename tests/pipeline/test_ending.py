"""A waiting task is ended in Airflow, or only seems to be: what becomes of run and execution."""

from __future__ import annotations

import asyncio

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from fixtures.emulator import RunningEmulator
from fixtures.steps import Run
from recomamp.pipeline.loading import LoadResults
from recomamp.pipeline.operators import SubmitExecution
from recomamp.pipeline.recording import RecordRun
from recomamp.pipeline.trigger import ExecutionTrigger
from recomamp.pipeline.waiting import WaitForExecution


def kill_trigger(run: Run) -> None:
    """Do what a triggerer does when it finds its trigger gone."""
    trigger = ExecutionTrigger(execution_id=str(run.executions[0]["id"]))
    asyncio.run(trigger.on_kill())


def test_a_run_loads_its_results_though_a_former_triggerer_comes_back_after_the_wait(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    task_state[0] = "success"
    kill_trigger(run)
    run.step(LoadResults)
    run.step(RecordRun)
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    assert emulator.calls("cancel_execution") == []


def test_a_cleared_task_waits_on_for_the_same_execution(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    run.clear()
    for task_state[0] in (None, "queued", "running"):
        kill_trigger(run)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    assert [row["status"] for row in run.executions] == ["RUNNING"]
    assert len(emulator.executions()) == 1


def test_a_waiting_task_marked_a_success_has_its_execution_cancelled_by_the_last_step(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    task_state[0] = "success"
    kill_trigger(run)
    with pytest.raises(AirflowFailException, match="no results"):
        run.step(LoadResults)
    run.step(RecordRun)
    assert [row["status"] for row in run.executions] == ["CANCELLED"]
    assert [one["status"] for one in emulator.executions()] == ["CANCELLED"]


def test_results_that_amc_had_when_the_run_was_given_up_are_loaded_by_clearing_the_load(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    task_state[0] = "failed"
    kill_trigger(run)
    run.step(RecordRun)
    assert run.executions[0]["error_type"] == "KILLED"
    run.clear()
    for step in (LoadResults, RecordRun):
        run.step(step)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("SUCCESS", None)
    (book,) = run.database.query("SELECT status FROM schedule_runs")
    assert book["status"] == "SUCCESS"
    assert len(emulator.executions()) == 1
