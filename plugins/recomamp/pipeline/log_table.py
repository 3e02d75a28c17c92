"""Findings as a table that people read in a log."""

from __future__ import annotations

from collections.abc import Sequence

from recomamp.domain.text import one_line


def as_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return lines with aligned columns, the heads first, after an empty line for the log."""
    cells = [[one_line(str(cell)) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(("", *lines))
