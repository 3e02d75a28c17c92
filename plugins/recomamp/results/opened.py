"""Opens the database that holds the results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extensions import connection as Connection

from recomamp.errors import ConfigurationError
from recomamp.store.connection_strings import connection_arguments
from recomamp.store.tls import connect

DEFAULT_CONN_ID = "recomamp_db"


@contextmanager
def opened(named: str | Connection) -> Iterator[Connection]:
    """Give a connection. One that is open already stays open, in its transaction.

    :param named: the id of an Airflow connection, a URI of libpq, or an open connection.
    :raises ConfigurationError: when it names no database that can be opened. The message has no
        password.
    """
    if isinstance(named, Connection):
        yield named
        return
    with closing(_open_uri(named) if "://" in named else _open_airflow_connection(named)) as one:
        yield one


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Read within a transaction that ends with the block. One that is open already stays open."""
    is_begun_here = connection.info.transaction_status == TRANSACTION_STATUS_IDLE
    try:
        yield
    finally:
        if is_begun_here and not connection.closed:
            connection.rollback()  # nothing was written


def _open_uri(uri: str) -> Connection:
    try:
        return connect(connection_arguments(uri))
    except psycopg2.Error as err:
        raise ConfigurationError(f"cannot connect: {' '.join(str(err).split())}") from err


def _open_airflow_connection(conn_id: str) -> Connection:
    try:
        from recomamp.pipeline.hooks import DatabaseHook
    except ImportError as err:
        raise ConfigurationError(
            f"Airflow, which knows the connection {conn_id!r}, is not installed here; name the "
            "database by a URI (connection='postgresql://…') or give an open connection"
        ) from err
    return DatabaseHook(conn_id).get_conn()
