"""How the demo looks: a live display on a terminal, a line per change elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from time import monotonic
from typing import Protocol
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from demo.rows import WEEKS
from demo.state import ENDED, EXPECTED_EXECUTIONS, Row, State

SHOWN_OF_AN_ID = 8  # characters, of AMC's id; the rest is in the row

STYLES = {
    "SUCCESS": "green",
    "RUNNING": "cyan",
    "PENDING": "dim",
    "FAILED": "red",
    "CANCELLED": "yellow",
    "TIMEOUT": "yellow",
}


class Display(Protocol):
    """Something that shows states as they come."""

    def show(self, state: State, doing: str) -> None:
        """Show the state and what is being done besides."""


@contextmanager
def open_display(console: Console) -> Iterator[Display]:
    """Choose the display that fits the console."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield _Screen(live)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = monotonic()
        self._last = ""

    def show(self, state: State, doing: str) -> None:
        line = f"{_summary(state)}; {doing}"
        if line != self._last:
            seconds = monotonic() - self._began
            text = f"  {seconds:4.0f} s  {line}"
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
            self._last = line


class _Screen:
    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, state: State, doing: str) -> None:
        bars = Table.grid(padding=(0, 2))
        ended = sum(row["status"] in ENDED for row in state.executions)
        bars.add_row("executions", _bar(ended, EXPECTED_EXECUTIONS), _statuses(state))
        done = state.weeks_ended()
        bars.add_row("weeks", _bar(done, WEEKS), f"{done} of {WEEKS}")
        bars.add_row("syncs", "", _synced(state))
        self._live.update(Group(bars, _counters(state), f"[dim]{doing}[/dim]"))


def closing_tables(state: State) -> RenderableType:
    """Show all executions, what Amazon said about failed ones, weeks, counters and instances."""
    return Group(
        _executions(state), _errors(state), _weeks(state), _counters(state), _instances(state)
    )


def _bar(done: int, total: int) -> ProgressBar:
    return ProgressBar(total=total, completed=min(done, total), width=30)


def _statuses(state: State) -> str:
    counts = state.executions_by_status()
    known = [f"{counts[status]} {_styled(status)}" for status in STYLES if counts[status]]
    return ", ".join(known) or "waiting for the first"


def _summary(state: State) -> str:
    counts = state.executions_by_status()
    statuses = ", ".join(f"{counts[status]} {status}" for status in STYLES if counts[status])
    return (
        f"executions: {statuses or 'none yet'} (of {EXPECTED_EXECUTIONS});"
        f" weeks: {state.weeks_ended()} of {WEEKS}; {_synced(state)}"
    )


def _synced(state: State) -> str:
    return "all synced" if state.is_synced() else "syncing"


def _styled(status: str | None) -> str:
    return f"[{STYLES.get(status or '', 'default')}]{status or ''}[/]"


def _executions(state: State) -> Table:
    # Without edges and with narrow gaps it fits a terminal of 80 columns
    table = Table(
        "of", "from", "until", "zone", "at AMC", "status", "rows", "s",
        title="Executions", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
        show_edge=False, pad_edge=False,
    )  # fmt: skip
    for column in table.columns:
        column.no_wrap = True
    table.columns[5].min_width = max(map(len, STYLES))
    for row in state.executions:
        zone = row["window_time_zone"] or "UTC"
        table.add_row(
            row["source"],
            _local(row["window_start"], zone),
            _local(row["window_end"], zone),
            _zone(row["window_start"], zone),
            (row["amc_execution_id"] or "")[:SHOWN_OF_AN_ID],
            _styled(row["status"]),
            _text(row["result_rows"]),
            _text(row["execution_duration"]),
        )
    return table


def _errors(state: State) -> Group:
    told = [row for row in state.executions if row["error_message"]]
    return Group(*(Text(f"{row['source']}: {row['error_message']}", "dim") for row in told))


def _weeks(state: State) -> Table:
    table = Table("week", "first day", "last day", "status", "rows", title="Weeks")
    for row in state.weeks:
        days = (_text(row["week_start_date"]), _text(row["week_end_date"]))
        rows = _text(row["result_rows"])
        table.add_row(_text(row["week_number"]), *days, _styled(row["status"]), rows)
    return table


def _counters(state: State) -> Table:
    table = Table("schedule", "runs", "successful", "failed", "next run (UTC)", title="Counters")
    for row in state.schedules:
        counts = [_text(row[name]) for name in ("total_runs", "successful_runs", "failed_runs")]
        table.add_row(row["name"], *counts, f"{row['next_run_at']:%Y-%m-%d %H:%M}")
    if state.weeks:
        week = state.weeks[0]
        share = f"{week['progress_percentage']} % {week['collection_status']}"
        counts = [_text(week[name]) for name in ("total_weeks", "completed_weeks", "failed_weeks")]
        table.add_row("the collection's weeks", *counts, share)
    return table


def _instances(state: State) -> Table:
    table = Table(
        "", *(row["name"] for row in state.instances), title="Instances, figures of 30 days"
    )
    for head, cell in _INSTANCE.items():
        table.add_row(head, *(cell(row) for row in state.instances))
    return table


def _money(row: Row) -> str:
    if row["sales"] is None:
        return ""
    return f"{row['spend']:,} / {row['sales']:,} {row['currencies'] or ''}".strip()


_INSTANCE: dict[str, Callable[[Row], str]] = {
    "health": lambda row: f"{row['health_status']} {row['health_error'] or ''}".strip(),
    "tables at AMC": lambda row: _text(row["data_sources"]),
    "campaigns": lambda row: _text(row["campaigns"]),
    "spend / sales": _money,
    "ACOS %, ROAS": lambda row: f"{_text(row['acos'])}, {_text(row['roas'])}",
    "products found": lambda row: f"{row['products_found']} of {row['products']}",
    "mails that wait": lambda row: "\n".join(row["messages"] or []),
}


def _local(moment: datetime | None, zone: str) -> str:
    """Write a window's bound as people of that zone say it; a midnight is a date."""
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d}" if local.time() == time() else f"{local:%Y-%m-%d %H:%M}"


def _zone(moment: datetime | None, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Z}" if moment else zone


def _text(value: object) -> str:
    return "" if value is None else str(value)
