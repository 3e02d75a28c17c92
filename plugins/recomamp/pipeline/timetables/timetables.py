"""Timetables that make a run's data interval the window AMC reads.

The UI, the CLI and the row then speak of the same dates, and a backfill of dates means: pull the
data of these dates again. Airflow deserializes a timetable some sixteen times per DAG and parse,
so construction does nothing but keep its arguments, and equal data gives the same object.
"""

from __future__ import annotations

from datetime import date, datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.timetables.base import DagRunInfo
from sqlalchemy.orm import object_session

from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.typed_times import midnight
from recomamp.domain.scheduling.windows import (
    CollectionWindows,
    DueWindow,
    ScheduleWindows,
    WindowType,
)
from recomamp.pipeline.timetables.base import (
    INSTANT,
    RunHistory,
    WindowTimetable,
    find_free_date,
    utc_now,
)
from recomamp.pipeline.timetables.run_history import (
    SCHEDULED,
    AllRunDates,
    RunDates,
    RunDatesUpTo,
    last_scheduled_tick,
    latest_run,
    runs_of_dag,
)

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun


class ScheduleTimetable(WindowTimetable):
    """Runs at the ticks of a cron expression; each reads the lagged interval before its tick.

    :param expression: five cron fields, or an alias.
    :param time_zone: IANA zone of the ticks and of the windows.
    :param created_at: ISO instant; the first run is due at the first tick after it.
    :param lag_days: days between the end of a window and its tick.
    :param lookback_days: length of a window; by default it starts where the former one ended.
    :param window_type: one of AMC's words for a window.
    :param catchup: run every tick missed in an outage, not the latest alone; 400 days or 2,000
        ticks back at most.
    :param is_active: whether to start runs by itself; backfills and manual runs work anyway.
    """

    def __init__(
        self,
        *,
        expression: str,
        time_zone: str,
        created_at: str,
        lag_days: int,
        lookback_days: int | None,
        window_type: str,
        catchup: bool,
        is_active: bool,
    ) -> None:
        self.expression = expression
        self.time_zone = time_zone
        self.created_at = created_at
        self.lag_days = lag_days
        self.lookback_days = lookback_days
        self.window_type = window_type
        self.catchup = catchup
        self.is_active = is_active
        self.description = f"{self.summary}, data {lag_days} days back"
        self._asked: tuple[datetime, DueWindow] | None = None

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        return f"{self.expression} {self.time_zone}" + (
            "" if self.is_active else " (starts no run by itself)"
        )

    @cached_property
    def windows(self) -> ScheduleWindows:
        """The rule that makes windows of ticks."""
        return ScheduleWindows(
            cron=Cron(self.expression, self.time_zone),
            lag_days=self.lag_days,
            lookback_days=self.lookback_days,
            type=WindowType(self.window_type),
        )

    def serialize(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "expression": self.expression,
            "time_zone": self.time_zone,
            "created_at": self.created_at,
            "lag_days": self.lag_days,
            "lookback_days": self.lookback_days,
            "window_type": self.window_type,
            "catchup": self.catchup,
            "is_active": self.is_active,
        }

    def latest_window(self, moment: datetime) -> DueWindow:
        """Return the latest window that is due at that time."""
        return self.windows.latest(moment)

    def run_info_from_dag_run(self, *, dag_run: DagRun) -> DagRunInfo:
        """Return the last tick that ran by itself, and the dates that are taken.

        Airflow takes the run with the latest date for the last one. That may be a backfill of
        recent data, after which the ticks before would be passed over, or a run from before the
        row was edited.
        """
        session = object_session(dag_run)
        latest = latest_run(session, dag_run) if session is not None else None
        run_id = latest.run_id if latest else dag_run.run_id  # Airflow has not loaded this column
        tick = dag_run.run_after if run_id.startswith(SCHEDULED) else None
        if tick is None and session is not None:
            tick = last_scheduled_tick(session, dag_run.dag_id)
        tick = tick or datetime.fromisoformat(self.created_at)
        last = RunHistory(run_after=pendulum.instance(tick), data_interval=None)
        last.taken = AllRunDates(session, dag_run.dag_id) if session is not None else {}
        if latest:
            end = dag_run.data_interval_end or latest.logical_date
            last.taken = RunDatesUpTo(latest.logical_date, end, last.taken)
        return last

    def _next_scheduled(self, last: DagRunInfo | None, taken: RunDates) -> DueWindow | None:
        due = self._choose_run(last.run_after if last else datetime.fromisoformat(self.created_at))
        while find_free_date(due, taken) is None:  # this very window has been read
            due = self._choose_run(due.due_at)
        return due

    def _choose_run(self, after: datetime) -> DueWindow:
        """Return the next tick to run: the first after that time or, missed ones left out, the
        latest.
        """
        now = utc_now()
        if self.catchup:
            after = max(after, now - self.windows.catchup_reach)
        due = self._next_after(after)
        if self.catchup or due.due_at > now:
            return due
        return max(due, self.windows.latest(now), key=lambda one: one.due_at)

    def _next_after(self, moment: datetime) -> DueWindow:
        """Return the first run due later than that time, kept for when it is asked for again.

        Which is at every parse until that run is there: ticks cost more than all the rest.
        """
        asked = self._asked  # DAGs of equal rows share a timetable, and threads of a process do
        if asked is None or asked[0] != moment:
            asked = self._asked = (moment, self.windows.next(moment))
        return asked[1]

    def _first_from(self, earliest: datetime) -> DueWindow | None:
        return self.windows.first_from(earliest)

    def _starts_named_by(self, logical_date: datetime) -> list[datetime]:
        """Return that instant and, of 00:00 UTC, the midnight of the day in the row's zone.

        Any other time may be that of another DAG's run, and then asks for the latest window.
        """
        if logical_date.utcoffset() or logical_date.time() != time():
            return [logical_date]
        return [logical_date, midnight(logical_date.date(), self.time_zone)]


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

    def latest_window(self, moment: datetime) -> DueWindow:
        """Return the latest week that is due at that time, the first before any is."""
        return self.windows.latest(moment) or self.windows.week(0)

    def run_info_from_dag_run(self, *, dag_run: DagRun) -> DagRunInfo:
        """Return the dates that are taken, and the first week that ran by itself.

        Airflow goes on after the run with the latest date. A backfill of later weeks would then
        make it pass over earlier ones for ever; a week without a run must stay next. Weeks before
        the first scheduled run have been run as well: Airflow's old runs are cleaned away.
        """
        if not self.is_active:  # no next run will be asked for
            return super().run_info_from_dag_run(dag_run=dag_run)
        session = object_session(dag_run)
        runs = runs_of_dag(session, dag_run.dag_id) if session is not None else [dag_run]
        starts = [
            run.data_interval_start
            for run in runs
            if run.run_id.startswith(SCHEDULED) and run.data_interval_start is not None
        ]
        first = min(starts, default=self.windows.week(0).window.start)
        last = RunHistory(
            run_after=pendulum.instance(first.replace(microsecond=0)), data_interval=None
        )
        last.taken = {run.logical_date: run.data_interval_end for run in runs if run.logical_date}
        return last

    def _next_scheduled(self, last: DagRunInfo | None, taken: RunDates) -> DueWindow | None:
        if last is not None and last.data_interval is not None:  # a run that was only planned yet
            return self._first_from(last.data_interval.start + INSTANT)
        for week in self.windows:
            is_left = last is None or week.window.start >= last.run_after
            if is_left and find_free_date(week, taken) is not None:
                return week
        return None

    def _first_from(self, earliest: datetime) -> DueWindow | None:
        return self.windows.first_from(earliest)

    def _starts_named_by(self, logical_date: datetime) -> list[datetime]:
        """Return the midnight of the picked day: a week has no other name."""
        day = self.windows.typed_times.named_day(logical_date)
        return [] if day is None else [midnight(day, self.time_zone)]
