"""Small HTML pages about executions: the request and its result."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from html import escape

from amc_emulator.clock import format_time, format_time_ms
from amc_emulator.execution_machine import Execution

MAX_ROWS = 20
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }}
table {{ border-collapse: collapse; margin: .5rem 0 }}
th, td {{ border: 1px solid #bbb; padding: .2rem .6rem; text-align: left; vertical-align: top }}
pre {{ background: #f3f3f3; color: #111; padding: .8rem; overflow-x: auto }}
</style></head><body><h1>{title}</h1>
{body}
</body></html>
"""  # noqa: E501  (style sheet)


def execution_page(execution: Execution) -> str:
    """Return the page of one execution."""
    window = execution.window
    facts = [
        ("status", execution.status.value),
        ("reason", execution.reason or "-"),
        ("execution", execution.execution_id),
        ("workflow", execution.workflow_id),
        ("instance", execution.instance_id),
        ("window (UTC)", f"{format_time(window.start)} to {format_time(window.end)}"),
        (f"window ({window.zone})", f"{window.local(window.start)} to {window.local(window.end)}"),
        ("window type", window.kind),
        ("rows", str(execution.output.row_count) if execution.output else "-"),
        ("files", str(len(execution.output.parts)) if execution.output else "-"),
    ]
    values = execution.query.parameter_values
    sections = [
        _table(("", ""), facts),
        "<h2>SQL</h2>",
        f"<pre>{escape(execution.query.sql)}</pre>",
        "<h2>Parameters</h2>",
        _table(("name", "value"), [(name, str(values[name])) for name in sorted(values)]),
        "<h2>History</h2>",
        _table(("at", "status"), [(format_time_ms(at), word) for at, word in execution.history]),
        _first_rows(execution),
    ]
    return _PAGE.format(title=f"Execution {execution.status.value}", body="\n".join(sections))


def index_page(executions: Iterable[Execution]) -> str:
    """Return the page that lists executions, newest first."""
    rows = "".join(
        f'<tr><td><a href="/_emulator/executions/{one.execution_id}">{one.execution_id}</a></td>'
        f"<td>{escape(one.instance_id)}</td><td>{escape(one.workflow_id)}</td>"
        f"<td>{one.status.value}</td><td>{format_time(one.created_at)}</td></tr>"
        for one in sorted(executions, key=lambda one: -one.sequence)
    )
    head = "".join(
        f"<th>{name}</th>" for name in ("execution", "instance", "workflow", "status", "created")
    )
    return _PAGE.format(title="Executions", body=f"<table><tr>{head}</tr>{rows}</table>")


def _first_rows(execution: Execution) -> str:
    if execution.output is None or not execution.output.parts:
        return ""
    text = io.StringIO(execution.output.parts[0].decode())
    header, *rows = list(csv.reader(text))[: MAX_ROWS + 1]
    return f"<h2>First rows of the first file</h2>{_table(header, rows)}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_table_row("th", header)] if any(header) else []
    lines += [_table_row("td", row) for row in rows]
    return f"<table>{''.join(lines)}</table>" if lines else "<p>none</p>"


def _table_row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
