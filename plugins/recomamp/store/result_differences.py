"""What versions of windows changed: rows of ``result_differences`` and of its two details."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.result_difference import ColumnDifference, ResultDifference, RowDifference
from recomamp.domain.text import one_line
from recomamp.store.statements import execute_returning, fetch_all, fetch_one

MAX_NOTE = 2_000  # characters, as chk_result_differences_note_length
MAX_ROWS_BYTES = 1024 * 1024  # of the rows of one difference, as JSON
_MAX_COLUMNS = 50  # of a row that is shown
_MAX_TEXT = 200  # characters of a value


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviousVersion:
    """The version of a window before another."""

    execution_id: UUID
    asks_the_same: bool  # the same query with the same values, of the same instance


def select_previous_version(connection: Connection, execution_id: UUID) -> PreviousVersion | None:
    """Return the version before that of an execution, None where it is the first."""
    row = fetch_one(connection, "select_previous_version", execution_id=execution_id)
    return PreviousVersion(**row) if row else None


def store_difference(
    connection: Connection,
    execution_id: UUID,
    difference: ResultDifference,
    *,
    previous_execution_id: UUID,
    loaded_at: datetime | None,
    now: datetime,
) -> bool:
    """Store what a version changed, in place of what an earlier comparison has stored.

    :param loaded_at: ``results_loaded_at`` of the version that was compared.
    :returns: False where the version has been loaded again or deleted since. Nothing is stored
        then: the later load compares what it has loaded.
    """
    if not execute_returning(
        connection, "lock_loaded_result", execution_id=execution_id, loaded_at=loaded_at
    ):
        return False
    execute_returning(connection, "delete_result_difference", execution_id=execution_id)
    execute_returning(
        connection,
        "insert_result_difference",
        execution_id=execution_id,
        previous_execution_id=previous_execution_id,
        compared_at=now,
        key_columns=list(difference.key_columns),
        rows_before=difference.rows_before,
        rows_after=difference.rows_after,
        rows_new=difference.rows_new,
        rows_gone=difference.rows_gone,
        rows_changed=difference.rows_changed,
        change_ratio=difference.change_ratio,
        note=None if difference.note is None else one_line(difference.note, MAX_NOTE),
    )
    fetch_all(
        connection,
        "insert_result_difference_columns",
        execution_id=execution_id,
        columns=_list(map(_column, difference.columns)),
    )
    fetch_all(
        connection,
        "insert_result_difference_rows",
        execution_id=execution_id,
        rows=_list(_bounded(difference.rows)),
    )
    return True


def _column(column: ColumnDifference) -> str:
    return _object(
        {
            "column_name": column.name,
            "rows_changed": column.rows_changed,
            "sum_before": column.sum_before,
            "sum_after": column.sum_after,
            "largest_change": column.largest_change,
            "change_ratio": column.change_ratio,
        }
    )


def _bounded(rows: Iterable[RowDifference]) -> Iterator[str]:
    """Yield rows as JSON, the largest first, until they have too many bytes."""
    size_bytes = 0
    for number, row in enumerate(rows, start=1):
        text = "".join(
            (
                f'{{"number":{number},"kind":"{row.kind}","key":{_shown(row.key)},',
                f'"before":{_shown(row.before)},"after":{_shown(row.after)}}}',
            )
        )
        size_bytes += len(text.encode())
        if size_bytes > MAX_ROWS_BYTES:
            return
        yield text


def _shown(values: Mapping[str, Any] | None) -> str:
    if values is None:
        return "null"
    return _object(dict(list(values.items())[:_MAX_COLUMNS]))


def _list(objects: Iterable[str]) -> str:
    return f"[{','.join(objects)}]"


def _object(values: Mapping[str, Any]) -> str:
    return f"{{{','.join(f'{_json(name)}:{_json(value)}' for name, value in values.items())}}}"


def _json(value: Any) -> str:
    """Write a value as JSON that keeps every digit of its numbers."""
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else "null"
    if isinstance(value, float) and value not in (float("inf"), float("-inf")) and value == value:
        return json.dumps(value)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, list):
        return _list(map(_json, value[:_MAX_COLUMNS]))
    if isinstance(value, date | datetime):
        return json.dumps(value.isoformat())
    # Postgres has no NUL in text
    return json.dumps(str(value)[:_MAX_TEXT].replace("\0", "\ufffd"), ensure_ascii=False)
