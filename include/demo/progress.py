"""The progress of the demo: a live view on a terminal, a line for each change elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from demo.rows import WEEKS
from demo.state import ENDED, EXPECTED_EXECUTIONS, State
from demo.summary import STATUS_STYLES

MIN_COLUMNS = 80  # nothing is printed wider; no narrower terminal gets a live view
BAR_COLUMNS = 20


class Progress(Protocol):
    """A view of the states that follow each other."""

    def show(self, state: State, activity: str) -> None:
        """Show the state and what the demo itself does."""


def open_console() -> Console:
    """Return a console as wide as the terminal, of 80 columns at least and where there is none."""
    console = Console()
    console.width = max(console.width, MIN_COLUMNS) if console.is_terminal else MIN_COLUMNS
    return console


@contextmanager
def open_progress(console: Console) -> Iterator[Progress]:
    """Choose the view that fits the console."""
    if not console.is_terminal or Console().width < MIN_COLUMNS:
        yield _ChangedLines(console)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield _LiveView(live)


class _ChangedLines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = monotonic()
        self._last: list[str] = []

    def show(self, state: State, activity: str) -> None:
        parts = [
            f"executions: {_statuses(state)} (of {EXPECTED_EXECUTIONS})",
            f"weeks: {_weeks(state)}",
            f"instances: {_instances(state)}",
            activity,
        ]
        if changed := [part for part in parts if part not in self._last]:
            line = Table.grid(padding=(0, 2))
            line.add_row(f"  {monotonic() - self._began:4.0f} s", Text("; ".join(changed)))
            self._console.print(line)
            self._last = parts


class _LiveView:
    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, state: State, activity: str) -> None:
        ended = sum(row["status"] in ENDED for row in state.executions)
        view = Table.grid(padding=(0, 2))
        view.add_row("executions", _bar(ended, EXPECTED_EXECUTIONS), _styled_statuses(state))
        view.add_row("weeks", _bar(state.weeks_ended(), WEEKS), _weeks(state))
        view.add_row("instances", "", _instances(state))
        self._live.update(Group(view, Text(activity, "dim")))


def _bar(done: int, total: int) -> ProgressBar:
    return ProgressBar(total=total, completed=min(done, total), width=BAR_COLUMNS)


def _styled_statuses(state: State) -> Text:
    text = Text(_statuses(state))
    for status, style in STATUS_STYLES.items():
        text.highlight_words([status], style)
    return text


def _statuses(state: State) -> str:
    counts = state.executions_by_status()
    return ", ".join(f"{counts[one]} {one}" for one in STATUS_STYLES if counts[one]) or "none yet"


def _weeks(state: State) -> str:
    return f"{state.weeks_ended()} of {WEEKS} ended"


def _instances(state: State) -> str:
    names = "health, tables, campaigns, products"
    return f"{names} read" if state.is_synced() else f"reading {names}"
