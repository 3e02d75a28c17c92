"""One connection for the transactions of a step, instead of one for each."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import connection as Connection

# What a database raises that is away, or goes away: the latter where psycopg2 rolls back on a
# connection that is closed already, whose own error is then only the context
AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError)
_SHUTDOWNS = ("57P01", "57P02", "57P03")  # on command, after a crash, not yet started


def is_away(error: BaseException) -> bool:
    """Return whether an error says that the database is away.

    A statement that is cancelled, or that waits for a lock in vain, raises an OperationalError too.
    """
    if not isinstance(error, AWAY):
        return False
    code = error.pgcode
    return code is None or code.startswith("08") or code in _SHUTDOWNS


class Transactions:
    """Runs transactions on connections that it opens; one that is idle may be kept for the next.

    Opening one is slow: a sign-in, a new server process that reads the catalogue, and over a
    network several round trips.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: Connection | None = None
        self._keeps = False

    @contextmanager
    def reuse(self) -> Iterator[None]:
        """Keep an idle connection until the end."""
        self._keeps = True
        try:
            yield
        finally:
            self._keeps = False
            if (idle := self._take_idle()) is not None:
                idle.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection for one transaction: committed at the end, rolled back on an error."""
        connection = self._take_idle() or self._connect()
        try:
            with connection:
                yield connection
        finally:
            self._give_back(connection)

    def _take_idle(self) -> Connection | None:
        """Take what is kept: by one caller at a time, and not if the server has hung up."""
        with self._lock:
            idle, self._idle = self._idle, None
        if idle is not None and _is_hung_up(idle):
            idle.close()
            return None
        return idle

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if self._keeps and self._idle is None and not connection.closed:
                self._idle = connection
                return
        connection.close()


def _is_hung_up(connection: Connection) -> bool:
    """Return whether the server has said anything unasked: it does so only to take its leave."""
    if connection.closed:
        return True
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))
