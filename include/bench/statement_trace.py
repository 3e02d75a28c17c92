"""Count the connections, transactions and statements that Postgres gets."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor


@dataclass(kw_only=True, slots=True)
class StatementTrace:
    """The statements of a block. BEGIN and COMMIT are not among them."""

    connections: int = 0
    transactions: int = 0  # committed or rolled back
    statements: list[str] = field(default_factory=list)


@contextlib.contextmanager
def trace_statements() -> Iterator[StatementTrace]:
    """Record the statements of every connection that this process opens in the block."""
    trace = StatementTrace()

    class TracedConnection(Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            trace.connections += 1

        def cursor(self, *arguments: Any, **options: Any) -> Any:
            kind = _tracing_cursor(options.pop("cursor_factory", None) or Cursor)
            cursor: Any = super().cursor(*arguments, cursor_factory=kind, **options)
            cursor.trace = trace
            return cursor

        def __exit__(self, *error: Any) -> None:
            trace.transactions += 1
            super().__exit__(*error)

    connect = functools.partial(psycopg2.connect, connection_factory=TracedConnection)
    with mock.patch.object(psycopg2, "connect", connect):
        yield trace


@functools.cache
def _tracing_cursor(kind: type[Cursor]) -> type[Cursor]:
    class TracedCursor(kind):  # type: ignore[valid-type, misc]
        trace: StatementTrace

        def execute(self, query: Any, *arguments: Any) -> Any:
            self.trace.statements.append(_first_words(str(query)))
            return super().execute(query, *arguments)

    return TracedCursor


def _first_words(statement: str) -> str:
    return " ".join(re.sub(r"--.*", "", statement).split())[:60]
