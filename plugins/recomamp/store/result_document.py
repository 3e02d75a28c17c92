"""The JSON document of a result: its first rows in pandas' ``orient="table"`` shape.

Numbers keep every digit: DECIMALs are ``Decimal`` in the document and plain JSON numbers in its
text, which Postgres keeps as they are. Infinite and undefined numbers, which JSON lacks, are null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from recomamp.domain.columns import OutputColumn

MAX_ROWS = 10_000
MAX_BYTES = 4 * 1024 * 1024
PANDAS_VERSION = "1.4.0"  # of the table schema, as pandas itself writes it

_SLICE_ROWS = 500  # rows made into Python objects at a time


class Preview:
    """Collects the first rows of a result, up to ``MAX_ROWS`` rows or ``MAX_BYTES`` of JSON."""

    def __init__(self, columns: Sequence[OutputColumn]) -> None:
        self._columns = columns
        self._records: list[dict[str, Any]] = []
        self._size_bytes = 0
        self._is_full = False

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch as far as there is room."""
        for start in range(0, batch.num_rows, _SLICE_ROWS):
            if self._is_full:
                return
            for row in batch.slice(start, _SLICE_ROWS).to_pylist():
                self._add_row(row)

    def document(self, *, rows: int, files: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the document of a result of ``rows`` rows in ``files``."""
        return {
            "schema": {
                "fields": [_field(column) for column in self._columns],
                "pandas_version": PANDAS_VERSION,
            },
            "data": self._records,
            "truncated": len(self._records) < rows,
            "files": list(files),
        }

    def _add_row(self, row: dict[str, Any]) -> None:
        if self._is_full:
            return
        record = {name: _plain(value) for name, value in row.items()}
        size_bytes = len(write_json(record).encode()) + 1
        if len(self._records) >= MAX_ROWS or self._size_bytes + size_bytes > MAX_BYTES:
            self._is_full = True
            return
        self._records.append(record)
        self._size_bytes += size_bytes


def write_json(value: Any) -> str:
    """Write a document as JSON text; unlike ``json.dumps`` it writes a ``Decimal``, exactly."""
    match value:
        case dict():
            members = (f"{json.dumps(str(k))}:{write_json(v)}" for k, v in value.items())
            return f"{{{','.join(members)}}}"
        case list() | tuple():
            return f"[{','.join(map(write_json, value))}]"
        case Decimal():
            return format(value, "f")
        case _:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value.replace("\0", "\ufffd")  # Postgres has no NUL in text; Parquet keeps it
        case date() | datetime():
            return value.isoformat()
        case _:
            return value


def _field(column: OutputColumn) -> dict[str, Any]:
    """Describe a column so that ``pandas.read_json(orient="table")`` reads it, NULLs included."""
    kind = column.arrow_type
    field: dict[str, Any] = {"name": column.name, "type": "string"}
    if pa.types.is_integer(kind):
        field |= {"type": "integer", "extDtype": "Int64"}
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        field["type"] = "number"
    elif pa.types.is_boolean(kind):
        field |= {"type": "boolean", "extDtype": "boolean"}
    elif pa.types.is_timestamp(kind):
        field["type"] = "datetime"
    return field | {"dataType": column.type_name}
