"""What the server knows of tables, indexes and queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import fetch_all, fetch_one


@dataclass(frozen=True, kw_only=True, slots=True)
class UnusedIndex:
    """An index that no query has used since the server began to count."""

    table_name: str
    index_name: str
    size_bytes: int
    counted_since: datetime | None  # None: since the database was made


@dataclass(frozen=True, kw_only=True, slots=True)
class SlowQuery:
    """A query that takes long on average; times in milliseconds."""

    query: str
    mean_exec_time: float
    calls: int
    total_exec_time: float


def select_tables_to_analyze(connection: Connection) -> list[str]:
    """Return the tables with changes since they were last analyzed, the most changed first."""
    return [row["table_name"] for row in fetch_all(connection, "select_tables_to_analyze")]


def analyze_table(connection: Connection, table_name: str) -> bool:
    """Gather the statistics of a table; False where somebody else holds its lock."""
    row = fetch_one(connection, "analyze_table", table_name=table_name)
    return bool(row and row["is_analyzed"])


def select_unused_indexes(connection: Connection, *, larger_than_bytes: int) -> list[UnusedIndex]:
    """Return indexes without use, the largest first."""
    found = fetch_all(connection, "select_unused_indexes", larger_than_bytes=larger_than_bytes)
    return [UnusedIndex(**row) for row in found]


def select_slow_queries(
    connection: Connection, *, longer_than_ms: float, limit: int
) -> list[SlowQuery]:
    """Return the slowest queries on average; none where the server does not count them."""
    found = fetch_all(connection, "select_slow_queries", longer_than_ms=longer_than_ms, limit=limit)
    return [SlowQuery(**row) for row in found]
