"""The timetable of a collection. Like that of a schedule it does nothing in its constructor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.timetables.base import DagRunInfo, DataInterval

from recomamp.domain.scheduling.run_dates import INSTANT, window_start
from recomamp.domain.scheduling.typed_times import midnight
from recomamp.domain.scheduling.windows import CollectionWindows, DueWindow, Window
from recomamp.pipeline.timetables.base import WindowTimetable
from recomamp.pipeline.timetables.run_history import RunHistory, history_of_collection

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class CollectionTimetable(WindowTimetable):
    """Runs once per week of a collection, as soon as the week's data has settled.

    :param start_date: ISO date, first day of the first week.
    :param end_date: ISO date, last day of the last week.
    :param time_zone: IANA zone of the days.
    :param lag_days: days from the end of a week until its run is due.
    :param is_active: whether to start runs by itself; backfills and manual runs work anyway.
    """

    def __init__(
        self, *, start_date: str, end_date: str, time_zone: str, lag_days: int, is_active: bool
    ) -> None:
        self.start_date = start_date
        self.end_date = end_date
        self.time_zone = time_zone
        self.lag_days = lag_days
        self.is_active = is_active
        self.description = f"{self.summary}, each due {lag_days} days after its end"

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        return f"weeks {self.start_date} to {self.end_date}" + (
            "" if self.is_active else " (starts no run by itself)"
        )

    @cached_property
    def windows(self) -> CollectionWindows:
        """The weeks."""
        return CollectionWindows(
            start_date=date.fromisoformat(self.start_date),
            end_date=date.fromisoformat(self.end_date),
            time_zone=self.time_zone,
            lag_days=self.lag_days,
        )

    def serialize(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "start_date": self.start_date,
            "end_date": self.end_date,
            "time_zone": self.time_zone,
            "lag_days": self.lag_days,
            "is_active": self.is_active,
        }

    def read_history(self, session: Session, dag_id: str) -> RunHistory:
        """Read the first week that ran by itself, and the dates that runs hold.

        A week without a run stays next, also after a backfill of later weeks.
        """
        return history_of_collection(session, dag_id, self.windows.week(0).window.start)

    def resume_after(self, planned: DagRunInfo | None) -> datetime:
        """Return the start of the first week, or the first moment after the start of that run's."""
        if planned is None:
            return self.windows.week(0).window.start
        interval = planned.data_interval
        return interval.start + INSTANT if interval else planned.run_after

    def windows_to_schedule(self, resume_from: datetime) -> Iterator[DueWindow]:
        """Yield the weeks that start then or later."""
        return (week for week in self.windows if week.window.start >= resume_from)

    def run_name(self, interval: DataInterval) -> str:
        """Return the number and the days of the week, and the run's date, which is the only one.

        For example ``week_3_2026-01-15_to_01-21__2026-01-15T00:00:00+00:00``.
        """
        week = Window(
            start=window_start(interval.start), end=interval.end, time_zone=self.time_zone
        )
        return (
            f"week_{self.windows.number_of(week)}_{week.first_date}_to_{week.last_date:%m-%d}"
            f"__{super().run_name(interval)}"
        )

    def starts_named_by(self, logical_date: datetime) -> list[datetime]:
        """Return the midnight of the picked day: a week has no other name."""
        day = self.windows.typed_times.named_day(logical_date)
        return [] if day is None else [midnight(day, self.time_zone)]
