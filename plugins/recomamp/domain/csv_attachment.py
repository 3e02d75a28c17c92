"""Rows of a result as CSV, for a mail and for a download.

Programs for tables run a cell that begins with a sign of a formula. Such a cell gets an apostrophe
before it; numbers stay as they are. In many countries these programs take a semicolon for the
separator, and do not see our quotes. So the text after one gets an apostrophe too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

MAX_ROWS = 100
MAX_BYTES = 200_000

BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # without it Excel takes another encoding

_FORMULA = re.compile(r"[\s\ufeff\"]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
# What may begin another cell or row for a program that takes another separator
_SEPARATOR = re.compile(r"([;\t\r\n])")
_CONTROLS = "\t\r\n"
_TEXT = "'"  # programs take a cell that begins so for text
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def csv_file(rows: Iterable[Sequence[str | None]]) -> bytes:
    """Write rows as CSV in UTF-8, as many whole rows as fit into ``MAX_BYTES``."""
    written = bytearray(BYTE_ORDER_MARK)
    for row in rows:
        encoded = csv_line(row)
        if len(written) + len(encoded) > MAX_BYTES:
            break
        written += encoded
    return bytes(written)


def csv_line(row: Sequence[str | None]) -> bytes:
    """Write one row as CSV in UTF-8; None is an empty cell."""
    line = io.StringIO()
    csv.writer(line).writerow([_safe(cell) for cell in row])
    return line.getvalue().encode("utf-8", "replace")


def _safe(cell: str | None) -> str:
    if not cell:
        return ""
    texts = _SEPARATOR.split(cell)  # with the separators between them
    texts[::2] = map(_as_text, texts[::2])
    return f"{_TEXT if cell[0] in _CONTROLS else ''}{''.join(texts)}"


def _as_text(cell: str) -> str:
    is_formula = _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"{_TEXT}{cell}" if is_formula else cell
