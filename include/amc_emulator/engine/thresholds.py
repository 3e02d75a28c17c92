"""Aggregation thresholds: the filtering of rows with too few users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amc_emulator.engine.output import QUANTITIES, ResultColumn
from amc_emulator.engine.query import OutputColumn, Query, ResultSet

Row = tuple[Any, ...]


def apply_thresholds(
    result_columns: Sequence[ResultColumn], counted: Sequence[tuple[Row, int]], query: Query
) -> ResultSet:
    """Return the rows that may be seen, from pairs of a row and its distinct users.

    By default a row short of users is dropped. With REMOVE_VALUES or a discriminator column, the
    values that need more users become NULL. Rows that are alike after that are added up.
    """
    columns = tuple(one.column for one in result_columns)
    masks_values = query.privacy_filtering == "REMOVE_VALUES"
    if not masks_values and query.filtered_metrics_discriminator_column is None:
        need = max(one.threshold.users for one in result_columns)
        return ResultSet(columns=columns, rows=[row for row, users in counted if users >= need])
    complete, masked, fewest = _split(result_columns, counted)
    merged = _merge_alike(columns, masked)
    reason = f"{fewest} users < {max(one.threshold.users for one in result_columns)} required"
    with_flag = query.filtered_metrics_discriminator_column is not None
    with_reason = query.filtered_reason_column is not None
    plain = ((False,) if with_flag else ()) + ((None,) if with_reason else ())
    changed = ((True,) if with_flag else ()) + ((reason,) if with_reason else ())
    rows = [*((*row, *plain) for row in complete), *((*row, *changed) for row in merged)]
    return ResultSet(columns=(*columns, *added_columns(query)), rows=rows)


def added_columns(query: Query) -> tuple[OutputColumn, ...]:
    """Return the columns that mark filtered rows and say why they are filtered."""
    added = (
        (query.filtered_metrics_discriminator_column, "BOOLEAN"),
        (query.filtered_reason_column, "STRING"),
    )
    return tuple(
        OutputColumn(name=name, data_type=data_type, column_type="DIMENSION")
        for name, data_type in added
        if name is not None
    )


def _split(
    result_columns: Sequence[ResultColumn], counted: Sequence[tuple[Row, int]]
) -> tuple[list[Row], list[Row], int]:
    needs = [one.threshold.users for one in result_columns]
    complete, masked, fewest = [], [], max(needs)
    for row, users in counted:
        if users >= max(needs):
            complete.append(row)
        elif users:
            pairs = zip(row, needs, strict=True)
            masked.append(tuple(v if users >= need else None for v, need in pairs))
            fewest = min(fewest, users)
    return complete, masked, fewest


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
