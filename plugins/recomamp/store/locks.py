"""One process at a time sends an execution, and one loads its results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import psycopg2
from psycopg2.extensions import connection as Connection

from recomamp.errors import ExecutionLocked
from recomamp.store.statements import execute_returning, fetch_one


class Purpose(StrEnum):
    """What is done to an execution under a lock (constraint ``chk_execution_lock_purpose``)."""

    SUBMIT = "SUBMIT"
    LOAD = "LOAD"


_DOING = {Purpose.SUBMIT: "sending", Purpose.LOAD: "loading"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionLock:
    """A locked row of ``execution_locks``. It is free again when the transaction ends.

    What is written by way of ``connection`` is committed by the process that has the lock, or not
    at all.
    """

    connection: Connection
    execution_id: UUID
    purpose: Purpose

    def verify(self) -> None:
        """Return while the lock is held.

        :raises ExecutionLocked: when another process has it or may have it now, or when the
            execution was deleted.
        """
        try:
            is_held = execute_returning(
                self.connection,
                "try_lock_execution",
                execution_id=self.execution_id,
                purpose=self.purpose.value,
            )
            exists = is_held or fetch_one(
                self.connection, "select_execution_exists", execution_id=self.execution_id
            )
        except psycopg2.Error as err:
            raise ExecutionLocked(
                f"execution {self.execution_id}: this try has lost its connection to the database, "
                f"and with it the lock; another try may be {_DOING[self.purpose]} it just now"
            ) from err
        if not exists:
            raise ExecutionLocked(f"execution {self.execution_id}: its row has been deleted")
        if not is_held:
            raise ExecutionLocked(
                f"execution {self.execution_id}: another try is {_DOING[self.purpose]} it just now,"
                " or an open transaction of its owner locks its row"
            )


@contextmanager
def locked(
    connect: Callable[[], Connection], execution_id: UUID, purpose: Purpose
) -> Iterator[ExecutionLock]:
    """Hold the lock of an execution until the end of the block, or of the transaction.

    The transaction is one of a connection of its own, so that the server ends it with a process
    that is killed.

    :raises ExecutionLocked: when another process has the lock, or the execution was deleted.
    """
    connection = connect()
    try:
        with connection:  # committed first: only a row that all can see keeps others away
            execute_returning(
                connection,
                "create_execution_lock",
                execution_id=execution_id,
                purpose=purpose.value,
            )
        lock = ExecutionLock(connection=connection, execution_id=execution_id, purpose=purpose)
        lock.verify()
        yield lock
    finally:
        connection.close()
