"""Waiting: one poller serves an instance, and a failed poll is not a failed execution."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import psycopg2
import pytest
from airflow.triggers.base import TriggerEvent
from hypothesis import given
from hypothesis import strategies as st

from fixtures.amazon import Amazon, MemoryTokenStore, Pauses, make_execution, make_tokens
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from recomamp.amazon.amc.client import AmcClient
from recomamp.domain.credentials import Tokens
from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution
from recomamp.errors import ConfigurationError, ConsentRevoked, RequestRejected
from recomamp.pipeline.hooks import AmcHook
from recomamp.pipeline.triggers.execution import ExecutionTrigger
from recomamp.pipeline.triggers.slot import SlotTrigger
from recomamp.pipeline.triggers.status_fetcher import ONE_TRY
from recomamp.pipeline.triggers.status_poller import InstancePoller, poll_interval_seconds
from recomamp.pipeline.triggers.task_state import EARLIEST_EVENT_SECONDS

NOW = datetime.now(UTC)


@pytest.fixture
def amazon(emulator: RunningEmulator) -> Amazon:
    return Amazon(emulator.url)


def one_try(amazon: Amazon) -> Callable[[], AmcClient]:
    """Return what opens a client as the trigger does."""
    return partial(amazon.client, retry=ONE_TRY)


async def submit(amazon: Amazon, count: int) -> list[AmcExecution]:
    async with amazon.client() as amc:
        return [await amc.create_execution(make_execution()) for _ in range(count)]


async def wait_for_all(amazon: Amazon, executions: list[AmcExecution]) -> list[AmcExecution]:
    async def wait_for(execution: AmcExecution) -> AmcExecution:
        async with InstancePoller.shared(
            KEY, KEY, one_try(amazon), 15.0, passing_errors=(psycopg2.Error,)
        ) as poller:
            return await poller.wait_until_ended(execution.amc_execution_id, NOW)

    return list(await asyncio.gather(*map(wait_for, executions)))


KEY = uuid4()


@pytest.mark.parametrize(("waiting", "pages"), [(1, 1), (7, 1), (130, 2)])
def test_a_poll_costs_a_call_per_page_however_many_wait(
    amazon: Amazon, emulator: RunningEmulator, waiting: int, pages: int
) -> None:
    emulator.settings(max_running=1000)
    emulator.progression("at_once")

    async def run() -> list[AmcExecution]:
        return await wait_for_all(amazon, await submit(amazon, waiting))

    wait_until_ended = asyncio.run(run())
    assert {execution.status for execution in wait_until_ended} == {AmcStatus.SUCCEEDED}
    polls = len(amazon.pauses.seconds) or 1
    assert len(emulator.calls("list_executions")) <= pages * polls
    assert emulator.calls("get_execution") == []


def test_failed_polls_do_not_fail_what_is_waited_for(
    amazon: Amazon, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    emulator.fault("list_executions", "server_error", times=12, status=503, html=True)

    async def run() -> list[AmcExecution]:
        return await wait_for_all(amazon, await submit(amazon, 2))

    assert [one.status for one in asyncio.run(run())] == [AmcStatus.SUCCEEDED] * 2


def test_a_consent_that_is_gone_is_told_to_all_who_wait(
    amazon: Amazon, emulator: RunningEmulator
) -> None:
    async def run() -> None:
        executions = await submit(amazon, 2)
        emulator.revoke("ENTITYDEMONORTH")
        fresh = Amazon(emulator.url)
        await wait_for_all(fresh, executions)

    with pytest.raises(ConsentRevoked):
        asyncio.run(run())


def test_each_user_of_an_instance_is_asked_for_in_the_own_name(
    amazon: Amazon, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    ann, bob = uuid4(), uuid4()
    opened: list[str] = []

    async def wait_for(name: str, user_id: UUID, execution: AmcExecution) -> AmcExecution:
        def open_client() -> AmcClient:
            opened.append(name)
            return amazon.client(retry=ONE_TRY)

        async with InstancePoller.shared(KEY, user_id, open_client, 15.0) as poller:
            return await poller.wait_until_ended(execution.amc_execution_id, NOW)

    async def run() -> None:
        first, second, third = await submit(amazon, 3)
        await asyncio.gather(
            wait_for("ann", ann, first), wait_for("bob", bob, second), wait_for("ann", ann, third)
        )

    asyncio.run(run())
    assert sorted(opened) == ["ann", "bob"]


def test_a_consent_that_is_gone_ends_no_wait_of_another_user(
    amazon: Amazon, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    gone = Amazon(emulator.url, store=MemoryTokenStore(make_tokens(refresh_token="Atzr|nobody")))

    async def wait_for(user: Amazon, user_id: UUID, execution: AmcExecution) -> AmcExecution:
        async with InstancePoller.shared(KEY, user_id, one_try(user), 15.0) as poller:
            return await poller.wait_until_ended(execution.amc_execution_id, NOW)

    async def run() -> list[AmcExecution | BaseException]:
        first, second = await submit(amazon, 2)
        return await asyncio.gather(
            wait_for(gone, uuid4(), first),
            wait_for(amazon, uuid4(), second),
            return_exceptions=True,
        )

    anns, bobs = asyncio.run(run())
    assert isinstance(anns, ConsentRevoked)
    assert isinstance(bobs, AmcExecution)


def test_a_database_that_is_away_fails_no_poll_for_good(
    amazon: Amazon, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.progression("at_once")
    answers = [psycopg2.OperationalError("the database system is starting up")]
    read = amazon.store.read

    async def read_later() -> Tokens:
        if answers:
            raise answers.pop()
        return await read()

    async def run() -> list[AmcExecution]:
        executions = await submit(amazon, 1)
        monkeypatch.setattr(amazon.store, "read", read_later)
        return await wait_for_all(amazon, executions)

    assert [one.status for one in asyncio.run(run())] == [AmcStatus.SUCCEEDED]
    assert answers == []


def test_a_poller_that_cannot_start_leaves_nobody_waiting(amazon: Amazon) -> None:
    def broken() -> AmcClient:
        raise ConfigurationError("there is no key")

    async def run() -> None:
        (execution,) = await submit(amazon, 1)
        async with InstancePoller.shared(uuid4(), uuid4(), broken, 15.0) as poller:
            await poller.wait_until_ended(execution.amc_execution_id, NOW)

    with pytest.raises(ConfigurationError, match="no key"):
        asyncio.run(run())


@given(st.floats(0, 1e6), st.floats(1, 60))
def test_polling_slows_down_as_an_execution_ages(age: float, shortest: float) -> None:
    interval = poll_interval_seconds(age, shortest)
    assert shortest <= interval <= 4 * shortest
    assert interval <= poll_interval_seconds(age + 60, shortest)


def first_event(trigger: ExecutionTrigger | SlotTrigger) -> TriggerEvent:
    async def run() -> TriggerEvent:
        async for event in trigger.run():
            return event
        raise AssertionError("the trigger ended without an event")

    return asyncio.run(run())


@pytest.fixture
def running(rows: Rows, instance: Row, database: Database, emulator: RunningEmulator) -> Row:
    """Insert an execution that AMC is working on."""
    emulator.progression("at_once")
    accepted = asyncio.run(submit(Amazon(emulator.url), 1))[0]
    now = datetime.now(UTC)
    return rows.execution(
        workflow=rows.workflow(instance=instance),
        instance_id=instance["id"],
        status="RUNNING",
        amc_execution_id=accepted.amc_execution_id,
        amc_workflow_id="recomamp-x",
        dag_run_id="run 1",
        slot_granted_at=now,
        submission_started_at=now,
        window_start=now - timedelta(days=9),
        window_end=now - timedelta(days=2),
        window_time_zone="UTC",
        submitted_at=now,
        deadline_at=now + timedelta(hours=24),
    )


@pytest.fixture
def endless(running: Row, rows: Rows, emulator: RunningEmulator) -> Row:
    """Insert an execution that AMC works on and on."""
    emulator.progression("per_poll", polls=10_000)
    accepted = asyncio.run(submit(Amazon(emulator.url), 1))[0]
    return rows.update("workflow_executions", running, amc_execution_id=accepted.amc_execution_id)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Let triggers wait without waiting."""
    pauses = Pauses()
    monkeypatch.setattr(ExecutionTrigger, "sleep", pauses)
    monkeypatch.setattr(SlotTrigger, "sleep", pauses)
    return pauses


def test_the_trigger_fires_when_amc_has_ended_the_execution_but_not_too_early(
    running: Row, pauses: Pauses
) -> None:
    event = first_event(ExecutionTrigger(execution_id=str(running["id"])))
    assert event.payload == {"execution_id": str(running["id"]), "text": "AMC says SUCCEEDED"}
    assert pauses.seconds[0] >= EARLIEST_EVENT_SECONDS >= 10


def test_the_trigger_keeps_the_rows_own_deadline(endless: Row, rows: Rows, pauses: Pauses) -> None:
    rows.update("workflow_executions", endless, deadline_at=datetime.now(UTC))
    event = first_event(ExecutionTrigger(execution_id=str(endless["id"])))
    assert event.payload["text"] == "the deadline has passed"


WRONG_SETTINGS = {
    "the pace": ("RECOMAMP_POLL_SECONDS", "abc"),
    "Amazon's connection": ("AIRFLOW_CONN_AMAZON_ADS", None),
    "the tokens' key": ("RECOMAMP_FERNET_KEY", "abc"),
    "a limit": ("RECOMAMP_ANSWER_LIMIT_BYTES", "many"),
}


def set_wrong(monkeypatch: pytest.MonkeyPatch, what: str) -> str:
    name, value = WRONG_SETTINGS[what]
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    return name


@pytest.mark.parametrize("what", WRONG_SETTINGS)
@pytest.mark.parametrize(("minutes", "pause_seconds"), [(0, 60), (4, 240), (120, 900)])
def test_a_wait_that_cannot_be_watched_wakes_its_task_later_and_later(
    endless: Row,
    rows: Rows,
    pauses: Pauses,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    minutes: int,
    pause_seconds: int,
) -> None:
    """The task may find the execution RUNNING and wait again at once: it would do nothing else."""
    submitted_at = datetime.now(UTC) - timedelta(minutes=minutes)
    rows.update("workflow_executions", endless, submitted_at=submitted_at)
    name = set_wrong(monkeypatch, what)
    event = first_event(ExecutionTrigger(execution_id=str(endless["id"])))
    assert event.payload.keys() == {"execution_id", "reason"}
    assert name in event.payload["reason"]
    assert pauses.seconds == [EARLIEST_EVENT_SECONDS, pytest.approx(pause_seconds, abs=5)]


@pytest.mark.parametrize("trigger", [ExecutionTrigger, SlotTrigger])
def test_a_triggerer_without_the_database_wakes_tasks_a_quarter_of_an_hour_later(
    endless: Row,
    pauses: Pauses,
    monkeypatch: pytest.MonkeyPatch,
    trigger: type[ExecutionTrigger | SlotTrigger],
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RECOMAMP_DB")
    event = first_event(trigger(execution_id=str(endless["id"])))
    assert "AIRFLOW_CONN_RECOMAMP_DB" in event.payload["reason"]
    assert pauses.seconds[-1] == 900


def test_an_unexpected_error_ends_the_trigger_so_that_airflow_counts_a_try(
    endless: Row, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> AmcClient:
        raise TypeError("client_at() takes 1 argument")

    monkeypatch.setattr(AmcHook, "client_at", broken)
    with pytest.raises(TypeError, match="takes 1 argument"):
        first_event(ExecutionTrigger(execution_id=str(endless["id"])))


def test_the_trigger_says_so_when_the_row_is_gone_or_ended(
    running: Row, rows: Rows, pauses: Pauses, connections: None
) -> None:
    rows.update("workflow_executions", running, status="CANCELLED")
    trigger = ExecutionTrigger(execution_id=str(running["id"]))
    assert first_event(trigger).payload["text"] == "the row has ended"
    gone = ExecutionTrigger(execution_id=str(uuid4()))
    assert first_event(gone).payload["text"] == "the row is gone"


def test_a_trigger_survives_being_stored_and_carries_ids_only() -> None:
    trigger = ExecutionTrigger(execution_id="an id")
    path, arguments = trigger.serialize()
    module, name = path.rsplit(".", 1)
    copy = getattr(importlib.import_module(module), name)(**arguments)
    assert copy.serialize() == (path, {"execution_id": "an id"})


@pytest.mark.parametrize("state", ["failed", "skipped", "upstream_failed", "removed"])
def test_ending_a_waiting_task_cancels_its_execution(
    endless: Row,
    rows: Rows,
    emulator: RunningEmulator,
    task_state: list[str | None],
    state: str | None,
) -> None:
    task_state[0] = state
    asyncio.run(ExecutionTrigger(execution_id=str(endless["id"])).on_kill())
    row = rows.get("workflow_executions", endless)
    assert (row["status"], row["error_type"]) == ("CANCELLED", "KILLED")
    assert row["amc_status"] == "CANCELLED"
    states = {one["workflowExecutionId"]: one["status"] for one in emulator.executions()}
    assert states[endless["amc_execution_id"]] == "CANCELLED"


GOING_ON = [
    "deferred",
    "scheduled",
    "queued",
    "running",
    "restarting",
    "up_for_retry",
    "success",  # or marked so: then the run's last step sees to it
    None,  # cleared, and not looked at by the scheduler yet; or deleted
]


@pytest.mark.parametrize("state", GOING_ON)
def test_a_triggerer_that_comes_back_late_cancels_nothing_that_another_has_taken_over(
    endless: Row,
    rows: Rows,
    emulator: RunningEmulator,
    task_state: list[str | None],
    state: str | None,
) -> None:
    task_state[0] = state
    asyncio.run(ExecutionTrigger(execution_id=str(endless["id"])).on_kill())
    assert rows.get("workflow_executions", endless)["status"] == "RUNNING"
    assert emulator.calls("cancel_execution") == []


def test_what_amc_had_finished_when_its_task_was_ended_is_known_to_have_results(
    running: Row, rows: Rows, task_state: list[str | None]
) -> None:
    task_state[0] = "failed"
    asyncio.run(ExecutionTrigger(execution_id=str(running["id"])).on_kill())
    row = rows.get("workflow_executions", running)
    assert (row["status"], row["error_type"]) == ("CANCELLED", "KILLED")
    assert row["amc_status"] == "SUCCEEDED"


def test_what_cannot_be_cancelled_at_amc_has_ended_in_its_row(
    running: Row, rows: Rows, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    task_state[0] = "failed"
    emulator.fault("cancel_execution", "forbidden", times=None)
    with pytest.raises(RequestRejected):
        asyncio.run(ExecutionTrigger(execution_id=str(running["id"])).on_kill())
    assert rows.get("workflow_executions", running)["status"] == "CANCELLED"


def test_a_waiting_execution_is_woken_when_it_gets_a_slot(
    running: Row, rows: Rows, instance: Row, pauses: Pauses
) -> None:
    waiting = rows.execution(
        workflow=rows.workflow(instance=instance),
        instance_id=instance["id"],
        dag_run_id="run 2",
        amc_workflow_id="recomamp-y",
        window_start=NOW - timedelta(days=9),
        window_end=NOW - timedelta(days=2),
        window_time_zone="UTC",
        deadline_at=NOW,
    )
    event = first_event(SlotTrigger(execution_id=str(waiting["id"])))
    assert event.payload["text"] == "slot granted"
    assert pauses.seconds[0] >= EARLIEST_EVENT_SECONDS
    assert rows.get("workflow_executions", waiting)["slot_granted_at"] is not None
