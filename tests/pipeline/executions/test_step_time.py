"""A try that takes too long is ended like any that fails: the next one goes on with its work."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout

from fixtures.dags import system_dag_of
from fixtures.emulator import RunningEmulator
from fixtures.run_steps import Run
from recomamp.errors import StepTimedOut
from recomamp.pipeline.executions.base import ExecutionOperator
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.step_time import StepTime
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide the temporary directory of the worker."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def timed_out(run: Run, step: type[Any], emulator: RunningEmulator) -> None:
    """Let a step run into its time-out, as Airflow's own alarm does, while a request is held."""

    def ring() -> None:
        until(lambda: bool(emulator.held()))
        os.kill(os.getpid(), signal.SIGALRM)

    previous = signal.getsignal(signal.SIGALRM)
    try:
        with ThreadPoolExecutor(1) as pool, timeout(3600):
            pool.submit(ring)
            with pytest.raises(StepTimedOut, match=r"took longer than 0:30:00"):
                run.step(step)
    finally:
        signal.signal(signal.SIGALRM, previous)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("kind", "again"), [("hold_before", 1), ("hold_after", 0)])
def test_a_submission_that_takes_too_long_is_found_again(
    run: Run, emulator: RunningEmulator, kind: str, again: int
) -> None:
    emulator.fault("create_execution", kind)

    timed_out(run, SubmitExecution, emulator)

    (row,) = run.executions
    assert (row["status"], row["amc_execution_id"]) == ("PENDING", None)
    assert row["error_message"] == "submit took longer than 0:30:00"
    assert row["next_retry_at"] is not None
    assert run.try_until_done(SubmitExecution)
    (row,), (at_amc,) = run.executions, emulator.executions()
    assert row["amc_execution_id"] == at_amc["workflowExecutionId"]
    assert row["error_message"] is None


def test_a_wait_that_takes_too_long_waits_on(run: Run, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    emulator.fault("get_execution", "hold_before")

    timed_out(run, WaitForExecution, emulator)

    assert run.executions[0]["status"] == "RUNNING"
    assert run.try_until_done(WaitForExecution)
    assert len(emulator.executions()) == 1


def test_a_load_that_takes_too_long_is_begun_again_and_leaves_nothing(
    run: Run, emulator: RunningEmulator, directory: Path
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    emulator.fault("download", "hold_before")

    timed_out(run, LoadResults, emulator)

    assert [path for path in directory.rglob("*") if path.is_file()] == []
    assert run.executions[0]["status"] == "RUNNING"
    assert run.try_until_done(LoadResults)
    assert run.try_until_done(RecordRun)
    assert run.executions[0]["status"] == "SUCCESS"


def test_a_record_that_takes_too_long_is_tried_again(run: Run, emulator: RunningEmulator) -> None:
    emulator.progression("per_poll", polls=1000)
    run.step(SubmitExecution)
    emulator.fault("cancel_execution", "hold_before")

    timed_out(run, RecordRun, emulator)

    assert run.executions[0]["status"] == "RUNNING"
    assert run.try_until_done(RecordRun)
    assert run.executions[0]["status"] == "CANCELLED"


def test_an_alarm_that_asyncio_swallows_does_not_let_a_step_run_for_ever() -> None:
    async def hang() -> None:
        loop = asyncio.get_running_loop()
        real, late_seconds = loop.time, [0.0]

        def ring() -> None:
            late_seconds[0] = 1800.0
            raise AirflowTaskTimeout

        loop.time = lambda: real() + late_seconds[0]  # type: ignore[method-assign]
        loop.call_soon(ring)  # asyncio catches what a callback raises
        await asyncio.Event().wait()

    with pytest.raises(StepTimedOut, match=r"^wait took longer than 0:30:00$"):
        StepTime("wait", timedelta(minutes=30)).run_step(hang())


def test_a_time_out_of_the_coroutine_itself_is_not_the_steps() -> None:
    async def give_up() -> None:
        raise TimeoutError("of one call")

    with pytest.raises(TimeoutError, match="of one call"):
        StepTime("wait", timedelta(minutes=30)).run_step(give_up())


@pytest.mark.parametrize("step", [SubmitExecution, WaitForExecution, LoadResults, RecordRun])
def test_every_step_ends_by_itself_before_airflows_alarm(
    run: Run, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, step: type[Any]
) -> None:
    if step is RecordRun:
        emulator.progression("per_poll", polls=1000)
        run.step(SubmitExecution)
    else:
        emulator.progression("at_once")
        for before in (SubmitExecution, WaitForExecution, LoadResults):
            if before is step:
                break
            run.step(before)
    times = iter([0.0, 29 * 60 + 59.0])  # at the beginning, and before the first call

    with monkeypatch.context() as patch:
        patch.setattr(ExecutionOperator, "clock", staticmethod(lambda: next(times)))
        with pytest.raises(StepTimedOut, match=r"took longer than 0:30:00"):
            run.step(step)

    assert run.executions[0]["status"] in ("PENDING", "RUNNING")
    assert run.try_until_done(step)


@pytest.mark.parametrize(
    "dag_id", ["recomamp_notifications", "recomamp_maintenance", "recomamp_campaigns_sync"]
)
def test_every_task_of_the_pipelines_own_has_a_bound(dag_id: str) -> None:
    for task in system_dag_of(dag_id).tasks:
        assert timedelta(0) < task.execution_timeout <= timedelta(hours=8), task.task_id
