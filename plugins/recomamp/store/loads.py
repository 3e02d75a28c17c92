"""One process at a time loads the results of an execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import psycopg2
from psycopg2.extensions import connection as Connection

from recomamp.domain.errors import AlreadyLoading
from recomamp.store.statements import fetch_one


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadLock:
    """The right to load an execution. It goes with its connection.

    What is written by way of ``connection`` is written by the one who has the right, or not at all.
    """

    connection: Connection
    execution_id: UUID

    def verify(self) -> None:
        """Return while the right is still had.

        :raises AlreadyLoading: when it was lost; another try may have it now.
        """
        try:
            row = fetch_one(self.connection, "try_lock_load", execution_id=self.execution_id)
        except psycopg2.Error as err:
            raise AlreadyLoading(
                f"execution {self.execution_id}: this try has lost its connection to the database, "
                "and with it the right to load; another try may be loading it just now"
            ) from err
        if row is None or not row["locked"]:
            raise AlreadyLoading(
                f"execution {self.execution_id}: another try is loading it just now"
            )


@contextmanager
def loading(connect: Callable[[], Connection], execution_id: UUID) -> Iterator[LoadLock]:
    """Have the right to load an execution.

    The lock belongs to a connection of its own, so that it goes with a process that is killed.

    :raises AlreadyLoading: when another process has it.
    """
    connection = connect()
    try:
        connection.autocommit = True
        lock = LoadLock(connection=connection, execution_id=execution_id)
        lock.verify()
        yield lock
    finally:
        connection.close()
