"""What a request names: values of parameters, the ends of a window, the days of a backfill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from recomamp.domain.definitions import Collection, Schedule
from recomamp.domain.row_limits import LAST_DATE
from recomamp.domain.run_actions import RunAction
from recomamp.domain.scheduling.backfills import (
    MAX_BACKFILL_WINDOWS,
    backfill_windows,
    has_too_many_days,
)
from recomamp.domain.scheduling.cron import load_zone
from recomamp.domain.scheduling.windows import Window
from recomamp.domain.sql.parameters import overlay
from recomamp.errors import InvalidDefinition
from recomamp.follower.airflow_runs import BackfillRange
from recomamp.store.run_requests import ClaimedRequest


def checked_parameters(request: ClaimedRequest, row: Schedule | Collection) -> dict[str, Any]:
    """Return the values of a request's parameters.

    :raises InvalidDefinition: when the query has no such parameter, or a value has another type.
    """
    given = _given(request)
    try:
        overlay(dict(row.parameters), given)
    except InvalidDefinition as err:
        raise err.at(table="run_requests", column="parameters") from err
    return given


def _given(request: ClaimedRequest) -> dict[str, Any]:
    """Return the values that a request names; null means the row's own, as in the trigger form."""
    return {name: one for name, one in (request.parameters or {}).items() if one is not None}


def window_ends(request: ClaimedRequest, time_zone: str) -> tuple[str, str] | None:
    """Return the window as the trigger form takes it: as days, or as times in UTC.

    A restatement names exact times. In UTC a run might take a pair of midnights for days.
    """
    if request.from_date is not None and request.to_date is not None:
        return str(request.from_date), str(request.to_date + timedelta(days=1))
    if request.window_start is not None and request.window_end is not None:
        ends = (request.window_start, request.window_end)
        zone = load_zone(time_zone) if request.action == RunAction.RESTATE else UTC
        start, end = (one.astimezone(zone).isoformat() for one in ends)
        return start, end
    return None


def check_window(row: Schedule | Collection, start: str, end: str, *, column: str) -> None:
    """Refuse a window that the run would refuse.

    :param column: the end of the window, as the request names it.
    :raises InvalidDefinition: when it ends after 2100 begins, or a collection has no such week.
    """
    try:
        first, after = row.windows.typed_times.window(start, end)
    except ValueError as err:
        raise InvalidDefinition(
            f"the window must end by {LAST_DATE}; name an earlier end",
            table="run_requests",
            column=column,
        ) from err
    try:
        row.windows.check(Window(start=first, end=after, time_zone=row.windows.time_zone))
    except InvalidDefinition as err:
        raise InvalidDefinition(err.problem, table="run_requests", column="window_start") from err


def backfill_range(request: ClaimedRequest) -> BackfillRange:
    """Return the days that a request names, both included, with the values for their runs.

    :raises InvalidDefinition: the first or the last day is missing.
    """
    if request.from_date is None or request.to_date is None:  # written past the trigger
        raise InvalidDefinition(
            "a BACKFILL needs its first and its last day", table="run_requests", column="from_date"
        )
    return BackfillRange(
        first_day=request.from_date,
        last_day=request.to_date,
        reprocess_behavior=request.reprocess_behavior or "none",
        conf=_given(request),
    )


def count_windows(row: Schedule | Collection, wanted: BackfillRange, now: datetime) -> int:
    """Count the runs that a backfill may create, up to one more than are allowed."""
    days = wanted.first_day, wanted.last_day
    if has_too_many_days(row.windows, *days, now):
        return MAX_BACKFILL_WINDOWS + 1
    windows = backfill_windows(row.windows, *days, now)
    return sum(1 for _ in islice(windows, MAX_BACKFILL_WINDOWS + 1))
