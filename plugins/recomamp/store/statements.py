"""Run a statement of include/sql/queries by its name."""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from recomamp.store.column_values import register_column_types
from recomamp.store.sql import load_sql

Row = dict[str, Any]


def fetch_all(connection: Connection, statement: str, **parameters: Any) -> list[Row]:
    """Run a statement and return all its rows."""
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        register_column_types(cursor)
        cursor.execute(load_sql(statement), parameters)
        return [dict(row) for row in cursor.fetchall()]


def fetch_one(connection: Connection, statement: str, **parameters: Any) -> Row | None:
    """Run a statement and return its first row, None where it has none."""
    rows = fetch_all(connection, statement, **parameters)
    return rows[0] if rows else None


def execute_returning(connection: Connection, statement: str, **parameters: Any) -> bool:
    """Run a compare-and-set statement and return whether it changed a row."""
    return fetch_one(connection, statement, **parameters) is not None
