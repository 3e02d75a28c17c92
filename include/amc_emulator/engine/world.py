"""The generated data of one instance, in DuckDB. Months are generated when they are read."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

import duckdb

from amc_emulator.engine import population
from amc_emulator.engine.catalogue import CatalogueTable, load_catalogue
from amc_emulator.engine.derived_columns import column_expression

SQL = Path(__file__).with_name("sql")
USER_COLUMN = "_amc_u"
KNOWN_COLUMN = "_amc_known"
# The delay until AMC knows of an event whose view does not tell.
DELAY_HOURS = 6
BASE_VIEW = re.compile(r"\bbase_(\w+)")
ATTRIBUTION = timedelta(days=15)
MAX_MONTHS = 30
SETTINGS: dict[str, str | int | float | list[str]] = {
    # One thread: sums of floating-point numbers and collected lists then have one order only.
    "threads": 1,
    "memory_limit": "1GB",
    "enable_external_access": "false",
    "ieee_floating_point_ops": "false",
    "error_on_division_by_zero": "false",  # it is NULL
    "autoinstall_known_extensions": "false",
    "TimeZone": "UTC",
}


class World:
    """The data of one instance. Callers hold `lock` while they fill and read it."""

    def __init__(self, *, instance_id: str, seed: int, users: int) -> None:
        self.lock = RLock()
        self._months: OrderedDict[datetime, None] = OrderedDict()
        self._views: set[str] = set()
        self._connection = duckdb.connect(":memory:", config=SETTINGS)
        self._script("macros.sql")
        self._script("tables.sql")
        self._fill_population(instance_id, seed, users)
        self._connection.execute("SET lock_configuration = true")

    def describe(self, sql: str, tables: Iterable[str]) -> list[tuple[str, str]]:
        """Return name and DuckDB type of each output column, without running the query.

        `tables` are those that the query reads. Their views come into being when they are needed.
        """
        for name in tables:
            self._create_table_view(load_catalogue()[name])
        rows = self._connection.execute(f"DESCRIBE {sql}").fetchall()
        return [(row[0], row[1]) for row in rows]

    def fetch(self, sql: str, start: datetime, end: datetime) -> list[tuple[Any, ...]]:
        """Run a query that reads events of `[start, end)`, naive UTC."""
        self._ensure(start - ATTRIBUTION, end)
        return self._connection.execute(sql).fetchall()

    def _script(self, name: str) -> None:
        self._connection.execute(_text(name))

    def _fill_population(self, instance_id: str, seed: int, users: int) -> None:
        self._insert("profile", [population.profile_row(instance_id, seed, users)])
        self._insert("place", population.place_rows(instance_id))
        self._insert("product", population.product_rows(instance_id))
        self._insert("segment", population.segment_rows())
        self._insert("ad", population.ad_rows(instance_id))
        self._insert("ticket", population.ticket_rows())
        self._connection.execute(_text("people.sql"), {"users": users})
        self._script("devices.sql")

    def _insert(self, table: str, rows: list[list[Any]]) -> None:
        marks = ", ".join("?" for _ in rows[0])
        values = ", ".join(f"({marks})" for _ in rows)
        self._connection.execute(
            f"INSERT INTO {table} VALUES {values}",  # noqa: S608 (the names are ours)
            [value for row in rows for value in row],
        )

    def _create_table_view(self, table: CatalogueTable) -> None:
        if table.name in self._views:
            return
        self._create_base_view(table.view)
        described = self._connection.execute(f"DESCRIBE base_{table.view}").fetchall()
        stored = frozenset(row[0] for row in described)
        columns = ",\n".join(
            f'CAST({column_expression(column, stored)} AS {column.duckdb_type}) AS "{column.name}"'
            for column in table.columns.values()
        )
        self._connection.execute(
            f"CREATE VIEW {table.name} AS SELECT {columns}, {USER_COLUMN},"  # noqa: S608 (ours)
            f" {_known(table, stored)} AS {KNOWN_COLUMN} FROM base_{table.view} WHERE {table.rows}"
        )
        self._views.add(table.name)

    def _create_base_view(self, name: str) -> None:
        view = f"base_{name}"
        if view in self._views:
            return
        body = _text(f"views/{name}.sql")
        for needed in BASE_VIEW.findall(body):
            self._create_base_view(needed)
        self._connection.execute(f"CREATE VIEW {view} AS {body}")
        self._views.add(view)

    def _ensure(self, start: datetime, end: datetime) -> None:
        wanted = _months_of(start, end)[-MAX_MONTHS:]
        for month in wanted:
            if month not in self._months:
                self._generate(month)
            self._months[month] = None
            self._months.move_to_end(month)
        while len(self._months) > MAX_MONTHS:
            self._forget(self._months.popitem(last=False)[0])

    def _generate(self, month: datetime) -> None:
        next_month = _next_month(month)
        self._connection.execute("INSERT INTO month VALUES (?, ?)", [month, next_month])
        self._connection.execute(
            _text("month_touches.sql"), {"month": month, "days": (next_month - month).days}
        )
        self._connection.execute(
            _text("month_conversions.sql"), {"month": month, "next_month": next_month}
        )

    def _forget(self, month: datetime) -> None:
        next_month = _next_month(month)
        self._connection.execute(
            "DELETE FROM touch WHERE shown_at >= ? AND shown_at < ?", [month, next_month]
        )
        for table in ("conversion", "month"):
            self._connection.execute(f"DELETE FROM {table} WHERE month = ?", [month])  # noqa: S608 (ours)


def _known(table: CatalogueTable, stored: frozenset[str]) -> str:
    """Return the SQL for the moment at which AMC knows of a row."""
    if KNOWN_COLUMN in stored:
        return KNOWN_COLUMN
    if table.event_time is None:
        return "TIMESTAMP '-infinity'"
    return f'CAST("{table.event_time}" AS TIMESTAMP) + to_hours({DELAY_HOURS})'


@cache
def _text(name: str) -> str:
    return (SQL / name).read_text(encoding="utf-8")


def _months_of(start: datetime, end: datetime) -> list[datetime]:
    month = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = []
    while month < end:
        months.append(month)
        month = _next_month(month)
    return months


def _next_month(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)
