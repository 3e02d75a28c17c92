"""Whether Airflow tries a failed task again, and when: asked by Airflow's own task runner."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
import structlog
from airflow.sdk import DAG, BaseOperator, RetryAction
from airflow.sdk.api.datamodels._generated import TIRunContext
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import RetryTask
from hypothesis import given
from hypothesis import strategies as st

from fixtures.emulator import RunningEmulator
from fixtures.run_steps import Run
from recomamp.errors import (
    ConsentRevoked,
    ExecutionFailed,
    FinalAttemptFailed,
    InvalidDefinition,
    PartialFailure,
    TransientError,
)
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.generator.factory import TASK_DEFAULTS
from recomamp.pipeline.partial_failures import FailureCollector
from recomamp.pipeline.retry_policy import TaskRetryPolicy, next_retry_at
from recomamp.pipeline.system_dag import system_dag

RETRIES = 8
FIRST_SECONDS, LONGEST_SECONDS = 30, 600


class Failing(BaseOperator):
    """A task that ends with an error."""

    def __init__(self, *, error: BaseException, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error = error

    def execute(self, context: Any) -> None:
        """Fail."""
        raise self.error


Ended = Callable[..., tuple[str, Any]]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ended]:
    """Provide a function that runs a task as a worker does: its state and message to Airflow."""
    comms = SimpleNamespace(send=lambda msg: None)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)

    def run(error: BaseException, *, try_number: int = 1) -> tuple[str, Any]:
        with DAG("a", schedule=None, default_args=TASK_DEFAULTS):
            task = Failing(task_id="b", error=error)
        ti = task_runner.RuntimeTaskInstance.model_construct(
            id=uuid4(),
            task_id="b",
            dag_id="a",
            run_id="c",
            try_number=try_number,
            map_index=-1,
            max_tries=RETRIES,
            task=task,
            start_date=datetime.now(UTC),
            _ti_context_from_server=TIRunContext.model_construct(
                max_tries=RETRIES,
                should_retry=try_number <= RETRIES,
                dag_run=SimpleNamespace(team_name=None),
            ),
        )
        context: Any = {"ti": ti, "task": task, "dag": task.dag}
        state, message, _ = task_runner.run(ti, context, structlog.get_logger())
        return state.value, message

    handler = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize(
    "error",
    [
        ConsentRevoked("sign in"),
        InvalidDefinition("no such zone"),
        FinalAttemptFailed("four times"),
        PartialFailure("none done", is_final=True),
    ],
)
def test_what_no_try_can_change_fails_at_once_and_the_log_says_why(
    ended: Ended, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(error)[0] == "failed"
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "policy decision" in one]
    assert "fail" in line
    assert str(error) in line


@pytest.mark.parametrize(
    ("error", "seconds", "reason"),
    [
        (TransientError("HTTP 503"), (30, 60), "HTTP 503"),
        (TransientError("HTTP 429", retry_after_seconds=5), (30, 60), "HTTP 429"),
        (TransientError("HTTP 429", retry_after_seconds=400), (400, 400), "HTTP 429"),
        (ExecutionFailed("Internal 17"), (30, 60), "Internal 17"),
        (psycopg2.OperationalError("password"), (30, 60), "unexpected OperationalError"),
        (SystemExit(143), (30, 60), "unexpected SystemExit"),
    ],
)
def test_everything_else_is_tried_again_when_the_task_or_amazon_says(
    ended: Ended, error: BaseException, seconds: tuple[int, int], reason: str
) -> None:
    state, message = ended(error)
    assert state == "up_for_retry"
    assert isinstance(message, RetryTask)
    least, most = seconds
    assert least <= message.retry_delay_seconds <= most
    assert message.retry_reason == reason


def test_the_last_try_is_followed_by_none(ended: Ended) -> None:
    assert ended(TransientError("HTTP 503"), try_number=RETRIES)[0] == "up_for_retry"
    assert ended(TransientError("HTTP 503"), try_number=RETRIES + 1)[0] == "failed"


def context_of(try_number: int, ti_id: UUID) -> Any:
    task = BaseOperator(task_id="b", **TASK_DEFAULTS)
    ti = SimpleNamespace(id=ti_id, try_number=try_number, max_tries=1000, task=task)
    return {"ti": ti}


def delay_seconds(error: Exception, try_number: int, ti_id: UUID) -> float:
    context = context_of(try_number, ti_id)
    decision = TaskRetryPolicy().evaluate(error, try_number, 1000, context)
    assert decision.action is RetryAction.RETRY
    assert decision.retry_delay is not None
    return decision.retry_delay.total_seconds()


@given(try_number=st.integers(1, 999), ti_id=st.uuids(), asked=st.none() | st.floats(0, 600))
def test_a_delay_grows_within_bounds_and_is_never_shorter_than_amazon_asks(
    try_number: int, ti_id: UUID, asked: float | None
) -> None:
    error = TransientError("HTTP 429", retry_after_seconds=asked)
    shortest = min(FIRST_SECONDS * 2 ** (try_number - 1), LONGEST_SECONDS)
    longest = min(2 * shortest, LONGEST_SECONDS)
    seconds = delay_seconds(error, try_number, ti_id)
    assert max(shortest, asked or 0) - 0.001 <= seconds <= max(longest, asked or 0) + 0.001


@given(ti_id=st.uuids(), try_number=st.integers(1, 5))
def test_the_row_says_when_the_try_that_airflow_makes_comes(ti_id: UUID, try_number: int) -> None:
    error = TransientError("HTTP 503")
    before = datetime.now(UTC)
    at = next_retry_at(error, context_of(try_number, ti_id))
    delay = timedelta(seconds=delay_seconds(error, try_number, ti_id))
    assert at is not None
    assert before + delay <= at <= datetime.now(UTC) + delay


def test_tasks_that_fail_together_do_not_come_back_together() -> None:
    error = TransientError("HTTP 503")
    delays = {delay_seconds(error, 1, uuid4()) for _ in range(20)}
    assert len(delays) == 20


def test_amazons_delay_of_one_part_is_that_of_the_whole() -> None:
    found = FailureCollector.of_tenants()
    for part, asked in (("ann", None), ("bob", 300), ("eve", 100)):
        with found.capture(part):
            raise TransientError("HTTP 429", retry_after_seconds=asked)
    with found.capture("joe"):
        raise KeyError
    with pytest.raises(PartialFailure) as failed:
        found.raise_unknown("not synced")
    assert delay_seconds(failed.value, 1, uuid4()) == 300


def test_a_task_of_the_pipelines_own_waits_as_long_as_its_dag_says() -> None:
    defaults = {"retries": 1, "retry_delay": timedelta(minutes=5)}
    with system_dag("a", schedule="@daily", priority_weight=1, default_args=defaults):
        task = BaseOperator(task_id="b")
    context: Any = {"ti": SimpleNamespace(id=uuid4(), try_number=1, max_tries=1, task=task)}
    assert task.retry_policy is not None
    decision = task.retry_policy.evaluate(TransientError("HTTP 503"), 1, 1, context)
    assert decision.retry_delay == timedelta(minutes=5)


def test_a_long_wait_that_amazon_asks_for_stands_in_the_row(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    emulator.fault("get_execution", "throttle", retry_after=500)
    before = datetime.now(UTC)
    with pytest.raises(TransientError):
        run.step(WaitForExecution)
    (row,) = run.executions
    asked = timedelta(seconds=500)
    assert before + asked <= row["next_retry_at"] <= datetime.now(UTC) + asked
