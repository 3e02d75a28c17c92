"""The JSON document of a result: its first rows in pandas' ``orient="table"`` shape.

Numbers keep every digit: DECIMALs are plain JSON numbers, which Postgres keeps as they are.
Infinite and undefined numbers, which JSON lacks, are null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring
from typing import Any

import pyarrow as pa

from recomamp.domain.result_columns import OutputColumn

MAX_ROWS = 10_000
MAX_BYTES = 4 * 1024 * 1024
PANDAS_VERSION = "1.4.0"  # of the table schema, as pandas itself writes it

_SLICE_ROWS = 500  # rows made into Python objects at a time


class ResultPreview:
    """Collects the first rows of a result, up to ``MAX_ROWS`` rows or ``MAX_BYTES`` of JSON."""

    def __init__(self, columns: Sequence[OutputColumn]) -> None:
        self._columns = columns
        self._keys = [_json(column.name) for column in columns]
        self._texts = [_text(column.arrow_type) for column in columns]
        self._records: list[str] = []
        self._size_bytes = 0
        self._is_full = False

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch as far as there is room."""
        for start in range(0, batch.num_rows, _SLICE_ROWS):
            if self._is_full:
                return
            self._add_rows(batch.slice(start, _SLICE_ROWS))

    def document(self, *, rows: int, files: Sequence[dict[str, Any]]) -> str:
        """Return the document of a result of ``rows`` rows in ``files``, as JSON text."""
        fields = [_field(column) for column in self._columns]
        members = {
            "schema": _json({"fields": fields, "pandas_version": PANDAS_VERSION}),
            "data": f"[{','.join(self._records)}]",
            "truncated": _json(len(self._records) < rows),
            "files": _json(list(files)),
        }
        return f"{{{','.join(f'{_json(name)}:{text}' for name, text in members.items())}}}"

    def _add_rows(self, rows: pa.RecordBatch) -> None:
        # Column by column: one decision for each column is cheaper than one for each cell
        cells = [
            [f"{key}:null" if value is None else f"{key}:{text(value)}" for value in column]
            for key, text, column in zip(
                self._keys,
                self._texts,
                (column.to_pylist() for column in rows.columns),
                strict=True,
            )
        ]
        for members in zip(*cells, strict=True):
            record = f"{{{','.join(members)}}}"
            size_bytes = len(record.encode()) + 1
            if len(self._records) >= MAX_ROWS or self._size_bytes + size_bytes > MAX_BYTES:
                self._is_full = True
                return
            self._records.append(record)
            self._size_bytes += size_bytes


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(kind: pa.DataType) -> Callable[[Any], str]:
    """Return how a value of this type is written as JSON."""
    if pa.types.is_floating(kind):
        return lambda value: _json(value) if math.isfinite(value) else "null"
    if pa.types.is_decimal(kind):
        return lambda value: format(value, "f")
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return lambda value: f'"{value.isoformat()}"'
    if pa.types.is_string(kind):
        # Postgres has no NUL in text; Parquet keeps it
        return lambda value: encode_basestring(value.replace("\0", "\ufffd"))
    if pa.types.is_integer(kind):
        return str
    return _json


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
    field["dataType"] = column.type_name
    return field | ({"columnType": column.column_type} if column.column_type else {})
