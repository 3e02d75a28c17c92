"""The tables at the end of the demo, at most 80 columns wide with whole dates, ids and numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from demo.state import Row, State

UUID_COLUMNS = 36
DATE_COLUMNS = 10

STATUS_STYLES = {
    "SUCCESS": "green",
    "RUNNING": "cyan",
    "PENDING": "dim",
    "FAILED": "red",
    "CANCELLED": "yellow",
    "TIMEOUT": "yellow",
    "SKIPPED": "yellow",
}


def closing_tables(state: State) -> RenderableType:
    """Show each list of the state, and AMC's error messages."""
    tables = [
        *_executions(state),
        _weeks(state),
        _counters(state),
        _instances(state),
        _answers(state),
        _versions(state),
        _preview(state),
        _result_rows(state),
    ]
    return Group(*(part for table in tables for part in (Text(), table)))


def _table(*columns: str | Column) -> Table:
    table = Table(
        *columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False
    )
    for column in table.columns:
        column.overflow = "fold"
    return table


def _executions(state: State) -> list[RenderableType]:
    """Show a table for each schedule and collection: one for all would be wider than 80 columns."""
    tables: list[RenderableType] = [
        _title("Executions (table workflow_executions); end is the day after the last one")
    ]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in state.executions:
        groups.setdefault((row["source"], row["window_time_zone"] or "UTC"), []).append(row)
    for (source, zone), rows in groups.items():
        table = _table(
            Column("start", min_width=DATE_COLUMNS),
            Column("end", min_width=DATE_COLUMNS),
            Column("AMC execution id", width=UUID_COLUMNS),
            Column("status", no_wrap=True),
            Column("rows", no_wrap=True),
        )
        for row in rows:
            table.add_row(
                _local(row["window_start"], zone),
                _local(row["window_end"], zone),
                row["amc_execution_id"] or "none",
                _status(row["status"]),
                _text(row["result_rows"]),
            )
        title = _title(f"{source}, windows in {zone}")
        tables.append(Group(title, table, *(_error(row) for row in rows if row["error_message"])))
    return tables


def _error(row: Row) -> Text:
    return Text(f"error_message: {row['error_message']}", "dim")


def _weeks(state: State) -> Group:
    table = _table("week", "first day", "last day", "status", "rows")
    for row in state.weeks:
        days = (_text(row["week_start_date"]), _text(row["week_end_date"]))
        rows = _text(row["result_rows"])
        table.add_row(_text(row["week_number"]), *days, _status(row["status"]), rows)
    return Group(_title("Weeks of Costs of six weeks (table report_data_weeks)"), table)


def _counters(state: State) -> Group:
    table = _table("name", "runs", "successful", "failed", "next run (UTC) or progress")
    for row in state.schedules:
        counts = [_text(row[name]) for name in ("total_runs", "successful_runs", "failed_runs")]
        next_run = f"{row['next_run_at']:%Y-%m-%d %H:%M}" if row["next_run_at"] else "none"
        table.add_row(row["name"], *counts, next_run)
    if state.weeks:
        week = state.weeks[0]
        progress = f"{week['progress_percentage']} % {week['collection_status']}"
        counts = [_text(week[name]) for name in ("total_weeks", "completed_weeks", "failed_weeks")]
        table.add_row("Costs of six weeks", *counts, progress)
    title = _title("Counters (tables workflow_schedules and report_data_collections)")
    return Group(title, table)


def _instances(state: State) -> Group:
    table = _table("", *(row["name"] for row in state.instances))
    for head, cell in _INSTANCE.items():
        table.add_row(head, *(cell(row) for row in state.instances))
    title = _title("Instances, with figures of the last 30 days (tables amc_instances, campaigns)")
    return Group(title, table)


def _answers(state: State) -> Group:
    table = _table("of", Column("name", min_width=24), "answer", "words")
    for row in state.answers:
        table.add_row(row["kind"], row["name"], row["answer"], _text(row["words"]))
    title = "Requests, conditions and dry runs (run_requests, result_checks, workflow_dry_runs)"
    return Group(_title(title), table)


def _versions(state: State) -> Group:
    table = _table("day", "version", "rows", "rows changed", "rows new", "change %")
    for row in state.versions:
        ratio = row["change_ratio"]
        table.add_row(
            _local(row["window_start"], row["window_time_zone"] or "UTC"),
            *(_text(row[name]) for name in ("version", "result_rows", "rows_changed", "rows_new")),
            "" if ratio is None else f"{100 * ratio:.1f}",
        )
    title = "Versions of Sales every day: AMC knew more at the second reading (result_versions)"
    return Group(_title(title), table)


def _preview(state: State) -> Group:
    table = _table("due", "first day", "day after the last one")
    for row in state.preview:
        days = (f"{row[name]:%Y-%m-%d}" for name in ("local_window_start", "local_window_end"))
        table.add_row(f"{row['local_due_at']:%Y-%m-%d %H:%M}", *days)
    title = "Next runs of Reach every day, in its zone (function schedule_preview)"
    return Group(_title(title), table)


def _result_rows(state: State) -> Group:
    table = _table("event_date_utc", "campaign", "clicks", "spend")
    for row in state.result_rows:
        table.add_row(*(Text(_text(value)) for value in row.values()))
    title = _title("Result rows of Costs every day (workflow_executions.result_data)")
    return Group(title, table)


def _title(text: str) -> Text:
    return Text(text, "bold")


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
    "mails to send": lambda row: "\n".join(row["messages"] or []),
}


def _status(status: str | None) -> Text:
    return Text(status or "", STATUS_STYLES.get(status or "", ""))


def _local(instant: datetime | None, zone: str) -> str:
    """Write a window's bound in its zone; a midnight is a date."""
    if instant is None:
        return ""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d}" if local.time() == time() else f"{local:%Y-%m-%d %H:%M}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
