"""Statements of ``include/sql/queries``, one in each file, read and run by their names."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from recomamp.store.column_values import register_column_types

Row = dict[str, Any]

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "sql"  # the wheel has the files in the package
SQL_DIRECTORY = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1] / "include" / "sql"


@cache
def load_sql(name: str) -> LiteralString:
    """Return the statement of ``include/sql/queries/<name>.sql``, read once per process.

    :raises FileNotFoundError: no such file.
    """
    # A file of the repository is as literal as code. A type checker that knows LiteralString then
    # refuses statements that are put together from other text
    text: LiteralString = (SQL_DIRECTORY / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    return text


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


def limit_lock_waits(connection: Connection, limit: timedelta) -> None:
    """Let the statements of this transaction wait for a lock for so long at most.

    After it they raise ``psycopg2.errors.LockNotAvailable``. A person's open transaction may lock
    the person's rows for any time.
    """
    milliseconds = round(limit.total_seconds() * 1000)
    fetch_one(connection, "set_lock_timeout", milliseconds=milliseconds)


def delete_oldest(connection: Connection, statement: str, *, before: datetime, limit: int) -> int:
    """Run a statement that deletes the oldest rows; return how many it deleted.

    :param before: newer rows stay.
    :param limit: at most so many are deleted.
    """
    row = fetch_one(connection, statement, before=before, limit=limit)
    return int(row["deleted"]) if row else 0
