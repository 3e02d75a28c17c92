"""How Airflow asks for runs, answered by windows. The base of both timetables."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from sqlalchemy.orm import object_session

from recomamp.domain.row_limits import bounded
from recomamp.domain.scheduling.run_dates import INSTANT, free_date
from recomamp.domain.scheduling.windows import CollectionWindows, DueWindow, ScheduleWindows
from recomamp.pipeline.timetables.run_history import RunHistory

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunType
    from sqlalchemy.orm import Session


def utc_now() -> datetime:
    """Return the moment at which Airflow asks; it makes timetables without a clock."""
    return datetime.now(UTC)


def _run_info(due: DueWindow, *, run_after: datetime, date: datetime | None = None) -> DagRunInfo:
    return DagRunInfo(
        run_after=pendulum.instance(run_after), data_interval=_data_interval(due, date)
    )


def _data_interval(due: DueWindow, date: datetime | None = None) -> DataInterval:
    return DataInterval(
        pendulum.instance(date or due.window.start), pendulum.instance(due.window.end)
    )


class WindowTimetable(Timetable):
    """What both timetables share: how Airflow asks, and how they are stored."""

    is_active: bool

    @abstractmethod
    def serialize(self) -> dict[str, Any]:
        """Return what ``deserialize`` makes an equal timetable of."""

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> Self:
        """Return the timetable of that data, the same object for the same data."""
        timetable: Self = _cached(cls, json.dumps(data, sort_keys=True))
        return timetable

    def run_info_from_dag_run(  # type: ignore[override]  # Airflow hands it on unread
        self, *, dag_run: DagRun
    ) -> DagRunInfo | RunHistory:
        """Return the history of the run's DAG.

        Airflow gives the run with the latest date. It may be a backfill, or older than an edit of
        the row, so what ran by itself is read from Airflow's table.
        """
        session = object_session(dag_run)
        if session is None or not self.is_active:  # then no next run will be asked for
            return super().run_info_from_dag_run(dag_run=dag_run)
        return self.read_history(session, dag_run.dag_id)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next run; kept for callers that know no more than the last interval."""
        last = last_automated_data_interval
        info = DagRunInfo(run_after=last.end, data_interval=last) if last else None
        return self.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | RunHistory | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next run: of the schedule, or of a backfill where ``latest`` bounds it.

        :param last_dagrun_info: the history of the DAG, or a run that was only planned yet.
        """
        last = last_dagrun_info
        if restriction.latest is not None:
            last = last if isinstance(last, DagRunInfo) else None
            return self._next_backfilled_run(last, restriction.earliest, restriction.latest)
        if not self.is_active:
            return None
        if not isinstance(last, RunHistory):
            last = RunHistory(resume_from=self.resume_after(last))
        return self._next_scheduled_run(last)

    def _next_scheduled_run(self, history: RunHistory) -> DagRunInfo | None:
        for due in self.windows_to_schedule(history.resume_from):
            date = free_date(due.window, history.window_end_of)
            if date is not None:
                return _run_info(due, run_after=due.due_at, date=date)
        return None

    def _next_backfilled_run(
        self, last: DagRunInfo | None, earliest: datetime | None, latest: datetime
    ) -> DagRunInfo | None:
        if earliest is None:
            return None
        first, end = self.windows.typed_times.range(earliest, latest)
        if last is not None and last.data_interval is not None:
            first = last.data_interval.start + INSTANT
        due = self.windows.first_from(first)
        # Airflow leaves out what has not ended, after it has asked for all windows up to any year
        if due is None or due.window.start > end or due.window.end > utc_now():
            return None
        # Who asks for past dates means now, be the data settled or not
        return _run_info(due, run_after=due.window.end)

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """Return the window that the logical date names or, of those due by then, the latest."""
        run_after = pendulum.instance(bounded(run_after))
        for start in self.starts_named_by(run_after):
            named = self.windows.first_from(start)
            if named is not None and named.window.start == start:
                return _data_interval(named)
        return _data_interval(self.windows.latest(run_after))

    def generate_run_id(
        self,
        *,
        run_type: DagRunType,
        run_after: pendulum.DateTime,
        data_interval: DataInterval | None,
        **extra: Any,
    ) -> str:
        """Name a scheduled run by its window: an edited row may be due twice at one moment."""
        if data_interval is None or run_type.value != "scheduled":
            return super().generate_run_id(
                run_type=run_type, run_after=run_after, data_interval=data_interval, **extra
            )
        return run_type.generate_run_id(suffix=self.run_name(data_interval))

    def run_name(self, interval: DataInterval) -> str:
        """Return the part of a run id that names the window; no two dates give the same."""
        return interval.start.isoformat()

    @property
    @abstractmethod
    def windows(self) -> ScheduleWindows | CollectionWindows:
        """The rule that makes windows."""

    @abstractmethod
    def read_history(self, session: Session, dag_id: str) -> RunHistory:
        """Read what ran of a DAG from Airflow's database."""

    @abstractmethod
    def resume_after(self, planned: DagRunInfo | None) -> datetime:
        """Return ``resume_from`` of a history whose last run is one that was only planned yet."""

    @abstractmethod
    def windows_to_schedule(self, resume_from: datetime) -> Iterable[DueWindow]:
        """Yield the windows that may run by themselves next, the first of them first."""

    @abstractmethod
    def starts_named_by(self, logical_date: datetime) -> list[datetime]:
        """Return the starts of windows that a manual run's logical date may name."""


@lru_cache(maxsize=16384)
def _cached(cls: type[WindowTimetable], data: str) -> Any:
    return cls(**json.loads(data))
