"""How a CSV file writes quotes, found out from its bytes.

There are two dialects. Both put a field in quotes where it holds a comma, a quote or a line end.
Within the quotes DOUBLED writes a quote as ``""`` and every other character as it is. BACKSLASH
writes a quote as ``\\"`` and a backslash as ``\\\\``. Outside of quotes both write all characters as
they are. docs/adr/0024 says why the pipeline looks for both.

The grammars are strict: nothing follows a closing quote in its field, no quote stands inside an
unquoted field, no other character follows a backslash, and all line ends of a file are alike. A
reader that is not strict takes a mixture of the dialects for other values.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from recomamp.domain.errors import ResultsBroken

BLOCK_BYTES = 512 * 1024
LONGEST_FIELD_BYTES = 4 * 1024 * 1024

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


class _Grammar:
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

        :param block: begins with the byte before what is looked at, and has whole fields only.
        """
        empty = b"\n" + self.line_end
        if empty not in block:
            return None
        found = self.quoted.sub(lambda field: b'"' * len(field[0]), block).find(empty)
        return None if found < 0 else found + 1

    @staticmethod
    def _compiled(unquoted: bytes, quoted: bytes) -> re.Pattern[bytes]:
        return re.compile(unquoted + b"(?:" + quoted + unquoted + b")*+")

    def fits_until(self, block: bytes, start: int) -> int:
        """Return where the first thing stands that is not of this grammar, or not whole yet."""
        has_return = self.line_end == _BOTH or b"\r" in block
        rows = self._rows if has_return else self._rows_without_return
        matched = rows.match(block, start)
        return matched.end() if matched else start


_GRAMMARS = {
    (dialect, line_end): _Grammar(dialect.value, line_end)
    for dialect in Dialect
    for line_end in (_LINE_FEED, _BOTH)
}
# Quoted fields that both dialects read alike
_ALIKE = {line_end: _Grammar(rb'[^"\\]*+"', line_end) for line_end in (_LINE_FEED, _BOTH)}


class DialectEvidence:
    """What the parts of one result say about their dialect. They share one.

    ``possible`` holds the dialects in which all parts so far can be read. ``doubt`` is the first
    field that both read, each to another value.
    """

    def __init__(self) -> None:
        self.possible = frozenset(Dialect)
        self.doubt: Place | None = None

    @property
    def dialect(self) -> Dialect | None:
        """The dialect of all parts so far; None while two are possible that differ."""
        if len(self.possible) > 1 and self.doubt:
            return None
        return Dialect.DOUBLED if Dialect.DOUBLED in self.possible else Dialect.BACKSLASH

    def add(self, part: Path) -> None:
        """Examine a part that is whole.

        :raises ResultsBroken: when it fits no dialect, or not the one of the parts before it.
        """
        try:
            self._examine(part)
        except OSError as err:
            raise ResultsBroken(f"{part.name} cannot be read: {err}") from err

    def _examine(self, part: Path) -> None:
        line_end = _line_end(part)
        differs_at = _misfit(part, _ALIKE[line_end])
        if differs_at is None:
            return
        misfits = {
            dialect: _misfit(part, _GRAMMARS[dialect, line_end])
            for dialect in Dialect
            if dialect in self.possible
        }
        fitting = frozenset(dialect for dialect, offset in misfits.items() if offset is None)
        if not fitting:
            raise _misfit_error(part, line_end, misfits)
        self.possible = fitting
        if len(fitting) > 1 and self.doubt is None:
            self.doubt = _place(part, _ALIKE[line_end], differs_at)

    def require_dialect(self) -> Dialect:
        """Return the dialect of all parts.

        :raises ResultsBroken: when two are possible that differ.
        """
        if self.dialect is None:
            raise ResultsBroken(
                f"{self.doubt}: this field holds backslashes, and no field of the result shows "
                "whether each is written once or twice. Let the query replace them, such as "
                "REPLACE(name, '\\', '/'), or add a column with a double quote in its value"
            )
        return self.dialect


def _misfit_error(part: Path, line_end: bytes, misfits: dict[Dialect, int | None]) -> ResultsBroken:
    """Describe the place up to which a part can be read in one of these dialects."""
    dialect, offset = max(misfits.items(), key=lambda misfit: misfit[1] or 0)
    place = _place(part, _GRAMMARS[dialect, line_end], offset or 0)
    return ResultsBroken(
        f"{place}: either the file is truncated, or quotes or line ends are written in another "
        f"way here than before, or a field has more than {LONGEST_FIELD_BYTES} bytes; "
        "load the results again"
    )


def end_last_line(part: Path) -> None:
    """Give the last line of a part its line end where it has none.

    Without it Arrow 26 reads the last field as an empty string that should be NULL, where a quoted
    field stands before it.

    :raises ResultsBroken: when the part cannot be written.
    """
    try:
        with part.open("rb+") as file:
            file.seek(max(0, file.seek(0, io.SEEK_END) - 1))
            if file.read(1) not in (b"", b"\n"):
                file.write(_line_end(part))
    except OSError as err:
        raise ResultsBroken(f"{part.name} cannot be read or written: {err}") from err


def open_doubled(part: Path, dialect: Dialect) -> io.BufferedReader:
    """Open a part, which must fit the dialect, as if it were written with doubled quotes."""
    if dialect is Dialect.DOUBLED:
        return part.open("rb")
    return io.BufferedReader(_Doubling(part), BLOCK_BYTES)


class _Doubling(io.RawIOBase):
    """Rewrites a part in the dialect BACKSLASH while it is read."""

    def __init__(self, part: Path) -> None:
        super().__init__()
        self._file = part.open("rb")
        grammar = _GRAMMARS[Dialect.BACKSLASH, _line_end(part)]
        self._pieces = _fitting(self._file, grammar)
        self._quoted = grammar.quoted
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Return that this file is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one block of the part goes."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(self._doubled(piece))
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        """Close the part."""
        self._file.close()
        super().close()

    def _doubled(self, piece: bytes) -> bytes:
        if b"\\" not in piece:
            return piece
        return self._quoted.sub(_without_backslashes, piece)


def _without_backslashes(quoted: re.Match[bytes]) -> bytes:
    text = quoted[0]
    return _ESCAPED.sub(lambda one: _MEANT[one[0]], text) if b"\\" in text else text


_ESCAPED = re.compile(rb'\\["\\]')
_MEANT = {b'\\"': b'""', b"\\\\": b"\\"}


class _Misfit(Exception):
    """A file is not of a grammar; the argument is the offset of the first byte that is not."""


def _fitting(file: io.BufferedReader, grammar: _Grammar) -> Iterator[bytes]:
    """Yield a file in pieces, each of whole fields, as long as they are of the grammar.

    :raises _Misfit: at the first that is not.
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
        if len(waiting) > LONGEST_FIELD_BYTES:
            break
    if waiting:
        raise _Misfit(offset)


def _misfit(part: Path, grammar: _Grammar) -> int | None:
    """Return the offset of the first byte that is not of a grammar, None where all are."""
    with part.open("rb") as file:
        offset = _skip_byte_order_mark(file)
        has_columns: bool | None = None
        before = b"\n"
        try:
            for piece in _fitting(file, grammar):
                if has_columns is None:
                    has_columns = b"," in grammar.quoted.sub(b"", piece).partition(b"\n")[0]
                # Arrow takes an empty line for a row of NULLs. It may have lost its commas
                if has_columns and (found := grammar.find_empty_line(before + piece)) is not None:
                    return offset + found - 1
                offset += len(piece)
                before = piece[-1:]
        except _Misfit as misfit:
            return int(misfit.args[0])
    return None


def _skip_byte_order_mark(file: io.BufferedReader) -> int:
    """Go to the first byte of the text, and return its offset."""
    file.seek(0)
    return file.seek(len(_BYTE_ORDER_MARK) if file.read(3) == _BYTE_ORDER_MARK else 0)


def _place(part: Path, grammar: _Grammar, offset: int) -> Place:
    """Return the field at an offset. Up to there the part is of the grammar."""
    row, column = 1, 0
    with part.open("rb") as file:
        left = offset - _skip_byte_order_mark(file)
        with suppress(_Misfit):
            for piece in _fitting(file, grammar):
                text = grammar.quoted.sub(b"", piece[:left])
                row += text.count(b"\n")
                column = text.rpartition(b"\n")[2].count(b",") + column * (b"\n" not in text)
                left -= len(piece)
                if left <= 0:
                    break
    return Place(part=part, row=row, column=column)


def _line_end(part: Path) -> bytes:
    """Return how the header's line ends."""
    with part.open("rb") as file:
        first = _FIRST_LINE.match(file.read(LONGEST_FIELD_BYTES))
    return _BOTH if first and first[0].endswith(_BOTH) else _LINE_FEED
