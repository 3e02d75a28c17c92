"""Log lines name the execution that they are about, and no other."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from structlog.contextvars import clear_contextvars, get_contextvars, merge_contextvars

from fixtures.amazon import Amazon, Pauses, make_execution
from fixtures.emulator import RunningEmulator
from fixtures.run_steps import Run
from recomamp.amazon.amc.client import AmcClient
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook
from recomamp.pipeline.log_context import SPAN_ATTRIBUTE, bind_execution
from recomamp.pipeline.triggers.execution import ExecutionTrigger
from recomamp.pipeline.triggers.status_fetcher import ONE_TRY
from recomamp.pipeline.triggers.status_poller import InstancePoller


@pytest.fixture(autouse=True)
def _no_context() -> Iterator[None]:
    clear_contextvars()
    yield
    clear_contextvars()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Collect log lines as JSON, put together as Airflow does it: the context goes into each."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(), foreign_pre_chain=[merge_contextvars]
        )
    )
    logger = logging.getLogger("recomamp")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(level)


def read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines() if line.startswith("{")]


@pytest.mark.parametrize("step", [SubmitExecution, WaitForExecution, RecordRun])
def test_lines_of_a_step_name_the_execution_as_soon_as_it_is_known(
    run: Run,
    emulator: RunningEmulator,
    lines: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    step: type[Any],
) -> None:
    monkeypatch.setattr(AmcHook, "sleep", Pauses())
    emulator.fault("get_execution", "throttle", retry_after=1)
    if step is not SubmitExecution:
        run.step(SubmitExecution)
        clear_contextvars()
        lines.seek(0)
        lines.truncate()

    run.step(step)

    (row,) = run.executions
    assert get_contextvars()["execution_id"] == str(row["id"])
    said = read(lines)
    assert said
    assert {line.get("execution_id") for line in said} == {str(row["id"])}


def test_a_trigger_names_its_execution_and_the_shared_poller_names_none(
    emulator: RunningEmulator,
) -> None:
    amazon = Amazon(emulator.url)
    emulator.progression("at_once")
    seen: list[dict[str, Any]] = []

    def open_client() -> AmcClient:
        seen.append(get_contextvars())
        return amazon.client(retry=ONE_TRY)

    async def wait() -> None:
        async with amazon.client() as amc:
            execution = await amc.create_execution(make_execution())
        bind_execution("of the first that waits")
        async with InstancePoller.shared(uuid4(), uuid4(), open_client, 15.0) as poller:
            await poller.wait_until_ended(execution.amc_execution_id, datetime.now(UTC))
        seen.append(get_contextvars())

    asyncio.run(wait())

    shared, own = seen
    assert "execution_id" not in shared
    assert own["execution_id"] == "of the first that waits"


def test_a_trigger_binds_its_execution_before_it_waits(run: Run) -> None:
    seen: list[dict[str, Any]] = []

    async def pause(seconds: float) -> None:
        seen.append(get_contextvars())
        raise asyncio.CancelledError

    trigger = ExecutionTrigger(execution_id="0192")
    trigger.sleep = pause  # type: ignore[method-assign, assignment]

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_first_event(trigger))

    assert seen == [{"execution_id": "0192"}]


async def _first_event(trigger: ExecutionTrigger) -> Any:
    return await anext(trigger.run())


def test_the_span_of_the_task_names_the_execution_too() -> None:
    tracer = TracerProvider().get_tracer("tests")
    with tracer.start_as_current_span("worker.wait") as span:
        bind_execution("0192")
    assert dict(span.attributes or {}) == {SPAN_ATTRIBUTE: "0192"}  # type: ignore[attr-defined]
