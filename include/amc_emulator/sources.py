"""Which tables an instance offers: the engine's own, changed as ordered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class SourceColumn(BaseModel):
    """A column as AMC describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    dataType: str = "STRING"  # noqa: N815  (Amazon's spelling, here and below)
    columnType: Literal["DIMENSION", "METRIC"] = "DIMENSION"  # noqa: N815
    sensitivity: str = "LOW"
    description: str | None = None


class SourceChange(BaseModel):
    """One order about a table, for one instance or for all; an unknown table comes into being.

    A column that is there already is changed; `hidden_columns` are left out, with `hidden` the
    whole table is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_source_id: str
    instance_id: str | None = None
    hidden: bool = False
    description: str | None = None
    columns: tuple[SourceColumn, ...] = ()
    hidden_columns: tuple[str, ...] = ()
    uploaded: bool = False

    def change(self, source: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the table as ordered, None where it is hidden."""
        if self.hidden:
            return None
        source = source or {"dataSourceId": self.data_source_id, "description": "", "columns": []}
        columns = {column["name"]: column for column in source["columns"]}
        columns |= {one.name: one.model_dump(exclude_none=True) for one in self.columns}
        changed = source | {
            "columns": [one for name, one in columns.items() if name not in self.hidden_columns]
        }
        if self.description is not None:
            changed["description"] = self.description
        if self.uploaded:
            changed |= {"owner": "CUSTOMER", "provider": "ADVERTISER_DATA_UPLOAD"}
        return changed


def offered(
    sources: Iterable[dict[str, Any]], changes: Iterable[SourceChange], instance_id: str
) -> list[dict[str, Any]]:
    """Return the tables an instance offers, sorted by id."""
    tables: dict[str, dict[str, Any]] = {str(one["dataSourceId"]): one for one in sources}
    for order in changes:
        if order.instance_id in (None, instance_id):
            changed = order.change(tables.pop(order.data_source_id, None))
            if changed is not None:
                tables[order.data_source_id] = changed
    return [tables[name] for name in sorted(tables)]
