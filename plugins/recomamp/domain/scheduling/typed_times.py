"""What a typed day or time means: one rule for trigger forms, REST, the CLI and backfills.

1. A day, or a time without an offset, belongs to the row's zone.
2. A time with an offset is that instant.
3. Two times in UTC are days if they are edges of days in one zone. Airflow has no field for a day.
   Its CLI reads a date as 00:00 UTC. Its date picker sends the first minute of the day in the zone
   that the UI shows, as UTC. For the end of a backfill it sends the last minute. The rule turns
   such a pair into the days that a person picked, and these days belong to the row's zone.

A zone is read off the time of day in UTC, so the rule knows offsets from -10:00 to +13:45. The
row's own zone is tried first. A day that is picked in a zone beyond these (-11:00, -12:00, +14:00)
is read as the day next to it. The row's own zone is an exception.

In rows with several windows a day a time means a time. There a pair is days only where it ends in
the last minute of a day, or consists of 00:00 UTC twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from recomamp.domain.row_limits import FIRST_DATE, LAST_DATE
from recomamp.domain.scheduling.cron import load_zone

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)
_QUARTER_MINUTES = 15  # zones differ from UTC by multiples of it
_WESTERNMOST = timedelta(hours=10)
_MAX_CLOCK_CHANGE = timedelta(hours=2)  # of Antarctica/Troll


def midnight(day: date, time_zone: str) -> datetime:
    """Return the first instant of that day in that zone, in UTC."""
    return datetime.combine(day, time(), tzinfo=load_zone(time_zone)).astimezone(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class TypedTimes:
    """The rule for one row.

    :param time_zone: IANA zone of the row.
    :param is_whole_days: whether all windows of the row begin and end at midnight of its zone.
    """

    time_zone: str
    is_whole_days: bool

    def window(self, start: str, end: str) -> tuple[datetime, datetime]:
        """Return the ends of the half-open window that two ISO texts name, in UTC.

        :raises ValueError: when a text is not an ISO date or time between 2000 and 2100.
        """
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        if (first, last) != (_in_bounds(first), _in_bounds(last)):
            raise ValueError(f"not between {FIRST_DATE} and {LAST_DATE}")
        if not (_is_utc(first) and _is_utc(last)):
            return self._instant(first), self._instant(last)
        if days := self._picked(first, last, is_clock_change_known=True):
            return self._midnight(days[0].next_day), self._midnight(days[1].next_day)
        return _utc(first), _utc(last)

    def range(self, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        """Return the first and the last instant of a backfill's range, in UTC, both included.

        The day that was picked as its last is in the range as a whole. Of a range beyond the years
        that people may name that part is returned which is in them.
        """
        first, last = _in_bounds(first), _in_bounds(last)
        if not (_is_utc(first) and _is_utc(last)):
            end_of_last = self._last_instant(last.date()) if _is_utc_midnight(last) else _utc(last)
            return self._instant(first), end_of_last
        if days := self._picked(first, last, is_clock_change_known=not self.is_whole_days):
            return self._midnight(days[0].day), self._last_instant(days[1].day)
        if self.is_whole_days:  # days are all that such a row knows
            return self._midnight(self._day_of(first)), self._last_instant(self._day_of(last))
        return _utc(first), _utc(last)

    def named_day(self, instant: datetime) -> date | None:
        """Return the day that begins at that instant in some zone, None where none does."""
        edge = _edge(instant, self.time_zone)
        return edge.day if edge and not edge.is_end else None

    def _picked(
        self, first: datetime, last: datetime, *, is_clock_change_known: bool
    ) -> tuple[_Edge, _Edge] | None:
        """Return the edges of days that a pair in UTC means, None where it means times.

        :param is_clock_change_known: whether offsets may differ only as they do in some zone. The
            date picker takes the offset of another hour where browser and UI differ in zone.
        """
        start, end = _edge(first, self.time_zone), _edge(last, self.time_zone)
        if start is None or start.is_end or end is None or start.day > end.day:
            return None
        if not (self.is_whole_days or end.is_end or _is_utc_midnight(first, last)):
            return None
        if is_clock_change_known:
            is_one_zone = _is_one_zone(start, end)
        else:
            is_one_zone = abs(start.offset - end.offset) <= _MAX_CLOCK_CHANGE
        return (start, end) if is_one_zone else None

    def _day_of(self, bound: datetime) -> date:
        """Return the day of a bound that has no partner in its zone: the row's day, or UTC's."""
        edge = _edge(bound, self.time_zone)
        is_own = edge is not None and edge.is_in(load_zone(self.time_zone))
        return edge.day if edge and is_own else _utc(bound).date()

    def _instant(self, typed: datetime) -> datetime:
        """Return what a value means by itself."""
        if typed.tzinfo is None:
            return _utc(typed.replace(tzinfo=load_zone(self.time_zone)))
        return self._midnight(typed.date()) if _is_utc_midnight(typed) else _utc(typed)

    def _midnight(self, day: date) -> datetime:
        return midnight(day, self.time_zone)

    def _last_instant(self, day: date) -> datetime:
        return self._midnight(day + _DAY) - _INSTANT


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edge:
    """The beginning or the end of a day in a zone of that offset from UTC."""

    midnight: datetime
    next_day: date  # that begins at the midnight
    offset: timedelta
    is_end: bool

    @property
    def day(self) -> date:
        """The day whose beginning or end it is."""
        return self.next_day - _DAY if self.is_end else self.next_day

    def is_in(self, zone: ZoneInfo) -> bool:
        """Return whether the zone has this offset then, or had until then."""
        at = self.midnight
        return self.offset in {one.astimezone(zone).utcoffset() for one in (at, at - _INSTANT)}


def _edge(instant: datetime, own_zone: str) -> _Edge | None:
    """Return which day begins or ends at that instant; None where no zone has midnight there."""
    at = _utc(instant)
    is_end = at.minute % _QUARTER_MINUTES == _QUARTER_MINUTES - 1
    if is_end:
        at = at.replace(second=0, microsecond=0) + _MINUTE
    if at.minute % _QUARTER_MINUTES or at.second or at.microsecond:
        return None
    local = at.astimezone(load_zone(own_zone))
    offset = local.utcoffset() or timedelta(0)
    if local.time() != time():
        since_midnight = timedelta(hours=at.hour, minutes=at.minute)
        offset = (_DAY if since_midnight > _WESTERNMOST else timedelta(0)) - since_midnight
    return _Edge(midnight=at, next_day=(at + offset).date(), offset=offset, is_end=is_end)


def _is_one_zone(start: _Edge, end: _Edge) -> bool:
    """Return whether a zone has both edges; they differ in offset where it changes its clocks."""
    return start.offset == end.offset or any(
        start.is_in(zone) and end.is_in(zone) for zone in _zones()
    )


@lru_cache(maxsize=1)
def _zones() -> tuple[ZoneInfo, ...]:
    return tuple(map(load_zone, sorted(available_timezones())))


def _in_bounds(typed: datetime) -> datetime:
    """Return it on the nearest date that people may name.

    The time of day stays, for it tells a zone.
    """
    day = min(max(typed.date(), FIRST_DATE), LAST_DATE)
    return typed.replace(year=day.year, month=day.month, day=day.day)


def _utc(instant: datetime) -> datetime:
    return datetime.fromtimestamp(instant.timestamp(), tz=UTC)


def _is_utc(typed: datetime) -> bool:
    return typed.utcoffset() == timedelta(0)


def _is_utc_midnight(*typed: datetime) -> bool:
    return all(_is_utc(one) and one.time() == time() for one in typed)
