"""Which data a run reads, and when the run is due. Rules of calendars, not of the clock.

A schedule's run at tick *t* reads ``[previous tick - lag, t - lag)``. With ``lookback_days`` the
window starts that many days before its end. Where the cron fires at most once a day both ends are
cut to midnight of the schedule's zone. That is the midnight of the tick's own date, where the
clocks move the tick into the next one too. A collection's run *i* reads the seven days from
``start_date + 7 i``, the last one clipped after ``end_date``. Without ``lookback_days``
consecutive windows tile time without gap or overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

from recomamp.domain.row_limits import LATEST, bounded
from recomamp.domain.scheduling.cron import Cron, load_zone
from recomamp.domain.scheduling.typed_times import TypedTimes, midnight
from recomamp.errors import InvalidDefinition

DEFAULT_SCHEDULE_LAG_DAYS = 2  # AMC promises its data within 48 hours
DEFAULT_COLLECTION_LAG_DAYS = 14  # conversions are attributed for up to 14 days
DAYS_PER_WEEK = 7

# How far back ticks that were missed are run: AMC keeps 13 months of data
MAX_CATCHUP = timedelta(days=400)
MAX_MISSED_TICKS = 2_000

_INSTANT = timedelta(microseconds=1)


class WindowType(StrEnum):
    """How a request names the window: by its ends, or by one of AMC's relative words.

    AMC itself chooses the dates of a relative word. The row then shows the interval of the tick.
    """

    EXPLICIT = "EXPLICIT"
    MOST_RECENT_DAY = "MOST_RECENT_DAY"
    MOST_RECENT_WEEK = "MOST_RECENT_WEEK"
    CURRENT_MONTH = "CURRENT_MONTH"
    PREVIOUS_MONTH = "PREVIOUS_MONTH"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Half-open interval ``[start, end)`` of data, aware UTC, meant in ``time_zone``."""

    start: datetime
    end: datetime
    time_zone: str
    type: WindowType = WindowType.EXPLICIT

    @property
    def first_date(self) -> date:
        """First calendar day that the window touches, in its own zone."""
        return self.start.astimezone(load_zone(self.time_zone)).date()

    @property
    def last_date(self) -> date:
        """Last calendar day that the window touches, in its own zone."""
        last = self.end - _INSTANT
        return last.astimezone(load_zone(self.time_zone)).date()

    @property
    def is_whole_days(self) -> bool:
        """Whether it begins and ends at midnight of its own zone."""
        after = self.last_date + timedelta(days=1)
        return (self.start, self.end) == (
            midnight(self.first_date, self.time_zone),
            midnight(after, self.time_zone),
        )

    @property
    def key(self) -> str:
        """Name the window by its days, ``2026-01-05`` or ``2026-01-05/2026-01-12``, end excluded.

        Where it is no whole days: by its times in UTC, likewise.
        """
        if not self.is_whole_days:
            return (
                f"{self.start.astimezone(UTC).isoformat()}/{self.end.astimezone(UTC).isoformat()}"
            )
        if self.first_date == self.last_date:
            return self.first_date.isoformat()
        return f"{self.first_date}/{self.last_date + timedelta(days=1)}"

    def __str__(self) -> str:
        """Write both ends in the window's zone: `[2026-01-05 00:00, 2026-01-12 00:00) UTC`."""
        zone = load_zone(self.time_zone)
        ends = (f"{end.astimezone(zone):%Y-%m-%d %H:%M}" for end in (self.start, self.end))
        return f"[{', '.join(ends)}) {self.time_zone}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DueWindow:
    """A window, and the time from which a run may read it."""

    due_at: datetime
    window: Window


@dataclass(frozen=True, kw_only=True)
class ScheduleWindows:
    """The windows of a schedule, one per tick of its cron expression."""

    cron: Cron
    lag_days: int = DEFAULT_SCHEDULE_LAG_DAYS
    lookback_days: int | None = None
    type: WindowType = WindowType.EXPLICIT

    @property
    def time_zone(self) -> str:
        """Zone of the ticks and of the windows."""
        return self.cron.time_zone

    @property
    def typed_times(self) -> TypedTimes:
        """The rule for days and times that people type."""
        return TypedTimes(time_zone=self.time_zone, is_whole_days=self.cron.is_at_most_daily)

    @cached_property
    def catchup_reach(self) -> timedelta:
        """How far back missed ticks are run: 400 days, or 2,000 ticks where those are less."""
        return min(MAX_CATCHUP, MAX_MISSED_TICKS * self.cron.shortest_interval)

    def at(self, tick: datetime) -> DueWindow:
        """Return the window of the run that is due at this tick."""
        return self._window(tick, None)

    def _window(self, tick: datetime, previous_tick: datetime | None) -> DueWindow:
        """Return the window of a tick; the tick before it takes a while where it is not known."""
        end = self._lagged(tick)
        if self.lookback_days is None:
            start = self._lagged(previous_tick or self.cron.last_tick(tick - _INSTANT))
        else:
            start = self._days_before(end, self.lookback_days)
        window = Window(start=start, end=end, time_zone=self.cron.time_zone, type=self.type)
        return DueWindow(due_at=tick, window=window)

    def next(self, after: datetime) -> DueWindow:
        """Return the first run that is due later than that time, or than 2000 or 2100."""
        return self._next(bounded(after))

    def latest(self, until: datetime) -> DueWindow:
        """Return the latest run due at that time or before, or at 2000 or 2100 beyond them."""
        return self.at(self.cron.last_tick(bounded(until)))

    def first_from(self, earliest: datetime) -> DueWindow | None:
        """Return the first run whose window starts at that time or later, None after 2100."""
        if earliest > LATEST:
            return None
        earliest = bounded(earliest)
        reach = timedelta(days=self.lag_days + (self.lookback_days or 0))
        # No tick before this one can do; a daily window is cut to midnights, hence the slack.
        slack = timedelta(days=3) if self.cron.is_at_most_daily else _INSTANT
        due = self._next(earliest + reach - slack)  # its tick may be later than 2100
        while due.window.start < earliest:
            due = self._after(due)
        return due

    def following(self, due: DueWindow) -> DueWindow | None:
        """Return the run after that one, None after 2100."""
        return None if due.due_at > LATEST else self._after(due)

    def check(self, window: Window) -> None:
        """Accept any window: a run that somebody starts may read any days."""

    def _next(self, after: datetime) -> DueWindow:
        return self.at(self.cron.next_tick(after))

    def _after(self, due: DueWindow) -> DueWindow:
        return self._window(self.cron.next_tick(due.due_at), due.due_at)

    def _lagged(self, tick: datetime) -> datetime:
        if self.cron.is_at_most_daily:
            tick = midnight(self.cron.date_of(tick), self.cron.time_zone)
        return self._days_before(tick, self.lag_days)

    def _days_before(self, moment: datetime, days: int) -> datetime:
        if not self.cron.is_at_most_daily:
            return moment - timedelta(days=days)
        day = moment.astimezone(self.cron.zone).date() - timedelta(days=days)
        return midnight(day, self.cron.time_zone)


@dataclass(frozen=True, kw_only=True)
class CollectionWindows:
    """The weeks of a collection; both dates are inclusive."""

    start_date: date
    end_date: date
    time_zone: str = "UTC"
    lag_days: int = DEFAULT_COLLECTION_LAG_DAYS

    type: ClassVar[WindowType] = WindowType.EXPLICIT

    @property
    def typed_times(self) -> TypedTimes:
        """The rule for days and times that people type."""
        return TypedTimes(time_zone=self.time_zone, is_whole_days=True)

    def __len__(self) -> int:
        """Count the weeks, a clipped last one included."""
        return -(-((self.end_date - self.start_date).days + 1) // DAYS_PER_WEEK)

    def __iter__(self) -> Iterator[DueWindow]:
        """Yield every week in order."""
        return map(self.week, range(len(self)))

    def week(self, index: int) -> DueWindow:
        """Return the week of that index, counted from 0."""
        first = self.start_date + timedelta(days=DAYS_PER_WEEK * index)
        after = min(first + timedelta(days=DAYS_PER_WEEK), self.end_date + timedelta(days=1))
        window = Window(
            start=midnight(first, self.time_zone),
            end=midnight(after, self.time_zone),
            time_zone=self.time_zone,
        )
        due_at = midnight(after + timedelta(days=self.lag_days), self.time_zone)
        return DueWindow(due_at=due_at, window=window)

    def number_of(self, window: Window) -> int:
        """Return the number of the week in which a window starts, counted from 1."""
        return (window.first_date - self.start_date).days // DAYS_PER_WEEK + 1

    def first_from(self, earliest: datetime) -> DueWindow | None:
        """Return the first week that starts at that time or later, None after the last."""
        if earliest > LATEST:
            return None
        earliest = bounded(earliest)
        days = (earliest.astimezone(load_zone(self.time_zone)).date() - self.start_date).days
        for index in range(max(0, days // DAYS_PER_WEEK), len(self)):
            due = self.week(index)
            if due.window.start >= earliest:
                return due
        return None

    def following(self, due: DueWindow) -> DueWindow | None:
        """Return the week after that one, None after the last."""
        return self.first_from(due.window.start + _INSTANT)

    def check(self, window: Window) -> None:
        """Refuse a window that is not a week of the collection.

        :raises InvalidDefinition: with the week that is nearest to the start of the window.
        """
        days = (window.first_date - self.start_date).days
        near = self.week(min(max(0, days // DAYS_PER_WEEK), len(self) - 1)).window
        if (near.start, near.end) == (window.start, window.end):
            return
        raise InvalidDefinition(
            f"{window} is not a week of the collection, whose {len(self)} weeks run from "
            f"{self.start_date} to {self.end_date}. The nearest is window_start {near.first_date}, "
            f"window_end {near.last_date + timedelta(days=1)}; a backfill runs several",
            column="params",
        )

    def latest(self, until: datetime) -> DueWindow:
        """Return the last week that is due at that time, the first week before any is."""
        due = [week for week in self if week.due_at <= until]
        return due[-1] if due else self.week(0)
