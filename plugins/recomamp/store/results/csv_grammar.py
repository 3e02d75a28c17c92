r"""The two dialects of CSV as grammars: which bytes of a file are of one, and where that ends.

Both dialects put a field in quotes where it holds a comma, a quote or a line end. Within the quotes
DOUBLED writes a quote as ``""`` and every other character as it is. BACKSLASH writes a quote as
``\"`` and a backslash as ``\\``. Outside of quotes both write all characters as they are.

The grammars are strict: nothing follows a closing quote in its field; no quote stands inside an
unquoted field; no other character follows a backslash; all line ends of a file are alike. A reader
that is not strict takes a mixture of the dialects for other values.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

BLOCK_BYTES = 256 * 1024
MAX_FIELD_BYTES = 4 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIRST_LINE = re.compile(rb'[^"\n]*+(?:"[^"]*+"[^"\n]*+)*+\n')
_LINE_FEED, _BOTH = b"\n", b"\r\n"


class Dialect(Enum):
    """How a quote is written within quotes. The value is a pattern of the rest of such a field."""

    DOUBLED = rb'[^"]*+(?:""[^"]*+)*+"'
    BACKSLASH = rb'[^"\\]*+(?:\\["\\][^"\\]*+)*+"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A field of a part. Rows are counted from 1, the header included; columns from 0."""

    part: Path
    row: int
    column: int

    def __str__(self) -> str:
        return f"{self.part.name}, row {self.row}, column {self._name()}"

    def _name(self) -> str:
        """Return the column's name as the header writes it, else its number from 1."""
        with suppress(OSError, ValueError, IndexError):
            with self.part.open("rb") as file:
                header = file.readline(BLOCK_BYTES).removeprefix(_BYTE_ORDER_MARK)
            if b'"' not in header:
                return header.decode().rstrip("\r\n").split(",")[self.column]
        return f"number {self.column + 1}"


class Grammar:
    """What a file in one dialect and with one kind of line end may hold.

    :param rest_of_field: pattern of a quoted field after its opening quote.
    """

    def __init__(self, rest_of_field: bytes, line_end: bytes) -> None:
        self.line_end = line_end
        # `*+` does not go back: a file that fits nowhere is still read once
        fields = {
            _LINE_FEED: rb'[^"\r]*+',
            _BOTH: rb'[^"\r\n]*+(?:\r\n[^"\r\n]*+)*+',
        }
        quoted = rb'(?<![^,\n])"' + rest_of_field + rb"(?=[,%c])" % line_end[0]
        self._rows = self._compiled(fields[line_end], quoted)
        # The same where no carriage return is there: ten times as fast
        self._rows_without_return = self._compiled(rb'[^"]*+', quoted)
        self.quoted = re.compile(b'"' + rest_of_field)

    def find_empty_line(self, block: bytes) -> int | None:
        """Return where a line without any field stands, None without one.

        :param block: whole fields after a byte: a line feed where they begin a line, else a comma.
        """
        empty = b"\n" + self.line_end
        if block.rfind(empty) < 0:  # takes CPython half the time of `in`
            return None
        found = self.without_content(block).find(empty)
        return None if found < 0 else found + 1

    def without_content(self, block: bytes) -> bytes:
        """Return a block of whole fields with nothing but quotes in those that are quoted."""
        return self.quoted.sub(lambda field: b'"' * len(field[0]), block)

    @staticmethod
    def _compiled(unquoted: bytes, quoted: bytes) -> re.Pattern[bytes]:
        return re.compile(unquoted + b"(?:" + quoted + unquoted + b")*+")

    def fits_until(self, block: bytes, start: int) -> int:
        """Return where the first thing stands that is not of this grammar, or not whole yet."""
        has_return = self.line_end == _BOTH or b"\r" in block
        rows = self._rows if has_return else self._rows_without_return
        matched = rows.match(block, start)
        return matched.end() if matched else start


GRAMMARS = {
    (dialect, line_end): Grammar(dialect.value, line_end)
    for dialect in Dialect
    for line_end in (_LINE_FEED, _BOTH)
}
# Quoted fields that both dialects read alike
ALIKE = {line_end: Grammar(rb'[^"\\]*+"', line_end) for line_end in (_LINE_FEED, _BOTH)}


class Misfit(Exception):
    """A file is not of a grammar; the argument is the offset of the first byte that is not."""


def fitting(file: io.BufferedReader, grammar: Grammar) -> Iterator[bytes]:
    """Yield a file in pieces, each of whole fields, as long as they are of the grammar.

    :raises Misfit: at the first that is not.
    """
    offset = _skip_byte_order_mark(file)
    before = b"\n"  # the byte before the block: it says whether a quote begins a field
    waiting = b""
    while block := file.read(BLOCK_BYTES):
        text = before + waiting + block
        end = grammar.fits_until(text, 1)
        if end > 1:
            yield text[1:end]
        offset += end - 1
        before, waiting = text[end - 1 : end], text[end:]
        if len(waiting) > MAX_FIELD_BYTES:
            break
    if waiting:
        raise Misfit(offset)


def find_misfit(part: Path, grammar: Grammar) -> int | None:
    """Return the offset of the first byte that is not of a grammar, None where all are."""
    with part.open("rb") as file:
        offset = _skip_byte_order_mark(file)
        has_columns: bool | None = None
        before = b"\n"
        try:
            for piece in fitting(file, grammar):
                if has_columns is None:
                    has_columns = b"," in grammar.quoted.sub(b"", piece).partition(b"\n")[0]
                # Arrow takes an empty line for a row of NULLs. It may have lost its commas
                if has_columns and (found := grammar.find_empty_line(before + piece)) is not None:
                    return offset + found - 1
                offset += len(piece)
                # A line end of two bytes may be cut after a closing quote, which opens no field
                before = b"\n" if piece.endswith(b"\n") else b","
        except Misfit as misfit:
            return int(misfit.args[0])
    return None


def _skip_byte_order_mark(file: io.BufferedReader) -> int:
    """Go to the first byte of the text, and return its offset."""
    file.seek(0)
    return file.seek(len(_BYTE_ORDER_MARK) if file.read(3) == _BYTE_ORDER_MARK else 0)


def place_of(part: Path, grammar: Grammar, offset: int) -> Place:
    """Return the field at an offset. Up to there the part is of the grammar."""
    row, column = 1, 0
    with part.open("rb") as file:
        left = offset - _skip_byte_order_mark(file)
        with suppress(Misfit):
            for piece in fitting(file, grammar):
                text = grammar.quoted.sub(b"", piece[:left])
                row += text.count(b"\n")
                column = text.rpartition(b"\n")[2].count(b",") + column * (b"\n" not in text)
                left -= len(piece)
                if left <= 0:
                    break
    return Place(part=part, row=row, column=column)


def find_long_row(part: Path, grammar: Grammar, longest_bytes: int) -> Place | None:
    """Return the field in which a row passes a length, None where no row does."""
    with part.open("rb") as file:
        offset = _skip_byte_order_mark(file)
        row_start = field_start = offset
        with suppress(Misfit):
            for piece in fitting(file, grammar):
                text = grammar.without_content(piece)
                start = 0
                while True:
                    line_end = text.find(b"\n", start)
                    end = len(text) if line_end < 0 else line_end
                    is_too_long = offset + end - row_start > longest_bytes
                    if is_too_long:
                        end = max(start, row_start + longest_bytes - offset)
                    if (comma := text.rfind(b",", start, end)) >= 0:
                        field_start = offset + comma + 1
                    if is_too_long:
                        return place_of(part, grammar, field_start)
                    if line_end < 0:
                        break
                    start = line_end + 1
                    row_start = field_start = offset + start
                offset += len(piece)
    return None


def line_end_of(part: Path) -> bytes:
    """Return how the header's line ends."""
    with part.open("rb") as file:
        first = _FIRST_LINE.match(file.read(MAX_FIELD_BYTES))
    return _BOTH if first and first[0].endswith(_BOTH) else _LINE_FEED
