"""Typed values of query parameters: read from JSON without loss, write in AMC's formats.

A value is read only when nothing is lost: the JSON string "5" is the INTEGER 5 because it says
exactly that, 5.0 is too, 5.5 and true are not. Readers answer None for what they cannot take.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

MAX_STRING_CHARS = 4096
# Practitioners report that AMC refuses longer values of a parameter; Amazon says nothing of it
MAX_PARAMETER_CHARS = 1024
MAX_ARRAY_LENGTH = 1000
MAX_DECIMAL_DIGITS = 38

Scalar = str | int | float | Decimal | bool | date | datetime
Value = Scalar | tuple[Scalar, ...] | None


class ParameterType(StrEnum):
    """Type of a parameter, or of an array's elements, in AMC's words."""

    STRING = "STRING"
    INTEGER = "INTEGER"  # 32 bits
    LONG = "LONG"  # 64 bits
    DOUBLE = "DOUBLE"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"  # whole seconds, UTC


INTEGER_RANGES = {
    ParameterType.INTEGER: (-(2**31), 2**31 - 1),
    ParameterType.LONG: (-(2**63), 2**63 - 1),
}

# Types whose values a query may want as text: '{{campaign_id}}'
NUMBERS = frozenset(
    {ParameterType.INTEGER, ParameterType.LONG, ParameterType.DOUBLE, ParameterType.DECIMAL}
    | {ParameterType.BOOLEAN}
)

EXPECTED = {
    ParameterType.STRING: f"text of at most {MAX_STRING_CHARS} characters without NUL",
    ParameterType.INTEGER: f"a whole number from {-(2**31)} to {2**31 - 1}",
    ParameterType.LONG: f"a whole number from {-(2**63)} to {2**63 - 1}",
    ParameterType.DOUBLE: "a finite number that a 64-bit float holds",
    ParameterType.DECIMAL: f"a decimal number of at most {MAX_DECIMAL_DIGITS} digits",
    ParameterType.BOOLEAN: "true or false",
    ParameterType.DATE: "a date yyyy-MM-dd",
    ParameterType.TIMESTAMP: "a time yyyy-MM-ddTHH:mm:ss in UTC or with an offset",
}

# LONG and DECIMAL as text first: a form takes the first type named, and a browser's numbers lose
# digits beyond 2^53.
JSON_SCHEMAS: dict[ParameterType, dict[str, Any]] = {
    ParameterType.STRING: {"type": "string", "maxLength": MAX_STRING_CHARS},
    ParameterType.INTEGER: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    ParameterType.LONG: {"type": ["string", "integer"], "pattern": r"^-?(0|[1-9][0-9]{0,18})$"},
    ParameterType.DOUBLE: {"type": "number"},
    ParameterType.DECIMAL: {
        "type": ["string", "number"],
        "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$",
    },
    ParameterType.BOOLEAN: {"type": "boolean"},
    ParameterType.DATE: {"type": "string", "format": "date"},
    ParameterType.TIMESTAMP: {"type": "string", "format": "date-time"},
}

_NATIVE_JSON = frozenset(
    (ParameterType.STRING, ParameterType.INTEGER, ParameterType.DOUBLE, ParameterType.BOOLEAN)
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.0{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_MAX_NUMBER_CHARS = 400


def read_scalar(kind: ParameterType, raw: object) -> Scalar | None:
    """Read a JSON value as ``kind``, or answer None when that would lose or guess anything."""
    return _READERS[kind](raw)


def write_scalar(value: Scalar) -> str:
    """Write a value as AMC's ``parameterValues`` want it: plain numbers, ISO dates, UTC times."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return format(Decimal(repr(value)), "f")
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")[:19]
        case _:
            return str(value)


def json_scalar(kind: ParameterType, value: Scalar) -> Any:
    """Write a value as plain JSON that ``read_scalar`` reads back exactly, even via a browser."""
    if kind in _NATIVE_JSON:
        return value
    text = write_scalar(value)
    return f"{text}Z" if kind is ParameterType.TIMESTAMP else text


def sent_chars(value: str | Sequence[str]) -> int:
    """Return the length of a value as AMC gets it; an array counts as its JSON text."""
    return len(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def infer_text(raw: str) -> ParameterType:
    """Return the type that a plain text has: DATE, TIMESTAMP or STRING."""
    for kind in (ParameterType.DATE, ParameterType.TIMESTAMP):
        if read_scalar(kind, raw) is not None:
            return kind
    return ParameterType.STRING


def read_date(raw: object) -> date | None:
    """Read text that is exactly yyyy-MM-dd and a day of the calendar."""
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if not isinstance(raw, str) or not _DATE.fullmatch(raw):
        return None
    try:
        return date.fromisoformat(raw)
    except ValueError:
        return None


def _read_string(raw: object) -> str | None:
    if not isinstance(raw, str) or len(raw) > MAX_STRING_CHARS or "\0" in raw:
        return None
    # Half a surrogate pair can be written in JSON, but neither sent nor stored.
    return None if any("\ud800" <= char <= "\udfff" for char in raw) else raw


def _read_number(raw: object) -> Decimal | None:
    """Read any JSON number, or text that is exactly one, as the decimal number it writes."""
    match raw:
        case bool():
            return None
        case int():
            return Decimal(raw)
        case float():
            return Decimal(repr(raw)) if math.isfinite(raw) else None
        case Decimal():
            return raw if raw.is_finite() else None
        case str():
            fits = len(raw) <= _MAX_NUMBER_CHARS and _NUMBER.fullmatch(raw)
            return Decimal(raw) if fits else None
        case _:
            return None


def _read_whole(kind: ParameterType) -> Callable[[object], int | None]:
    lowest, highest = INTEGER_RANGES[kind]

    def read(raw: object) -> int | None:
        if isinstance(raw, str) and not _WHOLE.fullmatch(raw):
            return None
        number = _read_number(raw)
        if number is None or number.adjusted() > 19:  # far outside, whatever its digits
            return None
        # A float above 2^53 has already been rounded before it came here.
        if isinstance(raw, float) and abs(raw) > 2**53:
            return None
        if number != number.to_integral_value() or not lowest <= number <= highest:
            return None
        return int(number)

    return read


def _read_double(raw: object) -> float | None:
    number = _read_number(raw)
    if number is None:
        return None
    value = float(number)
    if isinstance(raw, float):
        return value
    exact = math.isfinite(value) and Decimal(repr(value)) == number
    return value if exact else None


def _read_decimal(raw: object) -> Decimal | None:
    number = _read_number(raw)
    if number is None:
        return None
    _sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - finite, checked above
    scale = max(-exponent, 0)
    whole_digits = max(len(digits) + exponent, 0)
    if whole_digits + scale > MAX_DECIMAL_DIGITS:
        return None
    return Decimal(format(number, "f"))  # shown as it is sent: without exponent


def _read_boolean(raw: object) -> bool | None:
    if isinstance(raw, bool):
        return raw
    return {"true": True, "false": False}.get(raw) if isinstance(raw, str) else None


def _read_timestamp(raw: object) -> datetime | None:
    if isinstance(raw, str):
        if not _TIMESTAMP.fullmatch(raw):
            return None
        try:
            raw = datetime.fromisoformat(raw)
        except ValueError:
            return None
    if not isinstance(raw, datetime) or raw.microsecond:
        return None
    try:
        return raw.replace(tzinfo=UTC) if raw.tzinfo is None else raw.astimezone(UTC)
    except OverflowError:
        return None


_READERS: dict[ParameterType, Callable[[object], Scalar | None]] = {
    ParameterType.STRING: _read_string,
    ParameterType.INTEGER: _read_whole(ParameterType.INTEGER),
    ParameterType.LONG: _read_whole(ParameterType.LONG),
    ParameterType.DOUBLE: _read_double,
    ParameterType.DECIMAL: _read_decimal,
    ParameterType.BOOLEAN: _read_boolean,
    ParameterType.DATE: read_date,
    ParameterType.TIMESTAMP: _read_timestamp,
}
