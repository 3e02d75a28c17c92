"""Reads the fields of a column as values of its type: exactly, or not at all.

Each type has a grammar. Arrow's own conversion is the reader; where it accepts more than the
grammar, a check of the whole column stands before or after it:

- An integer of Arrow may be hexadecimal.
- A DECIMAL of Arrow may be another number, where its digits or its exponent are too many. It may
  even end the process.
- A DOUBLE of Arrow may be ``inf`` or ``nan(1)``. Numbers beyond its range become infinite or zero.
- A time of Arrow may lack its seconds or its time of day.
- A day or time of Arrow may be in the year 0, which Python and Postgres lack.

The constants are made of buffers: ``pa.scalar`` and ``pa.array`` import pandas, which costs a load
half a second of CPU time and 30 MB.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

TRUE_WORDS, FALSE_WORDS = ["true", "TRUE"], ["false", "FALSE"]

_NOT_FINITE = r"\A(?:NaN|-?Infinity)\z"
_NOT_ZERO = "^[^eE]*[1-9]"
_SURELY_IN_RANGE = 300  # bytes of a DOUBLE without exponent
_DECIMAL = re.compile(rb"([+-]?)(?=\.?[0-9])([0-9]*)\.?([0-9]*)(?:[eE]([+-]?)0*([0-9]+))?")
_MAX_EXPONENT = 12  # digits
_FIRST_YEAR = 1
_SHORTEST_TIME = len("2025-01-06T10:00:00")
_SHOWN_BYTES = 60


def _texts(words: Sequence[str]) -> pa.Array[Any]:
    data = [word.encode() for word in words]
    ends = array("i", accumulate(map(len, data), initial=0))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(data))]
    made: pa.Array[Any] = pa.Array.from_buffers(pa.string(), len(data), buffers)
    return made


def _int32(number: int) -> Any:
    buffers = [None, pa.py_buffer(array("i", [number]))]
    return pa.Array.from_buffers(pa.int32(), 1, buffers)[0]


_BOOLEANS = _texts([*TRUE_WORDS, *FALSE_WORDS])


class Unreadable(ValueError):
    """A column has a field that is not of its grammar."""


def parsed_as(kind: pa.DataType) -> pa.DataType:
    """Return as what Arrow's CSV reader parses a column: as text where it accepts too much."""
    is_exact = pa.types.is_boolean(kind) or pa.types.is_string(kind)
    return kind if is_exact else pa.binary()


def read_values(fields: pa.Array[Any], kind: pa.DataType) -> pa.Array[Any]:
    """Return the values of a column.

    :param fields: as ``parsed_as`` says, or of Arrow's type ``binary``; NULLs stay NULL.
    :raises Unreadable: when one is not of the type's grammar, or out of the type's range.
    """
    if fields.type == kind:
        return fields
    try:
        if pa.types.is_integer(kind):
            return _integers(fields, kind)
        if pa.types.is_floating(kind):
            return _doubles(fields)
        if pa.types.is_decimal(kind):
            return _decimals(fields, kind)
        values: pa.Array[Any] = _from_text(fields.cast(pa.string()), kind)
        return values
    except pa.ArrowException as err:
        raise Unreadable from err


def find_unreadable(fields: pa.Array[Any], kind: pa.DataType) -> int:
    """Return the index of the first field that makes ``read_values`` raise."""
    first, size = 0, len(fields)
    while size > 1:
        half = size // 2
        try:
            read_values(fields.slice(first, half), kind)
        except Unreadable:
            size = half
        else:
            first, size = first + half, size - half
    return first


def shown(field: bytes) -> str:
    """Return a field for a message: one line, and its beginning if it is long."""
    text = repr(field[:_SHOWN_BYTES].decode(errors="backslashreplace"))
    return f"{text} and {len(field) - _SHOWN_BYTES} bytes more" if field[_SHOWN_BYTES:] else text


def written_as(kind: pa.DataType) -> str:
    """Describe a type's grammar."""
    if pa.types.is_integer(kind):
        return f"digits, after a minus where it is negative, within {kind.bit_width} bits"
    if pa.types.is_floating(kind):
        return "a decimal number within 64 bits, or NaN, Infinity or -Infinity"
    if pa.types.is_decimal(kind):
        return f"a decimal number of {kind.precision} digits, {kind.scale} of them after the point"
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_date(kind):
        return "a day such as 2025-01-06, of the years 1 to 9999"
    if pa.types.is_timestamp(kind):
        return (
            "a time such as 2025-01-06T10:00:00.123, with a Z or no zone, at most six digits after "
            "the point, of the years 1 to 9999"
        )
    return "UTF-8"


def _from_text(text: Any, kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return _booleans(text)
    if pa.types.is_date(kind):
        return _from_year_one(text.cast(kind))
    if pa.types.is_timestamp(kind):
        return _from_year_one(_times(text, kind))
    return text


def _integers(fields: pa.Array[Any], kind: pa.DataType) -> pa.Array[Any]:
    content = _content(fields)
    if b"x" in content or b"X" in content:
        raise Unreadable
    return fields.cast(kind)


def _doubles(fields: pa.Array[Any]) -> pa.Array[Any]:
    numbers = fields.cast(pa.float64())
    finite = pc.is_finite(numbers)
    if pc.all(finite).as_py() is False:
        words = fields.filter(pc.invert(finite))
        if not pc.all(pc.match_substring_regex(words, pattern=_NOT_FINITE)).as_py():
            raise Unreadable
    content = _content(fields)
    has_exponent = b"e" in content or b"E" in content
    longest = pc.max(pc.binary_length(cast("Any", fields))).as_py() or 0
    if has_exponent or longest > _SURELY_IN_RANGE:
        is_nonzero = cast("pa.BooleanArray", numbers.cast(pa.bool_()))
        zeros = fields.filter(pc.invert(is_nonzero))
        if pc.any(pc.match_substring_regex(zeros, pattern=_NOT_ZERO)).as_py():
            raise Unreadable
    return numbers


def _decimals(fields: Any, kind: Any) -> pa.Array[Any]:
    most = 38 if pa.types.is_decimal128(kind) else 76  # digits that surely fit Arrow's integers
    lengths = pc.binary_length(fields)
    longest = pc.max(lengths).as_py() or 0
    is_odd = pc.greater(lengths, _int32(most))
    if longest > most - kind.scale:
        point = pc.find_substring(fields, pattern=".")
        whole = pc.if_else(pc.less(point, _int32(0)), lengths, point)
        is_odd = pc.or_(is_odd, pc.greater(whole, _int32(most - kind.scale)))
    content = _content(fields)
    if b"e" in content or b"E" in content:
        is_odd = pc.or_(is_odd, pc.match_substring_regex(fields, pattern="[eE]"))
    if pc.any(is_odd).as_py():
        odd = fields.filter(is_odd)
        known = odd.unique()
        plain = pa.array([_plain(one.as_py(), kind) for one in known], pa.binary())
        fields = pc.replace_with_mask(fields, is_odd, plain.take(pc.index_in(odd, value_set=known)))
    values: pa.Array[Any] = fields.cast(kind)
    return values


def _plain(field: bytes, kind: Any) -> bytes:
    """Write a decimal without exponent and without zeros that do not count."""
    found = _DECIMAL.fullmatch(field)
    if not found:
        raise Unreadable
    sign, whole, fraction, exponent_sign, exponent = (part or b"" for part in found.groups())
    significant = (whole + fraction).rstrip(b"0")
    digits = significant.lstrip(b"0")
    if not digits:
        return b"0"
    if len(exponent) > _MAX_EXPONENT:
        raise Unreadable
    power = int(exponent_sign + (exponent or b"0")) + len(whole) - len(significant)
    if power < -kind.scale or len(digits) + power > kind.precision - kind.scale:
        raise Unreadable
    return sign + format(Decimal(f"{digits.decode()}e{power}"), "f").encode()


def _booleans(text: pa.Array[Any]) -> pa.Array[Any]:
    if pc.all(pc.is_in(text.drop_null(), value_set=_BOOLEANS)).as_py() is False:
        raise Unreadable
    return text.cast(pa.bool_())


def _times(text: pa.StringArray, kind: pa.DataType) -> pa.Array[Any]:
    if b"Z" in _content(text):  # AMC's documents show times with and without the Z
        ends_so = pc.ends_with(text, pattern="Z")
        text = pc.if_else(ends_so, pc.utf8_slice_codeunits(text, 0, -1), text)
    shortest = pc.min(pc.binary_length(text)).as_py()
    if shortest is not None and shortest < _SHORTEST_TIME:
        raise Unreadable
    moments: pa.Array[Any] = text.cast(kind)
    return moments


def _from_year_one(moments: pa.Array[Any]) -> pa.Array[Any]:
    """Refuse years before 1. Arrow reads years of four digits only, so none is after 9999."""
    earliest = pc.min(moments)
    if earliest.is_valid and pc.year(earliest).as_py() < _FIRST_YEAR:
        raise Unreadable
    return moments


def _content(text: pa.Array[Any]) -> bytes:
    """Return the bytes of all fields, one after another."""
    _, bounds, content = text.buffers()
    if content is None or bounds is None:
        return b""
    at = memoryview(bounds).cast("i")
    return memoryview(content)[at[text.offset] : at[text.offset + len(text)]].tobytes()
