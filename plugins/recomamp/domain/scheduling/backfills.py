"""Which windows a backfill runs: those that start on its days and have ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

from recomamp.domain.scheduling.windows import CollectionWindows, DueWindow, ScheduleWindows

MAX_BACKFILL_WINDOWS = 400  # Airflow creates all runs before it answers
_SLACK_DAYS = 5


def backfill_ends(
    windows: ScheduleWindows | CollectionWindows, first_day: date, last_day: date
) -> tuple[datetime, datetime]:
    """Return the first and the last instant of a backfill's days, in UTC, both included."""
    days = (datetime.combine(day, time(), UTC) for day in (first_day, last_day))
    return windows.typed_times.range(*days)


def has_too_many_days(
    windows: ScheduleWindows | CollectionWindows, first_day: date, last_day: date, now: datetime
) -> bool:
    """Return whether a schedule of every day has more windows than are allowed, by arithmetic."""
    if not isinstance(windows, ScheduleWindows) or windows.cron.fields.split()[2:] != ["*"] * 3:
        return False
    first, last = backfill_ends(windows, first_day, last_day)
    # Windows that end after now do not count, and a zone may skip a day
    not_counted = windows.lag_days + (windows.lookback_days or 1) + _SLACK_DAYS
    return (min(last, now) - first).days - not_counted > MAX_BACKFILL_WINDOWS


def backfill_windows(
    windows: ScheduleWindows | CollectionWindows, first_day: date, last_day: date, now: datetime
) -> Iterator[DueWindow]:
    """Yield the windows that start on these days of the row's zone and have ended, in order."""
    first, last = backfill_ends(windows, first_day, last_day)
    due = windows.first_from(first)
    while due is not None and due.window.start <= last and due.window.end < now:
        yield due
        due = windows.following(due)
