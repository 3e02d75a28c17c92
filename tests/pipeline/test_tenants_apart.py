"""Whatever one tenant has in a column, the work for another comes out as if it were not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from fixtures.amazon import Pauses
from fixtures.connections import set_connections
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import SQL, Caller
from fixtures.mail import Mailbox, connection_to, running_mail_server
from fixtures.poison import BOB, Case, Tenants, culprit, key
from fixtures.postgres import Database, Server
from fixtures.tenants import PipelineDatabase, hooks
from recomamp.domain.errors import Incomplete
from recomamp.domain.reconciliation import RunState
from recomamp.pipeline.asin_sync import sync_asins
from recomamp.pipeline.checking import check_instances
from recomamp.pipeline.mailing import open_mail_server
from recomamp.pipeline.notifying import send_notifications
from recomamp.pipeline.query_check import check_queries
from recomamp.pipeline.reconciling import reconcile
from recomamp.pipeline.schema_sync import sync_schema
from recomamp.pipeline.shared_answers import RowReader, SlotLine
from recomamp.pipeline.trigger import ExecutionTrigger

FERNET_KEY = Fernet.generate_key().decode()


@pytest.fixture(scope="module")
def tenants(postgres_server: Server, template_database: str) -> Iterator[Tenants]:
    """Give tenants in a database of their own, whose columns take any value."""
    name = postgres_server.create_database(template_database)
    database = Database(uri=postgres_server.uri(name))
    try:
        tenants = Tenants(database, FERNET_KEY)
        tenants.take_any_value()
        yield tenants
    finally:
        database.close()
        postgres_server.drop_database(name)


@dataclass
class World:
    """What a loop works on."""

    tenants: Tenants
    europe: Caller
    emulator: RunningEmulator
    answers: list[object] = field(default_factory=list)  # of what the bystander waits for

    def names(self, cases: Sequence[Case]) -> list[str]:
        """Return the tenants of a run."""
        return [BOB, *(f"ann{number}" for number in range(len(cases)))]


Loop = Callable[[World, Sequence[Case]], None]


def health(world: World, cases: Sequence[Case]) -> None:
    check_instances(**hooks(), now=world.tenants.now)


def schema(world: World, cases: Sequence[Case]) -> None:
    with suppress(Incomplete):
        sync_schema(**hooks(), now=world.tenants.now)
    check_queries(database=hooks()["database"], now=world.tenants.now)


def products(world: World, cases: Sequence[Case]) -> None:
    sync_asins(**hooks(), now=world.tenants.now)


def reconciliation(world: World, cases: Sequence[Case]) -> None:
    """AMC runs the bystander's query, whose run is gone: it is cancelled, and the run is shown."""
    world.europe.forget_token()
    execution = world.tenants.rows_of(BOB)["workflow_executions"]
    amc_id = world.europe.ordered(
        workflow={"workflowId": execution["amc_workflow_id"], "sqlQuery": SQL}
    )
    world.tenants.database.query(
        "UPDATE workflow_executions SET status = 'RUNNING', amc_execution_id = %s WHERE id = %s",
        [amc_id, execution["id"]],
    )
    reconcile(
        **hooks(),
        run_state_of=lambda dag_id, run_id: RunState.GONE,
        clock=lambda: world.tenants.now + timedelta(minutes=1),
    )


def mails(world: World, cases: Sequence[Case]) -> None:
    with running_mail_server() as mailbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", connection_to(mailbox.port))
        try:
            send_notifications(
                database=PipelineDatabase(),
                open_server=cast("Callable[[], AbstractContextManager[Any]]", open_mail_server),
                clock=lambda: world.tenants.now,
            )
        finally:
            world.answers += _mails_to(mailbox, "bob@example.com")


def _mails_to(mailbox: Mailbox, address: str) -> list[str]:
    mails = zip(mailbox.mails, mailbox.recipients, strict=True)
    return [str(mail["Subject"]) for mail, recipients in mails if address in recipients]


def waiting(world: World, cases: Sequence[Case]) -> None:
    """All wait in one event loop: for their rows, for a slot, and for the end at AMC."""
    execution = key(BOB, "execution")

    async def wait() -> None:
        database = PipelineDatabase()
        with _others_waiting(world.names(cases), database):
            row = await RowReader.shared().ask(UUID(execution), database, Pauses())
            world.answers.append(row and (row.instance_id, row.status))
            granted = await SlotLine.shared().ask(UUID(execution), database, Pauses())
            world.answers.append(granted)

    asyncio.run(asyncio.wait_for(wait(), 60))
    world.europe.forget_token()
    world.tenants.database.query(
        "UPDATE workflow_executions SET amc_execution_id = %s WHERE id = %s",
        [world.europe.ordered(), execution],
    )
    # Each has what AMC calls the bystander's own, where nothing else was written there
    world.tenants.database.query(
        "UPDATE workflow_executions SET amc_execution_id = 'x' WHERE amc_execution_id IS NULL"
    )

    async def watch() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ExecutionTrigger, "sleep", Pauses())
            triggers = [
                ExecutionTrigger(execution_id=key(name, "execution")) for name in world.names(cases)
            ]
            mine, *others = [asyncio.create_task(_event(one)) for one in triggers]
            world.answers.append(await mine)
            for one in others:
                one.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    asyncio.run(asyncio.wait_for(watch(), 60))


async def _event(trigger: ExecutionTrigger) -> object:
    async for event in trigger.run():
        return event.payload["outcome"]
    return None


@contextmanager
def _others_waiting(names: Sequence[str], database: PipelineDatabase) -> Iterator[None]:
    tasks = [
        asyncio.ensure_future(shared.ask(UUID(key(name, "execution")), database, Pauses()))
        for name in names[1:]
        for shared in (RowReader.shared(), SlotLine.shared())
    ]
    try:
        yield
    finally:
        for task in tasks:
            if task.done():
                task.exception()
            task.cancel()


TENANT = ("amc_instances", "amc_accounts", "users")
# The loop, the tables it reads, and which share of the values each column takes: neighbours in a
# table take others, so that every value is there
LOOPS: dict[str, tuple[Loop, tuple[str, ...], int]] = {
    "health": (health, TENANT, 2),
    "schema sync": (schema, (*TENANT, "amc_instance_data_sources", "workflows"), 9),
    "products": (products, (*TENANT, "asins"), 9),
    "reconciliation": (reconciliation, (*TENANT, "workflow_executions"), 9),
    "mails": (mails, ("users", "notifications"), 3),
    "waiting": (waiting, (*TENANT, "workflow_executions"), 6),
}
# What once broke the work for all
ALWAYS = [
    Case("amc_instances", "instance_id", "a" * 70_000),
    Case("amc_instances", "last_health_check", "20000-01-01"),
    Case("amc_instances", "schema_last_sync", "4000-01-01 BC"),
    Case("workflow_executions", "created_at", "4000-01-01 BC"),
    Case("workflow_executions", "created_at", "-infinity"),
    Case("notifications", "happened_at", "20000-01-01"),
    Case("notifications", "details", '"x"'),
]


@pytest.mark.parametrize("name", LOOPS)
def test_no_value_of_one_tenant_changes_what_becomes_of_another(
    name: str,
    tenants: Tenants,
    emulator: RunningEmulator,
    europe: Caller,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    set_connections(monkeypatch, tenants.database, emulator, tmp_path, FERNET_KEY)
    loop, tables, every = LOOPS[name]

    def outcome(cases: Sequence[Case]) -> tuple[object, str]:
        emulator.reset()
        emulator.settings(max_running=1000)
        emulator.progression("at_once") if loop is waiting else emulator.progression(
            "per_poll", polls=10_000
        )
        tenants.write(cases)
        world, error = World(tenants, europe, emulator), ""
        try:
            loop(world, cases)
        except Exception as err:  # noqa: BLE001 - an error at the end is no outcome of the other's
            error = f"{type(err).__name__}: {err}"[:2000]
        return (tenants.outcome(), world.answers), error

    expected, error = outcome([])
    assert error == ""
    cases = [one for one in ALWAYS if one.table in tables]
    cases += tenants.cases(*tables, every=every)
    assert len(cases) > 30
    reached, error = outcome(cases)
    if reached != expected:
        found = culprit(cases, lambda some: outcome(some)[0] == expected)
        error = outcome([found])[1] if found else error
        pytest.fail(f"Another tenant's outcome differs with {found}: {error}")
