"""A step's transactions share a connection, and none of them suffers from it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database
from recomamp.store.connections import Transactions


class Opened:
    """Connections to a database, counted."""

    def __init__(self, database: Database) -> None:
        self._uri = database.uri
        self.connections: list[Connection] = []

    def __call__(self) -> Connection:
        self.connections.append(psycopg2.connect(self._uri))
        return self.connections[-1]


@pytest.fixture
def opened(database: Database) -> Opened:
    return Opened(database)


@pytest.fixture
def transactions(opened: Opened) -> Transactions:
    return Transactions(opened)


def ask(connection: Connection, statement: str = "SELECT 1") -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def test_transactions_share_a_connection_while_it_is_kept(
    transactions: Transactions, opened: Opened
) -> None:
    with transactions.reuse():
        for _ in range(3):
            with transactions.transaction() as connection:
                ask(connection)
    assert len(opened.connections) == 1
    assert opened.connections[0].closed


def test_each_transaction_has_its_own_otherwise(transactions: Transactions, opened: Opened) -> None:
    for _ in range(2):
        with transactions.transaction() as connection:
            ask(connection)
    assert len(opened.connections) == 2
    assert all(connection.closed for connection in opened.connections)


def test_a_transaction_within_another_is_independent_of_it(
    transactions: Transactions, opened: Opened, database: Database
) -> None:
    with transactions.reuse(), transactions.transaction() as outer:
        ask(outer, "INSERT INTO users (email) VALUES ('outer@example.com') RETURNING id")
        with transactions.transaction() as inner:
            ask(inner, "INSERT INTO users (email) VALUES ('inner@example.com') RETURNING id")
        outer.rollback()
    assert database.query("SELECT email FROM users") == [{"email": "inner@example.com"}]
    assert all(connection.closed for connection in opened.connections)


def test_what_failed_is_rolled_back_and_the_connection_goes_on(
    transactions: Transactions, opened: Opened, database: Database
) -> None:
    with transactions.reuse():
        both = "INSERT INTO users (email) VALUES ('a@example.com'); SELECT 1 / 0"
        with pytest.raises(psycopg2.Error), transactions.transaction() as connection:
            ask(connection, both)
        with transactions.transaction() as connection:
            assert ask(connection, "SELECT COUNT(*) FROM users") == (0,)
    assert len(opened.connections) == 1


@pytest.mark.parametrize(
    "hang_up",
    [
        lambda connection, database: database.end_session(connection.info.backend_pid),
        lambda connection, database: connection.close(),
    ],
    ids=["by the server", "by us"],
)
def test_a_connection_that_was_closed_meanwhile_is_replaced(
    transactions: Transactions,
    opened: Opened,
    database: Database,
    hang_up: Callable[[Connection, Database], object],
) -> None:
    with transactions.reuse():
        with transactions.transaction() as connection:
            ask(connection)
        hang_up(connection, database)
        with transactions.transaction() as connection:
            assert ask(connection) == (1,)
    assert len(opened.connections) == 2


def test_a_statement_that_breaks_the_connection_is_told_and_the_next_one_works(
    transactions: Transactions, opened: Opened
) -> None:
    with transactions.reuse():
        with pytest.raises(psycopg2.Error), transactions.transaction() as connection:
            ask(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
        with transactions.transaction() as connection:
            assert ask(connection) == (1,)
    assert [connection.closed > 0 for connection in opened.connections] == [True, True]
