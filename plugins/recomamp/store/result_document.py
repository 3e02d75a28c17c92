"""The JSON document of a result: its first rows in pandas' ``orient="table"`` shape.

Numbers keep every digit: DECIMALs are ``Decimal`` in the document and plain JSON numbers in its
text, which Postgres keeps as they are. Infinite and undefined numbers, which JSON lacks, are null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from json.encoder import encode_basestring
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
        self._shapes = [_shape(column.arrow_type) for column in columns]
        self._records: list[dict[str, Any]] = []
        self._texts: list[str] = []  # the same rows as JSON
        self._size_bytes = 0
        self._is_full = False

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch as far as there is room."""
        for start in range(0, batch.num_rows, _SLICE_ROWS):
            if self._is_full:
                return
            self._add_rows(batch.slice(start, _SLICE_ROWS))

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

    def document_json(self, *, rows: int, files: Sequence[dict[str, Any]]) -> str:
        """Return the same document as JSON text with every digit, for a JSONB parameter."""
        members = (
            f'"data":[{",".join(self._texts)}]' if key == "data" else write_json({key: value})[1:-1]
            for key, value in self.document(rows=rows, files=files).items()
        )
        return f"{{{','.join(members)}}}"

    def _add_rows(self, rows: pa.RecordBatch) -> None:
        # Column by column: one decision for each column is cheaper than one for each cell
        values = [
            [None if value is None else shape.plain(value) for value in column.to_pylist()]
            for shape, column in zip(self._shapes, rows.columns, strict=True)
        ]
        names = rows.schema.names
        texts = [
            [f"{key}:null" if value is None else f"{key}:{shape.text(value)}" for value in column]
            for key, shape, column in zip(map(json.dumps, names), self._shapes, values, strict=True)
        ]
        for record, members in zip(
            zip(*values, strict=True), zip(*texts, strict=True), strict=True
        ):
            text = f"{{{','.join(members)}}}"
            size_bytes = len(text.encode()) + 1
            if len(self._texts) >= MAX_ROWS or self._size_bytes + size_bytes > MAX_BYTES:
                self._is_full = True
                return
            self._records.append(dict(zip(names, record, strict=True)))
            self._texts.append(text)
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


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the values of a column look in the document, and that as JSON."""

    plain: Callable[[Any], Any]
    text: Callable[[Any], str]


def _shape(kind: pa.DataType) -> _Shape:
    if pa.types.is_floating(kind):
        return _Shape(lambda value: value if math.isfinite(value) else None, write_json)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _Shape(lambda value: value.isoformat(), lambda text: f'"{text}"')
    if pa.types.is_string(kind):
        # Postgres has no NUL in text; Parquet keeps it
        return _Shape(lambda value: value.replace("\0", "\ufffd"), encode_basestring)
    if pa.types.is_integer(kind):
        return _Shape(lambda value: value, str)
    return _Shape(lambda value: value, write_json)


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
