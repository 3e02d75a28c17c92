"""Timetables that make a run's data interval the window AMC reads.

The UI, the CLI and the row then speak of the same dates, and a backfill of dates means: pull the
data of these dates again. Airflow deserializes a timetable some sixteen times per DAG and parse,
so construction does nothing but keep its arguments, and equal data gives the same object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Self

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from recomamp.domain.cron import Cron
from recomamp.domain.windows import (
    CollectionWindows,
    DueWindow,
    ScheduleWindows,
    WindowType,
    as_first_moment,
    as_last_moment,
)

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

_INSTANT = timedelta(microseconds=1)


def _interval(due: DueWindow) -> DataInterval:
    return DataInterval(pendulum.instance(due.window.start), pendulum.instance(due.window.end))


def _scheduled(due: DueWindow) -> DagRunInfo:
    return DagRunInfo(run_after=pendulum.instance(due.due_at), data_interval=_interval(due))


def _backfilled(due: DueWindow) -> DagRunInfo:
    # Who asks for past dates means now, be the data settled or not
    return DagRunInfo(run_after=pendulum.instance(due.window.end), data_interval=_interval(due))


class _WindowTimetable(Timetable):
    """What both timetables share: how Airflow asks, and how they are stored."""

    def serialize(self) -> dict[str, Any]:
        """Return what ``deserialize`` makes an equal timetable of."""
        raise NotImplementedError

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> Self:
        """Return the timetable of that data, the same object for the same data."""
        timetable: Self = _remembered(cls, json.dumps(data, sort_keys=True))
        return timetable

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next run: of the schedule, or of a backfill where ``latest`` bounds it."""
        last = last_automated_data_interval
        if restriction.latest is None:
            due = self._next_scheduled(last.start if last else None)
            return _scheduled(due) if due else None
        bound = as_last_moment(restriction.latest, self.time_zone)
        if last is not None:
            due = self._first_from(last.start + _INSTANT)
        elif restriction.earliest is not None:
            due = self._first_from(as_first_moment(restriction.earliest, self.time_zone))
        else:
            due = None
        return _backfilled(due) if due and due.window.start <= bound else None

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """Return the latest window that is due at that moment."""
        return _interval(self.latest_window(run_after))

    @property
    def time_zone(self) -> str:
        """Zone in which the dates of a backfill are meant."""
        raise NotImplementedError

    def latest_window(self, moment: datetime) -> DueWindow:
        """Return the latest window that is due at that moment."""
        raise NotImplementedError

    def _next_scheduled(self, last_start: datetime | None) -> DueWindow | None:
        raise NotImplementedError

    def _first_from(self, earliest: datetime) -> DueWindow | None:
        raise NotImplementedError


@lru_cache(maxsize=16384)
def _remembered(cls: type[_WindowTimetable], data: str) -> Any:
    return cls(**json.loads(data))


class ScheduleTimetable(_WindowTimetable):
    """Runs at the ticks of a cron expression; each reads the lagged interval before its tick.

    :param expression: five cron fields, or an alias.
    :param time_zone: IANA zone of the ticks and of the windows.
    :param created_at: ISO instant; the first run is due at the first tick after it.
    :param lag_days: days between the end of a window and its tick.
    :param lookback_days: length of a window; by default it starts where the former one ended.
    :param window_type: one of AMC's words for a window.
    :param catchup: run every tick missed in an outage, not the latest alone.
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
        self._time_zone = time_zone
        self.created_at = created_at
        self.lag_days = lag_days
        self.lookback_days = lookback_days
        self.window_type = window_type
        self.catchup = catchup
        self.is_active = is_active
        self.description = f"{self.summary}, data {lag_days} days back"

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        return f"{self.expression} {self._time_zone}" + (
            "" if self.is_active else " (starts no run by itself)"
        )

    @property
    def time_zone(self) -> str:
        """Zone of the ticks, the windows and the dates of a backfill."""
        return self._time_zone

    @cached_property
    def windows(self) -> ScheduleWindows:
        """The rule that makes windows of ticks."""
        return ScheduleWindows(
            cron=Cron(self.expression, self._time_zone),
            lag_days=self.lag_days,
            lookback_days=self.lookback_days,
            type=WindowType(self.window_type),
        )

    def serialize(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "expression": self.expression,
            "time_zone": self._time_zone,
            "created_at": self.created_at,
            "lag_days": self.lag_days,
            "lookback_days": self.lookback_days,
            "window_type": self.window_type,
            "catchup": self.catchup,
            "is_active": self.is_active,
        }

    def latest_window(self, moment: datetime) -> DueWindow:
        """Return the latest window that is due at that moment."""
        return self.windows.latest(moment)

    def _next_scheduled(self, last_start: datetime | None) -> DueWindow | None:
        if not self.is_active:
            return None
        if last_start is None:
            due = self.windows.next(datetime.fromisoformat(self.created_at))
        else:
            due = self.windows.first_from(last_start + _INSTANT)
        if self.catchup:
            return due
        latest = self.windows.latest(datetime.now(UTC))
        return max(due, latest, key=lambda window: window.due_at)

    def _first_from(self, earliest: datetime) -> DueWindow | None:
        return self.windows.first_from(earliest)


class CollectionTimetable(_WindowTimetable):
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
        self._time_zone = time_zone
        self.lag_days = lag_days
        self.is_active = is_active
        self.description = f"{self.summary}, each due {lag_days} days after its end"

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        return f"weeks {self.start_date} to {self.end_date}" + (
            "" if self.is_active else " (starts no run by itself)"
        )

    @property
    def time_zone(self) -> str:
        """Zone of the weeks and of the dates of a backfill."""
        return self._time_zone

    @cached_property
    def windows(self) -> CollectionWindows:
        """The weeks."""
        return CollectionWindows(
            start_date=date.fromisoformat(self.start_date),
            end_date=date.fromisoformat(self.end_date),
            time_zone=self._time_zone,
            lag_days=self.lag_days,
        )

    def serialize(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "start_date": self.start_date,
            "end_date": self.end_date,
            "time_zone": self._time_zone,
            "lag_days": self.lag_days,
            "is_active": self.is_active,
        }

    def latest_window(self, moment: datetime) -> DueWindow:
        """Return the latest week that is due at that moment, the first before any is."""
        return self.windows.latest(moment) or self.windows.week(0)

    def run_info_from_dag_run(self, *, dag_run: DagRun) -> DagRunInfo:
        """Return the last week up to which every week has a run.

        Airflow goes on after the run with the latest date. A backfill of later weeks would then
        make it pass over earlier ones for ever; a week without a run must stay next.
        """
        info = super().run_info_from_dag_run(dag_run=dag_run)
        started = _starts_of_automated_runs(dag_run)
        reached = info.data_interval
        previous = pendulum.instance(self.windows.week(0).window.start - _INSTANT)
        for week in self.windows:
            if week.window.start not in started:
                reached = DataInterval(previous, previous)
                break
            previous = pendulum.instance(week.window.start)
        return info._replace(data_interval=reached)

    def _next_scheduled(self, last_start: datetime | None) -> DueWindow | None:
        if not self.is_active:
            return None
        return (
            self.windows.week(0) if last_start is None else self._first_from(last_start + _INSTANT)
        )

    def _first_from(self, earliest: datetime) -> DueWindow | None:
        return self.windows.first_from(earliest)


def _starts_of_automated_runs(dag_run: DagRun) -> set[datetime]:
    """Return the logical dates of the DAG's scheduled and backfilled runs."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunType
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return {dag_run.logical_date} if dag_run.logical_date else set()
    automated = (DagRunType.SCHEDULED, DagRunType.BACKFILL_JOB)
    dates = session.scalars(
        select(DagRun.logical_date).where(
            DagRun.dag_id == dag_run.dag_id, DagRun.run_type.in_(automated)
        )
    )
    return {moment for moment in dates if moment is not None}
