"""The time window of an execution, applied to each table a query reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlglot import exp

from amc_emulator.engine.catalogue import CatalogueTable, load_catalogue
from amc_emulator.engine.parameters import timestamp
from amc_emulator.engine.position import error_at
from amc_emulator.engine.relation import USER_COLUMN

DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
MAX_EXTENSION = timedelta(days=400)


@dataclass(kw_only=True, slots=True)
class WindowedReads:
    """Builds reads of tables within `[start, end)`, naive UTC, and records their extent."""

    start: datetime
    end: datetime
    first: datetime = field(init=False)
    last: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.first, self.last = self.start, self.end

    def read(self, source: exp.Table) -> tuple[CatalogueTable, exp.Query]:
        """Return the documented table a FROM item names and the query that reads it."""
        name, before, after = _named(source)
        table = load_catalogue().get(name.lower())
        if table is None:
            raise error_at(source, f"Object '{name}' not found")
        start, end = self.start - before, self.end + after
        self.first, self.last = min(self.first, start), max(self.last, end)
        moment = exp.column(table.event_time, quoted=True)
        columns = (exp.column(c, quoted=True) for c in (*table.columns, USER_COLUMN))
        inside = exp.and_(moment >= timestamp(start), moment.copy() < timestamp(end))
        return table, exp.select(*columns).from_(exp.to_table(table.name)).where(inside)


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
