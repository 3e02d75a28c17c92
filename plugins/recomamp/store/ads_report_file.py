"""The file of a report: compressed JSON, read a little at a time, numbers exact."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn, TextIO

from recomamp.domain.text import strip_unstorable
from recomamp.errors import InvalidResults, LimitExceeded

CHUNK_CHARS = 64 * 1024
MAX_ROW_CHARS = 1024 * 1024
MAX_REPORT_CHARS = 16 * 1024**3  # a gigabyte of compressed blanks would be a terabyte
MAX_DIGITS = 100  # before the point: a number with more is a mistake, and would fill the memory
_BLANKS = " \t\r\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedDay:
    """What a campaign did on a day of its profile's time zone."""

    campaign_id: str
    date: date
    impressions: int
    clicks: int
    spend: Decimal
    sales: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class DayFields:
    """What the columns are called in a file, where they differ from report to report."""

    campaign: str
    cost: str
    sales: str


def read_days(path: Path, fields: DayFields) -> Iterator[ReportedDay]:
    """Yield the rows of a file.

    :raises InvalidResults: when it is truncated or malformed, or a row lacks what it is about.
    """
    for number, row in enumerate(read_array(path), start=1):
        try:
            yield ReportedDay(
                campaign_id=_id(row[fields.campaign]),
                date=date.fromisoformat(row["date"]),
                impressions=_whole(row["impressions"]),
                clicks=_whole(row["clicks"]),
                spend=_number(row[fields.cost]),
                sales=_number(row[fields.sales]),
            )
        except (KeyError, TypeError, ValueError, InvalidOperation) as err:
            raise InvalidResults(
                f"row {number} of the report is not as it was asked for: {type(err).__name__} {err}"
            ) from err


def read_array(path: Path) -> Iterator[Any]:
    """Yield the items of a compressed JSON array, a few kilobytes of it in memory at a time.

    :raises InvalidResults: when it is truncated, or something else.
    :raises LimitExceeded: when it is larger than any report.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from _items(_chunks(file))
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as err:
        raise InvalidResults(f"the report is not a whole JSON array: {err}") from err


def _chunks(file: TextIO) -> Iterator[str]:
    left = MAX_REPORT_CHARS
    while chunk := file.read(CHUNK_CHARS):
        left -= len(chunk)
        if left < 0:
            raise LimitExceeded(f"the report is larger than {MAX_REPORT_CHARS} characters")
        yield chunk


class _Text:
    """The text of a file as far as it was read, and the place in it that comes next."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
        self._text = ""
        self._place = 0

    def peek(self) -> str:
        """Return the next character that is not a blank; empty at the end."""
        while True:
            self._place = _after_blanks(self._text, self._place)
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._grow():
                return ""

    def take(self, marks: str) -> str:
        """Return the next character, which must be one of these."""
        found = self.peek()
        if not found or found not in marks:
            raise ValueError(f"one of {marks} was expected at {self._excerpt()}")
        self._place += 1
        return found

    def item(self) -> Any:
        """Return the next value."""
        self.peek()
        while True:
            try:
                item, end = self._decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError:
                end = len(self._text)
            if end < len(self._text):  # else a number may go on in the next chunk
                self._place = end
                return item
            if len(self._text) - self._place > MAX_ROW_CHARS or not self._grow():
                raise ValueError(f"it breaks off, or is not JSON, at {self._excerpt()}")

    def _grow(self) -> bool:
        chunk = next(self._chunks, "")
        self._text, self._place = self._text[self._place :] + chunk, 0
        return bool(chunk)

    def _excerpt(self) -> str:
        return repr(self._text[self._place : self._place + 80])


def _items(chunks: Iterator[str]) -> Iterator[Any]:
    text = _Text(chunks)
    text.take("[")
    if text.peek() == "]":
        text.take("]")
    else:
        mark = ","
        while mark == ",":
            yield text.item()
            mark = text.take(",]")
    if text.peek():
        raise ValueError("something follows its end")


def _after_blanks(text: str, place: int) -> int:
    while place < len(text) and text[place] in _BLANKS:
        place += 1
    return place


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value):
        raise TypeError(f"{value!r} is not an id")
    return strip_unstorable(str(value))


def _whole(value: Any) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


def _number(value: Any) -> Decimal:
    """Return a number; Amazon writes null where there was nothing."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal | None):
        raise TypeError(f"{value!r} is not a number")
    number = Decimal(value or 0)
    if not number.is_finite() or number.adjusted() >= MAX_DIGITS:
        raise ValueError(f"{value!r} is not a number")
    return number
