"""In which dialect of CSV the parts of a result are written, found out from their bytes.

``csv_grammar`` describes the two dialects. docs/adr/0024 says why the pipeline looks for both.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from recomamp.errors import InvalidResults
from recomamp.store.results.csv_grammar import (
    ALIKE,
    BLOCK_BYTES,
    GRAMMARS,
    MAX_FIELD_BYTES,
    Dialect,
    Place,
    find_misfit,
    fitting,
    line_end_of,
    place_of,
)


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

        :raises InvalidResults: when it fits no dialect, or not the one of the parts before it.
        """
        try:
            self._examine(part)
        except OSError as err:
            raise InvalidResults(f"{part.name} cannot be read: {err}") from err

    def _examine(self, part: Path) -> None:
        line_end = line_end_of(part)
        differs_at = find_misfit(part, ALIKE[line_end])
        if differs_at is None:
            return
        misfits = {
            dialect: find_misfit(part, GRAMMARS[dialect, line_end])
            for dialect in Dialect
            if dialect in self.possible
        }
        fits = frozenset(dialect for dialect, offset in misfits.items() if offset is None)
        if not fits:
            raise _misfit_error(part, line_end, misfits)
        self.possible = fits
        if len(fits) > 1 and self.doubt is None:
            self.doubt = place_of(part, ALIKE[line_end], differs_at)

    def require_dialect(self) -> Dialect:
        """Return the dialect of all parts.

        :raises InvalidResults: when two are possible that differ.
        """
        if self.dialect is None:
            raise InvalidResults(
                f"{self.doubt}: this field holds backslashes, and no field of the result shows "
                "whether each is written once or twice. Let the query replace them, such as "
                "REPLACE(name, '\\', '/'), or add a column with a double quote in its value"
            )
        return self.dialect


def _misfit_error(
    part: Path, line_end: bytes, misfits: dict[Dialect, int | None]
) -> InvalidResults:
    """Describe the place up to which a part can be read in one of these dialects."""
    dialect, offset = max(misfits.items(), key=lambda misfit: misfit[1] or 0)
    place = place_of(part, GRAMMARS[dialect, line_end], offset or 0)
    return InvalidResults(
        f"{place}: either the file is truncated, or quotes or line ends are written in another "
        f"way here than before, or a field has more than {MAX_FIELD_BYTES} bytes; "
        "load the results again"
    )


def end_last_line(part: Path) -> None:
    """Give the last line of a part its line end where it has none.

    Without it Arrow 26 reads the last field as an empty string that should be NULL, where a quoted
    field stands before it.

    :raises InvalidResults: when the part cannot be written.
    """
    try:
        with part.open("rb+") as file:
            file.seek(max(0, file.seek(0, io.SEEK_END) - 1))
            if file.read(1) not in (b"", b"\n"):
                file.write(line_end_of(part))
    except OSError as err:
        raise InvalidResults(f"{part.name} cannot be read or written: {err}") from err


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
        grammar = GRAMMARS[Dialect.BACKSLASH, line_end_of(part)]
        self._pieces = fitting(self._file, grammar)
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
