"""The console's connection to the application's database.

It reads rows of all users with the role recomamp_console, which has no right to tokens. It writes
with the role recomamp_analyst as one user, so every check, quota and policy of people holds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.errors import DatabaseBusy
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.settings import CONSOLE_CONN_ID
from recomamp.store.statements import execute_returning

# A page must not hold up Airflow's own requests, which share the threads of the API server
CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10
MAX_CONNECTIONS = 4
WAIT_SECONDS = 5


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
            yield connection

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
