"""Aggregation thresholds: the filtering of rows with too few users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amc_emulator.engine.output import QUANTITIES, ResultColumn
from amc_emulator.engine.query import OutputColumn, ResultSet

Row = tuple[Any, ...]


def apply_thresholds(
    result_columns: Sequence[ResultColumn],
    counted: Sequence[tuple[Row, int]],
    *,
    masks_values: bool,
    discriminator: str | None,
) -> ResultSet:
    """Return the rows that may be seen, from pairs of a row and its distinct users.

    Without `masks_values` a row short of users is dropped. With it, or with a discriminator column,
    the values that need more users become NULL. Rows that are alike after that are added up.
    """
    columns = tuple(one.column for one in result_columns)
    if not masks_values and discriminator is None:
        need = max(one.threshold.users for one in result_columns)
        return ResultSet(columns=columns, rows=[row for row, users in counted if users >= need])
    complete, masked = _split(result_columns, counted)
    merged = _merge_alike(columns, masked)
    if discriminator is None:
        return ResultSet(columns=columns, rows=[*complete, *merged])
    flag = discriminator_column(discriminator)
    rows = [*((*row, False) for row in complete), *((*row, True) for row in merged)]
    return ResultSet(columns=(*columns, flag), rows=rows)


def discriminator_column(name: str) -> OutputColumn:
    """Return the column that marks filtered rows."""
    return OutputColumn(name=name, data_type="BOOLEAN", column_type="DIMENSION")


def _split(
    result_columns: Sequence[ResultColumn], counted: Sequence[tuple[Row, int]]
) -> tuple[list[Row], list[Row]]:
    needs = [one.threshold.users for one in result_columns]
    complete, masked = [], []
    for row, users in counted:
        if users >= max(needs):
            complete.append(row)
        elif users:
            pairs = zip(row, needs, strict=True)
            masked.append(tuple(v if users >= need else None for v, need in pairs))
    return complete, masked


def _merge_alike(columns: Sequence[OutputColumn], rows: Sequence[Row]) -> list[Row]:
    metrics = [c.column_type == "METRIC" and c.data_type in QUANTITIES for c in columns]
    groups: dict[Row, list[Any]] = {}
    for row in rows:
        key = tuple(None if metric else v for v, metric in zip(row, metrics, strict=True))
        sums = groups.setdefault(key, [None] * len(columns))
        for position, (value, metric) in enumerate(zip(row, metrics, strict=True)):
            if metric and value is not None:
                sums[position] = value if sums[position] is None else sums[position] + value
    return [
        tuple(s if metric else k for k, s, metric in zip(key, sums, metrics, strict=True))
        for key, sums in groups.items()
    ]
