"""The pipeline's timetables for a DAG of one's own: each run's data interval is its window."""

from __future__ import annotations

from datetime import date, datetime

from recomamp.domain.scheduling.windows import (
    DEFAULT_COLLECTION_LAG_DAYS,
    DEFAULT_SCHEDULE_LAG_DAYS,
    WindowType,
)
from recomamp.errors import InvalidDefinition
from recomamp.pipeline.timetables.collection import CollectionTimetable
from recomamp.pipeline.timetables.schedule import ScheduleTimetable


def cron_windows(
    expression: str,
    *,
    start: datetime,
    time_zone: str = "UTC",
    lag_days: int = DEFAULT_SCHEDULE_LAG_DAYS,
    lookback_days: int | None = None,
    catchup: bool = False,
) -> ScheduleTimetable:
    """Return the timetable of a cron expression, whose run reads data that AMC has completed.

    A run at a tick reads from the previous tick to the tick, both ``lag_days`` earlier. AMC
    completes its data within 48 hours.

    :param expression: five cron fields, or an alias such as ``@daily``.
    :param start: with an offset; the first run is due at the first tick after it. Keep it fixed.
    :param time_zone: IANA zone of ticks and windows.
    :param lookback_days: length of each window; by default it begins where the previous one ends.
    :param catchup: run every tick missed in an outage, not the latest alone.
    :raises InvalidDefinition: when expression, zone or start are wrong.
    """
    if start.tzinfo is None:
        raise InvalidDefinition("start needs an offset, such as datetime(2026, 1, 1, tzinfo=UTC)")
    timetable = ScheduleTimetable(
        expression=expression,
        time_zone=time_zone,
        created_at=start.isoformat(),
        lag_days=lag_days,
        lookback_days=lookback_days,
        window_type=WindowType.EXPLICIT.value,
        catchup=catchup,
        is_active=True,
    )
    timetable.windows.next(start)  # says here what is wrong, and not in the scheduler
    return timetable


def week_windows(
    first_day: date,
    last_day: date,
    *,
    time_zone: str = "UTC",
    lag_days: int = DEFAULT_COLLECTION_LAG_DAYS,
) -> CollectionTimetable:
    """Return the timetable that runs once for each week of a range, the last one clipped.

    :param lag_days: from the end of a week until its run is due. AMC attributes conversions for up
        to 14 days.
    :raises InvalidDefinition: when the zone is not known, or the range is empty.
    """
    if last_day < first_day:
        raise InvalidDefinition(f"the range from {first_day} to {last_day} is empty")
    timetable = CollectionTimetable(
        start_date=first_day.isoformat(),
        end_date=last_day.isoformat(),
        time_zone=time_zone,
        lag_days=lag_days,
        is_active=True,
    )
    timetable.windows.week(0)
    return timetable
