"""What a thousand who wait share: few statements, and nobody held up by another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg2
import psycopg2.errors
import pytest
from psycopg2.extensions import connection as DatabaseConnection

from fixtures.amazon import Pauses
from fixtures.postgres import Database, Row, Rows
from recomamp.domain.executions import WaitingExecution
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.triggers.batched_lookup import ExecutionRowBatcher, SlotWaiters

pytestmark = pytest.mark.own_sessions

NOW = datetime.now(UTC)


class CountingHook(DatabaseHook):
    """Counts connections; the first may be refused."""

    def __init__(self, *, refused: int = 0) -> None:
        super().__init__()
        self.opened = 0
        self.refused = refused

    def get_conn(self) -> DatabaseConnection:
        self.opened += 1
        if self.opened <= self.refused:
            raise psycopg2.OperationalError("the database system is starting up")
        return super().get_conn()


class DroppedHook(CountingHook):
    """Loses its first connections as soon as they are open, as when a server restarts."""

    def __init__(self, *, dropped: int) -> None:
        super().__init__()
        self.dropped = dropped

    def get_conn(self) -> DatabaseConnection:
        connection = super().get_conn()
        if self.opened <= self.dropped:
            with closing(DatabaseHook().get_conn()) as other, other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        return connection


@pytest.fixture
def database_hook(database: Database, connections: None) -> CountingHook:
    return CountingHook()


def waiting(rows: Rows, instance: Row, number: int, **columns: object) -> list[UUID]:
    """Insert executions that wait for a slot."""
    workflow = rows.workflow(instance=instance)
    made = [
        rows.execution(
            workflow=workflow,
            instance_id=instance["id"],
            dag_run_id=f"run {uuid4()}",
            amc_workflow_id="recomamp-y",
            window_start=NOW - timedelta(days=9),
            window_end=NOW - timedelta(days=2),
            window_time_zone="UTC",
            deadline_at=NOW + timedelta(days=1),
            **columns,
        )
        for _ in range(number)
    ]
    return [UUID(str(row["id"])) for row in made]


def test_many_who_start_together_read_their_rows_with_one_connection(
    rows: Rows, instance: Row, database_hook: CountingHook
) -> None:
    ids = waiting(rows, instance, 40)

    async def read_all() -> list[UUID | None]:
        reader = ExecutionRowBatcher.shared()
        asked = (reader.ask(key, database_hook, Pauses()) for key in [*ids, uuid4()])
        return [row and row.id for row in await asyncio.gather(*asked)]

    assert asyncio.run(read_all()) == [*ids, None]
    assert database_hook.opened == 1


def test_a_database_that_is_away_keeps_everybody_waiting_and_fails_nobody(
    rows: Rows, instance: Row, database_hook: CountingHook
) -> None:
    (key,) = waiting(rows, instance, 1)
    database_hook.refused = 3
    pauses = Pauses()

    async def read() -> UUID | None:
        row = await ExecutionRowBatcher.shared().ask(key, database_hook, pauses)
        return row and row.id

    assert asyncio.run(read()) == key
    assert len(pauses.seconds) == 3


class Stumbling(ExecutionRowBatcher):
    """Cannot read some rows, nor any that are read with them; counts how often it asks."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: set[UUID] = set()
        self.asked = 0

    def answers(
        self, database: DatabaseHook, execution_ids: Sequence[UUID]
    ) -> Mapping[UUID, WaitingExecution | None]:
        self.asked += 1
        if self.odd & {*execution_ids}:
            raise ValueError("year 20000 is out of range")
        return super().answers(database, execution_ids)


def test_a_row_that_cannot_be_read_is_nobody_elses_trouble(
    rows: Rows, instance: Row, database_hook: CountingHook
) -> None:
    ids = waiting(rows, instance, 40)

    async def read_all() -> list[object]:
        reader = Stumbling()
        reader.odd = {ids[7], ids[30]}
        asked = (reader.ask(key, database_hook, Pauses()) for key in ids)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert reader.asked < 40
        return list(answers)

    answers = asyncio.run(read_all())
    failed = [key for key, one in zip(ids, answers, strict=True) if isinstance(one, ValueError)]
    assert failed == [ids[7], ids[30]]
    assert sum(isinstance(one, WaitingExecution) for one in answers) == 38


@pytest.mark.parametrize("shared", [ExecutionRowBatcher, SlotWaiters])
def test_what_no_row_is_the_cause_of_is_asked_twice_and_logged_once(
    rows: Rows,
    database: Database,
    instance: Row,
    database_hook: CountingHook,
    shared: type[ExecutionRowBatcher | SlotWaiters],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ids = waiting(rows, instance, 40)

    async def ask_all() -> list[object]:
        asked = (shared.shared().ask(key, database_hook, Pauses()) for key in ids)
        return await asyncio.gather(*asked, return_exceptions=True)

    database.query("ALTER TABLE workflow_executions RENAME COLUMN deadline_at TO gone")
    try:
        answers = asyncio.run(ask_all())
    finally:
        database.query("ALTER TABLE workflow_executions RENAME COLUMN gone TO deadline_at")
    assert all(isinstance(one, psycopg2.errors.UndefinedColumn) for one in answers)
    assert database_hook.opened == 2
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 1


@pytest.mark.parametrize("shared", [ExecutionRowBatcher, SlotWaiters])
def test_a_connection_that_breaks_during_a_look_fails_nobody(
    rows: Rows, instance: Row, connections: None, shared: type[ExecutionRowBatcher | SlotWaiters]
) -> None:
    ids = waiting(rows, instance, 3)
    hook = DroppedHook(dropped=2)

    async def ask_all() -> list[object]:
        asked = (shared.shared().ask(key, hook, Pauses()) for key in ids)
        return await asyncio.gather(*asked)

    assert all(asyncio.run(ask_all()))
    assert hook.opened == hook.dropped + 1


def test_who_gives_up_takes_the_answer_from_nobody(
    rows: Rows, instance: Row, database_hook: CountingHook
) -> None:
    (key,) = waiting(rows, instance, 1)

    async def read() -> bool:
        reader = ExecutionRowBatcher.shared()
        first, second = (
            asyncio.create_task(reader.ask(key, database_hook, Pauses())) for _ in range(2)
        )
        await asyncio.sleep(0)
        first.cancel()
        return await second is not None

    assert asyncio.run(read())


def test_slots_are_granted_once_per_account_for_all_who_wait(
    rows: Rows, instance: Row, database_hook: CountingHook
) -> None:
    rows.update("amc_instances", instance, max_concurrent_executions=30)
    ids = waiting(rows, instance, 30)
    gone = uuid4()

    async def wait_for_all() -> list[str]:
        line = SlotWaiters.shared()
        asked = (line.ask(key, database_hook, Pauses()) for key in [*ids, gone])
        return await asyncio.gather(*asked)

    assert asyncio.run(wait_for_all()) == ["slot granted"] * 30 + ["gone"]
    assert database_hook.opened == 1


def test_an_account_that_somebody_holds_locked_holds_up_no_other(
    rows: Rows, database: Database, database_hook: CountingHook
) -> None:
    held, free = rows.instance(), rows.instance()
    (behind,), (ahead,) = waiting(rows, held, 1), waiting(rows, free, 1)

    async def wait_for_both() -> tuple[str, bool]:
        line = SlotWaiters.shared()
        late = asyncio.create_task(line.ask(behind, database_hook, Pauses()))
        first = await line.ask(ahead, database_hook, Pauses())
        is_late = not late.done()
        await asyncio.to_thread(other.rollback)
        return await late, is_late and first == "slot granted"

    with closing(psycopg2.connect(database.uri)) as other:
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM amc_accounts WHERE id = %s FOR UPDATE", [held["account_id"]]
            )
        assert asyncio.run(wait_for_both()) == ("slot granted", True)
