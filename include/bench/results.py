"""Output of results: a file for programs and a table for readers."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from bench.measurements import Result, spread


def write_results(path: Path, results: Sequence[Result]) -> None:
    """Replace the file by these results, in one step."""
    document = [
        {
            "id": result.id,
            "name": result.name,
            "value": result.value,
            "must_be": result.must_be,
            "unit": result.unit,
            "samples": result.samples,
            "ok": result.ok,
        }
        for result in results
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    aside.write_text(text + "\n", encoding="utf-8")
    aside.replace(path)


def results_table(results: Sequence[Result]) -> Table:
    """Return a row for each result: median, limit, and distribution of the samples."""
    table = Table(title="Benchmarks", title_justify="left", caption_justify="left")
    table.caption = "median; half of the samples lie between the quartiles"
    for heading, justify in (("id", "right"), ("figure", "left"), ("value", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for heading in ("must be", "unit", "least", "quartiles", "most", "n", "", "note"):
        table.add_column(heading, justify="left" if heading in ("unit", "", "note") else "right")
    for result in results:
        where = spread(result.samples)
        table.add_row(
            str(result.id),
            result.name,
            figure(result.value),
            result.must_be,
            result.unit,
            figure(where.minimum),
            f"{figure(where.lower_quartile)} … {figure(where.upper_quartile)}",
            figure(where.maximum),
            str(len(result.samples)),
            "[green]ok[/green]" if result.ok else "[red]not so[/red]",
            result.note,
        )
    return table


def figure(value: float) -> str:
    """Return a number with three significant digits."""
    if value and abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
