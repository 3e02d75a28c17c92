"""The lock of an execution: one holder for each purpose, gone with its transaction."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Rows
from recomamp.errors import ExecutionLocked
from recomamp.store.locks import Purpose, locked


@pytest.fixture
def execution_id(rows: Rows) -> UUID:
    return UUID(str(rows.execution()["id"]))


@pytest.fixture
def connect(database: Database) -> Callable[[], Connection]:
    """Connect with no more than the pipeline's rights."""
    return lambda: database.connect("recomamp_pipeline")


@pytest.mark.parametrize("purpose", Purpose)
def test_one_process_holds_the_lock_until_it_lets_go(
    connect: Callable[[], Connection], execution_id: UUID, purpose: Purpose
) -> None:
    for _ in range(2):
        with locked(connect, execution_id, purpose) as lock:
            lock.verify()
            with (
                pytest.raises(ExecutionLocked, match=r"another try is \w+ing it"),
                locked(connect, execution_id, purpose),
            ):
                raise AssertionError
            lock.verify()


def test_sending_and_loading_and_other_executions_have_locks_of_their_own(
    connect: Callable[[], Connection], execution_id: UUID, rows: Rows
) -> None:
    other = UUID(str(rows.execution()["id"]))
    with (
        locked(connect, execution_id, Purpose.SUBMIT),
        locked(connect, execution_id, Purpose.LOAD),
        locked(connect, other, Purpose.SUBMIT),
    ):
        pass


def test_of_many_at_once_one_gets_it(connect: Callable[[], Connection], execution_id: UUID) -> None:
    everybody = Barrier(8)

    def attempt(_: int) -> bool:
        try:
            with locked(connect, execution_id, Purpose.SUBMIT):
                everybody.wait()
                return True
        except ExecutionLocked:
            everybody.wait()
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_it_goes_with_the_transaction_of_its_holder(
    connect: Callable[[], Connection], execution_id: UUID
) -> None:
    with locked(connect, execution_id, Purpose.LOAD) as lock:
        lock.connection.commit()
        with (
            locked(connect, execution_id, Purpose.LOAD),
            pytest.raises(ExecutionLocked, match="another try is loading it"),
        ):
            lock.verify()


def test_it_goes_with_a_process_that_is_killed(
    connect: Callable[[], Connection], execution_id: UUID, database: Database
) -> None:
    with locked(connect, execution_id, Purpose.LOAD) as lock:
        database.end_session(lock.connection.info.backend_pid)
        with locked(connect, execution_id, Purpose.LOAD):
            pass
        with pytest.raises(ExecutionLocked, match="lost its connection"):
            lock.verify()


def test_no_limit_of_the_server_ends_it(
    connect: Callable[[], Connection], execution_id: UUID
) -> None:
    limits = "name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"

    def strict() -> Connection:
        connection = connect()
        with connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT set_config(name, '1h', false) FROM pg_settings WHERE {limits}")
        return connection

    with locked(strict, execution_id, Purpose.LOAD) as lock, lock.connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT setting FROM pg_settings WHERE {limits}")
        assert cursor.fetchall() == [("0",)]


def test_what_no_longer_exists_is_not_locked(connect: Callable[[], Connection]) -> None:
    with (
        pytest.raises(ExecutionLocked, match="its row has been deleted"),
        locked(connect, uuid4(), Purpose.SUBMIT),
    ):
        raise AssertionError


def test_a_deletion_after_the_lock_is_said(
    connect: Callable[[], Connection], execution_id: UUID, rows: Rows, database: Database
) -> None:
    rows.update("workflow_executions", str(execution_id), status="FAILED")
    with locked(connect, execution_id, Purpose.LOAD) as lock:
        lock.connection.commit()
        database.query("DELETE FROM workflow_executions")
        with pytest.raises(ExecutionLocked, match="its row has been deleted"):
            lock.verify()


def test_locks_go_with_their_execution(
    connect: Callable[[], Connection], execution_id: UUID, rows: Rows, database: Database
) -> None:
    with locked(connect, execution_id, Purpose.SUBMIT):
        pass
    rows.update("workflow_executions", str(execution_id), status="FAILED")
    database.query("DELETE FROM users")
    assert database.query("SELECT execution_id FROM execution_locks") == []


@pytest.mark.parametrize("statement", [
    "SELECT FROM execution_locks FOR UPDATE",
    "INSERT INTO execution_locks VALUES (gen_random_uuid(), 'SUBMIT')",
    "LOCK TABLE execution_locks",
])  # fmt: skip
def test_nobody_else_reaches_the_locks(
    database: Database, rows: Rows, execution_id: UUID, statement: str
) -> None:
    user = rows.get("workflow_executions", str(execution_id))["user_id"]
    analyst = database.connect("recomamp_analyst", user)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege), analyst.cursor() as cursor:
        cursor.execute(statement)


def test_an_advisory_lock_of_anybody_keeps_nobody_away(
    connect: Callable[[], Connection], execution_id: UUID, database: Database
) -> None:
    stranger = database.connect("recomamp_analyst")
    with stranger.cursor() as cursor:
        for seed in (0, 1):
            cursor.execute(
                "SELECT pg_advisory_lock(hashtextextended(%s, %s))", [str(execution_id), seed]
            )
    for purpose in Purpose:
        with locked(connect, execution_id, purpose):
            pass
