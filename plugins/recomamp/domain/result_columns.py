"""The columns of a result, as AMC describes them, and the Arrow types that hold their values.

- LONG, INTEGER, SHORT and BYTE are int64 to int8; DATE is date32.
- DECIMAL(p,s) is decimal128, or decimal256 above 38 digits; text where AMC does not say p and s.
- DOUBLE and FLOAT are float64: 32 bits could not write "0.1" back as it came.
- TIMESTAMP is timestamp[us] without zone. AMC calls it "time with no time zone information", and
  a column may hold UTC or the advertiser's local time: a zone would claim what nobody knows.
- Arrays, BINARY and intervals stay text as AMC prints them, and so do unknown types.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

log = logging.getLogger(__name__)

DIMENSION, METRIC = "DIMENSION", "METRIC"  # AMC's words for keys and measures

_SIMPLE: dict[str, pa.DataType] = {
    "LONG": pa.int64(),
    "INTEGER": pa.int32(),
    "SHORT": pa.int16(),
    "BYTE": pa.int8(),
    "DOUBLE": pa.float64(),
    "FLOAT": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "BOOLEAN": pa.bool_(),
    "STRING": pa.string(),
}
_DIGITS = ("precision", "scale")
_AS_TEXT = frozenset({"BINARY", "CALENDAR_INTERVAL", "ARRAY"})
_MAX_PRECISION = 76
_DECIMAL = re.compile(r"DECIMAL\((\d{1,3}), ?(\d{1,3})\)", re.ASCII | re.IGNORECASE)
_MAX_DIGITS_CHARS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputColumn:
    """One column of a result; ``data_type`` in AMC's words."""

    name: str
    data_type: str = "STRING"
    precision: int | None = None
    scale: int | None = None
    column_type: str | None = None  # DIMENSION or METRIC, where AMC says it

    @property
    def arrow_type(self) -> pa.DataType:
        """The type that holds every value of the column exactly."""
        if self.data_type == "DECIMAL":
            return self._decimal_type()
        return _SIMPLE.get(self.data_type, pa.string())

    @property
    def type_name(self) -> str:
        """AMC's word for the type, with a decimal's digits."""
        digits = (self.precision, self.scale)
        known = self.data_type == "DECIMAL" and None not in digits
        return f"DECIMAL({self.precision},{self.scale})" if known else self.data_type

    def _decimal_type(self) -> pa.DataType:
        if self.precision is None or self.scale is None:
            return pa.string()
        if not 0 <= self.scale <= self.precision <= _MAX_PRECISION or not self.precision:
            return pa.string()
        if self.precision <= 38:
            return pa.decimal128(self.precision, self.scale)
        return pa.decimal256(self.precision, self.scale)


def read_columns(described: Sequence[Any] | None) -> tuple[OutputColumn, ...]:
    """Read AMC's ``outputColumns``; empty where it does not describe each column.

    A column without a type is none that is described: its values would silently become text.
    """
    columns = tuple(_read_column(column) for column in described or ())
    return tuple(filter(None, columns)) if all(columns) else ()


def read_stored_columns(fields: Sequence[Any] | None) -> tuple[OutputColumn, ...]:
    """Read the fields of a result's document, whose ``dataType`` is a ``type_name``."""
    return read_columns(fields)


def _read_column(column: Any) -> OutputColumn | None:
    if not isinstance(column, Mapping):
        return None
    kind = column.get("dataType")
    word = kind.get("type") if isinstance(kind, Mapping) else kind
    name = column.get("name")
    if not (isinstance(word, str) and word and isinstance(name, str) and name):
        return None
    data_type, digits = word.strip().upper(), column
    if decimal := _DECIMAL.fullmatch(data_type):
        data_type, digits = "DECIMAL", dict(zip(_DIGITS, decimal.groups(), strict=True))
    elif isinstance(kind, Mapping) and _DIGITS[0] in kind:
        digits = kind
    if data_type not in _SIMPLE and data_type not in _AS_TEXT and data_type != "DECIMAL":
        log.warning("column %s has the unknown type %s: kept as text", name, data_type)
        data_type = "STRING"
    role = column.get("columnType")
    return OutputColumn(
        name=name,
        data_type=data_type,
        column_type=role if role in (DIMENSION, METRIC) else None,
        precision=_whole(digits.get("precision")),
        scale=_whole(digits.get("scale")),
    )


def _whole(value: object) -> int | None:
    """Read a whole number, which JSON may also write as text or with a fraction of zero."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value) if len(value) <= _MAX_DIGITS_CHARS else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
