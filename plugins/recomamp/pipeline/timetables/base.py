"""How Airflow asks for runs, answered by windows. The base of both timetables."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from recomamp.domain.row_limits import bounded
from recomamp.domain.scheduling.windows import CollectionWindows, DueWindow, ScheduleWindows
from recomamp.pipeline.timetables.run_history import RunDates

if TYPE_CHECKING:
    from airflow.utils.types import DagRunType

INSTANT = timedelta(microseconds=1)


def utc_now() -> datetime:
    """Return the moment at which Airflow asks; it makes timetables without a clock."""
    return datetime.now(UTC)


class RunHistory(DagRunInfo):
    """Where the last run left off, and the runs that Airflow holds.

    ``run_after`` is the last scheduled tick, or the start of the first scheduled week.
    """

    taken: RunDates


def interval(due: DueWindow, shift: timedelta = timedelta(0)) -> DataInterval:
    start = pendulum.instance(due.window.start + shift)
    return DataInterval(start, pendulum.instance(due.window.end))


def find_free_date(due: DueWindow, taken: RunDates) -> timedelta | None:
    """Return how much later than its window a run's date has to be, None where the run exists.

    Airflow holds one run per date. Where the date belongs to a run over another window (the row
    was edited since), the next free microsecond is taken.
    """
    shift = timedelta(0)
    while (end := taken.get(due.window.start + shift)) is not None:
        if end == due.window.end:
            return None
        shift += INSTANT
    return shift


def _scheduled(due: DueWindow, shift: timedelta) -> DagRunInfo:
    return DagRunInfo(run_after=pendulum.instance(due.due_at), data_interval=interval(due, shift))


def _backfilled(due: DueWindow) -> DagRunInfo:
    # Who asks for past dates means now, be the data settled or not
    return DagRunInfo(run_after=pendulum.instance(due.window.end), data_interval=interval(due))


class WindowTimetable(Timetable):
    """What both timetables share: how Airflow asks, and how they are stored."""

    @abstractmethod
    def serialize(self) -> dict[str, Any]:
        """Return what ``deserialize`` makes an equal timetable of."""

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> Self:
        """Return the timetable of that data, the same object for the same data."""
        timetable: Self = _cached(cls, json.dumps(data, sort_keys=True))
        return timetable

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next run; kept for callers that know no more than the last interval."""
        last = last_automated_data_interval
        info = DagRunInfo(run_after=last.end, data_interval=last) if last else None
        return self.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next run: of the schedule, or of a backfill where ``latest`` bounds it."""
        if restriction.latest is None:
            taken = getattr(last_dagrun_info, "taken", {})
            due = self._next_scheduled(last_dagrun_info, taken) if self.is_active else None
            return _scheduled(due, find_free_date(due, taken) or timedelta(0)) if due else None
        if restriction.earliest is None:
            return None
        first, end = self.windows.typed_times.range(restriction.earliest, restriction.latest)
        last = last_dagrun_info.data_interval if last_dagrun_info else None
        due = self._first_from(last.start + INSTANT if last else first)
        # Airflow leaves out what has not ended, after it has asked for all windows up to any year
        is_in_range = due and due.window.start <= end and due.window.end <= utc_now()
        return _backfilled(due) if due and is_in_range else None

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """Return the window that the logical date names or, of those due by then, the latest."""
        run_after = pendulum.instance(bounded(run_after))
        for start in self._starts_named_by(run_after):
            named = self._first_from(start)
            if named is not None and named.window.start == start:
                return interval(named)
        return interval(self.latest_window(run_after))

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
        return run_type.generate_run_id(suffix=data_interval.start.isoformat())

    is_active: bool

    @property
    @abstractmethod
    def windows(self) -> ScheduleWindows | CollectionWindows:
        """The rule that makes windows."""

    @abstractmethod
    def latest_window(self, moment: datetime) -> DueWindow:
        """Return the latest window that is due at that time."""

    @abstractmethod
    def _next_scheduled(self, last: DagRunInfo | None, taken: RunDates) -> DueWindow | None: ...

    @abstractmethod
    def _first_from(self, earliest: datetime) -> DueWindow | None: ...

    @abstractmethod
    def _starts_named_by(self, logical_date: datetime) -> list[datetime]:
        """Return the starts of windows that a manual run's logical date may name."""


@lru_cache(maxsize=16384)
def _cached(cls: type[WindowTimetable], data: str) -> Any:
    return cls(**json.loads(data))
