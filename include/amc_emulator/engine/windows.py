"""The time window of an execution, applied to each table a query reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlglot import exp

from amc_emulator.engine.catalogue import CatalogueTable, load_catalogue
from amc_emulator.engine.parameters import timestamp
from amc_emulator.engine.position import error_at
from amc_emulator.engine.relation import KNOWN_COLUMN, USER_COLUMN

DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
MAX_EXTENSION = timedelta(days=400)


@dataclass(kw_only=True, slots=True)
class WindowedReads:
    """Builds reads of tables within `[start, end)`, naive UTC, and records tables and extent."""

    start: datetime
    end: datetime
    datasets: frozenset[str] | None = None
    known_at: datetime | None = None
    tables: list[str] = field(default_factory=list)
    first: datetime = field(init=False)
    last: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.first, self.last = self.start, self.end

    def read(self, source: exp.Table) -> tuple[CatalogueTable, exp.Query]:
        """Return the documented table a FROM item names and the query that reads it."""
        name, before, after = _named(source)
        table = load_catalogue().get(name.lower())
        if table is None or not table.is_offered(self.datasets):
            raise error_at(source, f"Object '{name}' not found")
        self.tables.append(table.name)
        query = exp.select(*self._columns(table)).from_(exp.to_table(table.name))
        if self.known_at is not None:
            query = query.where(exp.column(KNOWN_COLUMN, quoted=True) <= timestamp(self.known_at))
        if table.event_time is None:
            return table, query
        start, end = self.start - before, self.end + after
        self.first, self.last = min(self.first, start), max(self.last, end)
        moment = exp.column(table.event_time, quoted=True)
        inside = exp.and_(moment >= timestamp(start), moment.copy() < timestamp(end))
        return table, query.where(inside)

    def _columns(self, table: CatalogueTable) -> Iterator[exp.Expr]:
        for name in (*table.columns, USER_COLUMN):
            column = exp.column(name, quoted=True)
            if name == "snapshot_datetime" and table.event_time is None:
                # A dimension table is as of now; the end of the window makes queries repeatable.
                as_of = exp.cast(timestamp(self.end), "DATE")
                yield exp.alias_(as_of, name, quoted=True)
            else:
                yield column


def _named(source: exp.Table) -> tuple[str, timedelta, timedelta]:
    function = source.this
    if isinstance(function, exp.Identifier):
        if source.db:
            raise error_at(source, f"Object '{source.db}' not found")
        return function.name, timedelta(), timedelta()
    inner = function.expressions[0] if _is_call(function, "TABLE") else None
    if inner is None or not _is_call(inner, "EXTEND_TIME_WINDOW"):
        raise error_at(source, f"No match found for function signature {function.name.upper()}")
    arguments = inner.expressions
    if len(arguments) != 3 or not all(argument.is_string for argument in arguments):
        raise error_at(source, "EXTEND_TIME_WINDOW takes three strings: table, before, after.")
    name, before, after = (argument.name for argument in arguments)
    return name, _duration(source, before), _duration(source, after)


def _is_call(node: exp.Expr, name: str) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() == name and bool(node.expressions)


def _duration(source: exp.Table, text: str) -> timedelta:
    match = DURATION.fullmatch(text)
    if match is None or text in {"P", "PT"}:
        raise error_at(source, f"'{text}' is not an ISO-8601 duration.")
    length = timedelta(**{unit: int(number or 0) for unit, number in match.groupdict().items()})
    if length > MAX_EXTENSION:
        raise error_at(source, f"'{text}' is longer than the data that is kept.")
    return length
