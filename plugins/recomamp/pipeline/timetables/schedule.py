"""The timetable of a schedule.

Airflow deserializes a timetable some sixteen times per DAG and parse, so construction does nothing
but keep its arguments, and equal data gives the same object.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.timetables.base import DagRunInfo

from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.typed_times import midnight
from recomamp.domain.scheduling.windows import DueWindow, ScheduleWindows, WindowType
from recomamp.pipeline.timetables.base import WindowTimetable, utc_now
from recomamp.pipeline.timetables.run_history import RunHistory, history_of_schedule

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class ScheduleTimetable(WindowTimetable):
    """Runs at the ticks of a cron expression.

    A run reads ``[previous tick - lag, tick - lag)``; ``ScheduleWindows.at`` has the whole rule.

    :param expression: five cron fields, or an alias.
    :param time_zone: IANA zone of the ticks and of the windows.
    :param created_at: ISO instant; the first run is due at the first tick after it.
    :param lag_days: days between the end of a window and its tick.
    :param lookback_days: length of a window; by default it starts at the end of the previous one.
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
        self._last_answer: tuple[datetime, DueWindow] | None = None
        self._latest: tuple[DueWindow, datetime] | None = None

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

    def read_history(self, session: Session, dag_id: str) -> RunHistory:
        """Read the last tick that ran by itself, and the dates that runs hold."""
        return history_of_schedule(session, dag_id, datetime.fromisoformat(self.created_at))

    def resume_after(self, planned: DagRunInfo | None) -> datetime:
        """Return the tick of that run, or when the row was created."""
        return planned.run_after if planned else datetime.fromisoformat(self.created_at)

    def windows_to_schedule(self, resume_from: datetime) -> Iterator[DueWindow]:
        """Yield the windows of the ticks after that one which are to run."""
        tick = resume_from
        while True:
            due = self._next_tick_to_run(tick)
            yield due
            tick = due.due_at

    def _next_tick_to_run(self, after: datetime) -> DueWindow:
        """Return the first tick after that moment; without catch-up the latest, if one is due."""
        now = utc_now()
        if self.catchup:
            after = max(after, now - self.windows.catchup_reach)
        due = self._first_tick_after(after)
        if self.catchup or due.due_at > now:
            return due
        return max(due, self._latest_tick(now), key=lambda one: one.due_at)

    def _first_tick_after(self, moment: datetime) -> DueWindow:
        """Return the first tick after that moment, and keep it for when it is asked for again.

        Airflow asks at every parse until that tick has run: ticks cost more than all the rest.
        """
        answer = self._last_answer  # DAGs of equal rows share a timetable, and threads do
        if answer is None or answer[0] != moment:
            answer = self._last_answer = (moment, self.windows.next(moment))
        return answer[1]

    def _latest_tick(self, now: datetime) -> DueWindow:
        """Return the latest tick by now, and keep it until the next one is due.

        A paused DAG has missed ticks at every parse.
        """
        answer = self._latest
        if answer is None or not answer[0].due_at <= now < answer[1]:
            latest = self.windows.latest(now)
            answer = self._latest = (latest, self.windows.next(now).due_at)
        return answer[0]

    def starts_named_by(self, logical_date: datetime) -> list[datetime]:
        """Return that instant and, of 00:00 UTC, the midnight of the day in the row's zone.

        Any other time may be that of another DAG's run, and then asks for the latest window.
        """
        if logical_date.utcoffset() or logical_date.time() != time():
            return [logical_date]
        return [logical_date, midnight(logical_date.date(), self.time_zone)]
