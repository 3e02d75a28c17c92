"""The console's connection to the application's database.

It reads rows of all users with the role recomamp_console, which has no right to tokens. It writes
with the role recomamp_analyst as one user, so every check, quota and policy of people holds.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import psycopg2
from fastapi import Depends, Request
from psycopg2.extensions import connection as Connection

from recomamp.errors import DatabaseBusy
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.settings import CONSOLE_CONN_ID
from recomamp.store.statements import execute_returning, limit_lock_waits

# A page must not hold up Airflow's own requests, which share the threads of the API server
CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10
MAX_CONNECTIONS = 4
WAIT_SECONDS = 0.5
LOCK_WAIT = timedelta(seconds=2)  # an analyst's open transaction may lock rows for any time

# A user may write what the database refuses; its words name the column and the remedy
_OF_THE_ROW = ("22", "23", "42501", "P0001")


class ConsoleDatabase:
    """Gives connections for one transaction each, a few at a time."""

    def __init__(self) -> None:
        self._hook = DatabaseHook(
            CONSOLE_CONN_ID,
            connect_timeout_seconds=CONNECT_SECONDS,
            statement_timeout_seconds=STATEMENT_SECONDS,
        )
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._reuse = self._hook.reuse_connection()
        self._reuse.__enter__()  # for the life of the process
        self._trying: set[str] = set()
        self._trying_lock = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that changes nothing.

        :raises ConfigurationError: when the Airflow connection is not defined.
        :raises DatabaseBusy: when other requests have all connections.
        :raises psycopg2.OperationalError: when the database is away.
        """
        with self._transaction(readonly=True) as connection:
            yield connection

    @contextmanager
    def write_as(self, user_id: UUID) -> Iterator[Connection]:
        """Give a connection with the rights of an analyst, as this user; raises as ``read``.

        The role and the user end with the transaction.
        """
        with self._transaction(readonly=False) as connection:
            execute_returning(connection, "console/act_as_analyst", user_id=str(user_id))
            limit_lock_waits(connection, LOCK_WAIT)
            yield connection

    @contextmanager
    def try_as(self, user_id: UUID, visitor_id: str) -> Iterator[Connection]:
        """Give a connection as ``write_as`` does, and undo what was written with it.

        A trial locks what a write locks. So a visitor has one at a time.

        :raises DatabaseBusy: while another trial of the visitor goes on, and as ``read``.
        """
        with self._trying_lock:
            if visitor_id in self._trying:
                raise DatabaseBusy("another trial of yours goes on; try again in a moment")
            self._trying.add(visitor_id)
        try:
            with self.write_as(user_id) as connection:
                try:
                    yield connection
                finally:
                    connection.rollback()
        finally:
            with self._trying_lock:
                self._trying.discard(visitor_id)

    @contextmanager
    def _transaction(self, *, readonly: bool) -> Iterator[Connection]:
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise DatabaseBusy("the console has all its connections in use; try again in a moment")
        try:
            with self._hook.transaction() as connection:
                connection.set_session(readonly=readonly)
                yield connection
        finally:
            self._free.release()


def _database(request: Request) -> ConsoleDatabase:
    database: ConsoleDatabase = request.app.state.database
    return database


# A route with this parameter reads or writes rows
Database = Annotated[ConsoleDatabase, Depends(_database)]


def refusal_of(error: BaseException) -> dict[str, Any] | None:
    """Return the database's words about a row that it refuses, and the column they name.

    None stands for any other error.
    """
    if not isinstance(error, psycopg2.Error) or not (error.pgcode or "").startswith(_OF_THE_ROW):
        return None
    diagnosis = error.diag
    column = diagnosis.column_name
    named = re.fullmatch(
        rf"chk_{diagnosis.table_name}_(\w+)_[a-z]+", diagnosis.constraint_name or ""
    )
    return {"detail": diagnosis.message_primary, "column": column or (named[1] if named else None)}
