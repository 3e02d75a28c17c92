"""Counts the rows that privacy has changed, and takes AMC's columns about them out of a result."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from recomamp.domain.amc_options import FLAG_COLUMN, REASON_COLUMN
from recomamp.domain.hidden_rows import HiddenRows, add_reason
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import UnexpectedResponse

log = logging.getLogger(__name__)

_COLUMNS = (
    OutputColumn(name=FLAG_COLUMN, data_type="BOOLEAN"),
    OutputColumn(name=REASON_COLUMN, data_type="STRING"),
)
_NAMES = frozenset(column.name for column in _COLUMNS)


def with_added_columns(
    described: Sequence[OutputColumn], header: Sequence[str]
) -> Sequence[OutputColumn]:
    """Return the described columns, and those of the two that only the file has.

    Whether AMC describes the columns that it adds is not published.
    """
    known = {column.name.casefold() for column in described}
    found = {name.casefold() for name in header}
    return [*described, *(one for one in _COLUMNS if one.name in found - known)]


class HiddenRowCounter:
    """Takes the two columns out of the batches of one result, in constant memory.

    AMC passes over fields that it does not know. A result without the flags is then what the
    behaviour alone gives, so it is stored as it is, and nothing is counted.

    :param removes_rows: whether the flagged rows are left out, as REMOVE_ROWS does; else they stay.
    :raises UnexpectedResponse: when the flags are no BOOLEAN.
    """

    def __init__(self, columns: Sequence[OutputColumn], *, removes_rows: bool) -> None:
        self._removes_rows = removes_rows
        self._places = {
            column.name.casefold(): place
            for place, column in enumerate(columns)
            if column.name.casefold() in _NAMES
        }
        self._flagged_rows = 0
        self._reasons: dict[str, int] = {}
        self.columns = [one for one in columns if one.name.casefold() not in _NAMES]
        flag = self._places.get(FLAG_COLUMN)
        if flag is None:
            log.warning("AMC's result has no column %s: hidden rows are not counted", FLAG_COLUMN)
        elif not pa.types.is_boolean(columns[flag].arrow_type):
            raise UnexpectedResponse(
                f"AMC describes {FLAG_COLUMN} as {columns[flag].type_name}, which is no BOOLEAN; "
                "set workflows.counts_hidden_rows to false and run the query again"
            )

    def take(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Count the flagged rows of a batch, and return what of it is stored."""
        flag = self._places.get(FLAG_COLUMN)
        kept = batch.select([one for one in range(batch.num_columns) if self._is_stored(one)])
        if flag is None:
            return kept
        flags = cast("pa.BooleanArray", batch.column(flag).fill_null(False))
        flagged_rows = flags.true_count
        if not flagged_rows:
            return kept
        self._flagged_rows += flagged_rows
        self._count_reasons(batch, flags)
        return kept.filter(pc.invert(flags)) if self._removes_rows else kept

    def counts(self) -> HiddenRows | None:
        """Return the counts so far, None where AMC has given no flags."""
        if FLAG_COLUMN not in self._places:
            return None
        return HiddenRows(
            removed=self._flagged_rows if self._removes_rows else 0,
            blanked=0 if self._removes_rows else self._flagged_rows,
            reasons=self._reasons if REASON_COLUMN in self._places else None,
        )

    def _is_stored(self, place: int) -> bool:
        return place not in self._places.values()

    def _count_reasons(self, batch: pa.RecordBatch, flags: pa.Array[Any]) -> None:
        place = self._places.get(REASON_COLUMN)
        if place is None:
            return
        for found in pc.value_counts(batch.column(place).filter(flags)):
            text = found["values"].as_py()
            add_reason(self._reasons, None if text is None else str(text), found["counts"].as_py())
