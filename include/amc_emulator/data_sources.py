"""The tables that an instance offers: the engine's own, with changes by tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class DataSourceColumn(BaseModel):
    """A column as AMC describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    dataType: str = "STRING"  # noqa: N815  (Amazon's spelling, here and below)
    columnType: Literal["DIMENSION", "METRIC"] = "DIMENSION"  # noqa: N815
    sensitivity: str = "LOW"
    description: str | None = None


class DataSourceChange(BaseModel):
    """One change of a table, for one instance or for all. An unknown table is created.

    A column that exists is changed. `hidden_columns` are left out. `hidden` leaves out the table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_source_id: str
    instance_id: str | None = None
    hidden: bool = False
    description: str | None = None
    columns: tuple[DataSourceColumn, ...] = ()
    hidden_columns: tuple[str, ...] = ()
    uploaded: bool = False

    def apply(self, source: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the changed table, None where it is hidden."""
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


def available_sources(
    sources: Iterable[dict[str, Any]], changes: Iterable[DataSourceChange], instance_id: str
) -> list[dict[str, Any]]:
    """Return the tables an instance offers, sorted by id."""
    tables: dict[str, dict[str, Any]] = {str(one["dataSourceId"]): one for one in sources}
    for change in changes:
        if change.instance_id in (None, instance_id):
            changed = change.apply(tables.pop(change.data_source_id, None))
            if changed is not None:
                tables[change.data_source_id] = changed
    return [tables[name] for name in sorted(tables)]
