"""Aggregation thresholds: the filtering of rows with too few users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amc_emulator.engine.output import QUANTITIES, ResultColumn
from amc_emulator.engine.query import OutputColumn, Query, ResultSet

Row = tuple[Any, ...]
HIGHEST_COUNTS = (2, 100)


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedRow:
    """A row with its distinct users. None: no user stands behind it, so no threshold applies."""

    row: Row
    users: int | None
    reason: str | None = None


def apply_thresholds(
    result_columns: Sequence[ResultColumn],
    counted: Sequence[CountedRow],
    query: Query,
    tables: Sequence[str],
) -> ResultSet:
    """Return the rows that may be seen, of a query that reads these `tables` of users.

    By default a row short of users is dropped. With REMOVE_VALUES, a discriminator column or a
    reason column the values that need more users become NULL. Rows that are alike after that are
    added up.
    """
    columns = [one.column for one in result_columns]
    needs = [one.threshold.users for one in result_columns]
    need = max(needs)
    shown: list[CountedRow] = []
    masked: list[CountedRow] = []
    for one in counted:
        if one.users is None or one.users >= need or not query.aggregation_controls:
            shown.append(one)
        elif one.users and _masks_values(query):
            masked.append(_mask(one, needs, tables))
    by_reason = query.filtered_reason_column is not None
    shown += _merge_alike(columns, masked, by_reason=by_reason)
    cap = next(count for count in HIGHEST_COUNTS if need <= count)
    return ResultSet(
        columns=(*columns, *added_columns(query)),
        rows=[(*one.row, *_added_values(one, query, cap)) for one in shown],
    )


def added_columns(query: Query) -> tuple[OutputColumn, ...]:
    """Return the columns that a workflow asks for beside those of its SQL."""
    wanted = (
        (query.filtered_metrics_discriminator_column, "BOOLEAN"),
        (query.distinct_user_count_column, "LONG"),
        (query.filtered_reason_column, "STRING"),
    )
    return tuple(
        OutputColumn(name=name, data_type=data_type, column_type="DIMENSION")
        for name, data_type in wanted
        if name is not None
    )


def _masks_values(query: Query) -> bool:
    return (
        query.privacy_filtering == "REMOVE_VALUES"
        or query.filtered_metrics_discriminator_column is not None
        or query.filtered_reason_column is not None
    )


def _added_values(one: CountedRow, query: Query, cap: int) -> Row:
    values = (
        (query.filtered_metrics_discriminator_column, one.reason is not None),
        (query.distinct_user_count_column, None if one.users is None else min(one.users, cap)),
        (query.filtered_reason_column, one.reason),
    )
    return tuple(value for name, value in values if name is not None)


def _mask(one: CountedRow, needs: Sequence[int], tables: Sequence[str]) -> CountedRow:
    users = one.users or 0
    pairs = zip(one.row, needs, strict=True)
    return CountedRow(
        row=tuple(value if users >= need else None for value, need in pairs),
        users=users,
        reason=_reason(users, max(needs), tables),
    )


def _reason(users: int, need: int, tables: Sequence[str]) -> str:
    """Return AMC's text. It counts the paths of a table that is read several times."""
    table = tables[0]
    reads = tables.count(table)
    path = f" (path 1 of {reads})" if reads > 1 else ""
    return f"{users} '{table}'{path} users < {need} required"


def _merge_alike(
    columns: Sequence[OutputColumn], rows: Sequence[CountedRow], *, by_reason: bool
) -> list[CountedRow]:
    metrics = [c.column_type == "METRIC" and c.data_type in QUANTITIES for c in columns]
    groups: dict[tuple[Row, str | None], list[CountedRow]] = {}
    for one in rows:
        key = tuple(None if metric else v for v, metric in zip(one.row, metrics, strict=True))
        groups.setdefault((key, one.reason if by_reason else None), []).append(one)
    return [_added_up(key, metrics, alike) for (key, _), alike in groups.items()]


def _added_up(key: Row, metrics: Sequence[bool], alike: Sequence[CountedRow]) -> CountedRow:
    columns = zip(key, metrics, zip(*(one.row for one in alike), strict=True), strict=True)
    return CountedRow(
        row=tuple(_total(values) if metric else value for value, metric, values in columns),
        users=sum(one.users or 0 for one in alike),
        reason=alike[0].reason,
    )


def _total(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known[1:], start=known[0]) if known else None
