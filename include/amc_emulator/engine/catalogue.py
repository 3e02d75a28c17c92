"""The tables a query may read, loaded from `catalogue.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

CREDIT_SUFFIXES = ("", "_clicks", "_views")
DUCKDB_TYPES = {"LONG": "BIGINT", "STRING": "VARCHAR"}


class Threshold(IntEnum):
    """The sensitivity of a column, ordered from harmless to secret."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    VERY_HIGH = 4
    INTERNAL = 5

    @property
    def users(self) -> int:
        """The distinct users that a row needs to show such a column."""
        return {Threshold.NONE: 1, Threshold.LOW: 2}.get(self, 100)

    @property
    def may_be_shown(self) -> bool:
        """Whether an output may contain the column."""
        return self < Threshold.VERY_HIGH

    @property
    def may_be_compared(self) -> bool:
        """Whether the column may be compared with a literal."""
        return self < Threshold.HIGH


@dataclass(frozen=True, kw_only=True, slots=True)
class TableColumn:
    """A column as Amazon documents it. `data_type` is AMC's name of the type."""

    name: str
    data_type: str
    role: str
    threshold: Threshold

    @property
    def duckdb_type(self) -> str:
        """DuckDB's name of the type."""
        if self.data_type.startswith("ARRAY<"):
            return f"{DUCKDB_TYPES.get(self.data_type[6:-1], self.data_type[6:-1])}[]"
        return DUCKDB_TYPES.get(self.data_type, self.data_type)


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueTable:
    """A table. The time window of an execution applies to its `event_time` column, if any.

    `dataset` is what an instance subscribes to, None for what every instance has. The rows are
    those of `sql/views/<view>.sql` for which the condition `rows` holds.
    """

    name: str
    description: str
    event_time: str | None
    columns: dict[str, TableColumn]
    view: str
    rows: str
    dataset: str | None

    def is_offered(self, datasets: Container[str] | None) -> bool:
        """Return whether an instance with these datasets has the table. None stands for all."""
        return datasets is None or self.dataset is None or self.dataset in datasets


@cache
def load_catalogue() -> dict[str, CatalogueTable]:
    """Read the catalogue: table name → table."""
    document: dict[str, Any] = {}
    for name in ("catalogue.toml", "optional_tables.toml"):
        document |= tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return {name: _table(name, body, document) for name, body in document.items()}


def describe_data_sources(datasets: Container[str] | None = None) -> list[dict[str, Any]]:
    """Return the tables of an instance with these datasets in the shape of `GET /dataSources`."""
    return [
        {
            "dataSourceId": table.name,
            "description": table.description,
            "owner": "AMAZON",
            "provider": "AMAZON",
            "isPremium": table.dataset is not None,
            "columns": [
                {
                    "name": column.name,
                    "dataType": column.data_type,
                    "columnType": column.role,
                    "sensitivity": column.threshold.name,
                }
                for column in table.columns.values()
            ],
        }
        for table in load_catalogue().values()
        if table.is_offered(datasets)
    ]


def _table(name: str, body: dict[str, Any], document: dict[str, Any]) -> CatalogueTable:
    columns = sorted(_all_columns(name, document), key=lambda c: c.name)
    return CatalogueTable(
        name=name,
        description=body["description"],
        event_time=body.get("event_time"),
        columns={column.name: column for column in columns},
        view=body.get("view", name),
        rows=body.get("rows", "TRUE"),
        dataset=body.get("dataset"),
    )


def _all_columns(name: str, document: dict[str, Any]) -> Iterator[TableColumn]:
    body = document[name]
    for group in body.get("columns", []):
        yield from _columns(group)
    if "columns_of" in body:
        yield from _all_columns(body["columns_of"], document)


def _columns(group: dict[str, Any]) -> Iterator[TableColumn]:
    for written in group["names"].split():
        endings = CREDIT_SUFFIXES if written.endswith("*") else ("",)
        for ending in endings:
            yield TableColumn(
                name=written.removesuffix("*") + ending,
                data_type=group["type"],
                role=group["role"],
                threshold=Threshold[group["threshold"]],
            )
