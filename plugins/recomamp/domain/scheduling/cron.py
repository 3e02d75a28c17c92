"""Ticks of a cron expression in a time zone, over daylight-saving changes too.

Five fields: lists, ranges, steps, names of months and weekdays, the usual ``@`` aliases. Sunday is
0 and 7, and ends a range as 7 (FRI-SUN). Where both day fields are restricted, either is enough; a
field that begins with ``*``, such as ``*/2``, is not restricted in this sense.

Where the expression fires at most once a day (hour and minute have one value each, as ``0 5``,
``0 5-5`` and ``0 */24`` have) a tick is a wall time: one that does not exist moves forward by the
gap, one that exists twice is its first occurrence. Otherwise every real minute whose wall time
matches is a tick. ``cron_next()`` in the database follows the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from recomamp.domain.row_limits import MAX_CRON_CHARS
from recomamp.errors import InvalidDefinition

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_VALUE = "[0-9]{1,4}|[A-Za-z]{3}"
_ITEM = re.compile(
    rf"(?:\*|(?P<first>{_VALUE})(?:-(?P<last>{_VALUE}))?)(?:/(?P<step>[0-9]{{1,4}}))?"
)
_SPACE = " \t\n\r"
_MICROSECOND = timedelta(microseconds=1)
_WEEK = timedelta(days=7)
_LONGEST_SEARCH = timedelta(days=41 * 366)  # The rarest date, a 29 February on a Sunday: 40 years
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """Read one number or name of this field."""
        if text.upper() in self.words:
            return self.words.index(text.upper()) + self.low
        if text.isascii() and text.isdigit() and self.low <= int(text) <= self.high:
            return int(text)
        raise InvalidDefinition(
            f"{text!r} is not a valid {self.name} ({self.low} to {self.high}"
            + (f", {self.words[0]} to {self.words[-1]})" if self.words else ")")
        )

    def normalize(self, text: str) -> str:
        """Return a list of values, ranges and steps; refuse what is none of this field."""
        first, *others = map(self._normalize_item, text.split(","))
        if first[0] != "*":
            # croniter 7.0 reads a list with * anywhere as one that begins with it
            highest = len(self.words) - 1 if self.words is _WEEKDAYS else self.high
            others = [item.replace("*", f"{self.low}-{highest}") for item in others]
        return ",".join((first, *others))

    def _normalize_item(self, item: str) -> str:
        match = _ITEM.fullmatch(item)
        if match is None:
            raise InvalidDefinition(f"{item!r} is not a valid {self.name} of a cron expression")
        first, last, step = match.group("first", "last", "step")
        if step is not None and (int(step) < 1 or (first is not None and last is None)):
            raise InvalidDefinition(f"{item!r}: a step needs a range or *, and is at least 1")
        if first is None:
            return item
        low, high = self.number(first), self.number(last or first)
        if self.words is _WEEKDAYS and high == 0 < low:
            high = 7  # FRI-SUN: Sunday ends the week too
        if low > high:
            raise InvalidDefinition(
                f"{item!r}: a range goes upwards; write two ranges separated by a comma"
            )
        # croniter 7.0 reads a range of one value, such as 5-5, as the whole field
        if low == high:
            return str(low)
        return f"{low}-{high}" + (f"/{step}" if step else "")


_FIELDS = (
    _Field(name="minute", low=0, high=59),
    _Field(name="hour", low=0, high=23),
    _Field(name="day of month", low=1, high=31),
    _Field(name="month", low=1, high=12, words=_MONTHS),
    _Field(name="day of week", low=0, high=7, words=_WEEKDAYS),
)


@lru_cache(maxsize=8192)
def normalize_expression(expression: str) -> str:
    """Return the five fields of a cron expression, aliases resolved.

    :raises InvalidDefinition: when it is not one, naming the field at fault.
    """
    if len(expression) > MAX_CRON_CHARS:
        raise InvalidDefinition(f"has more than {MAX_CRON_CHARS} characters; write a shorter one")
    text = " ".join(re.split(f"[{_SPACE}]+", expression.strip(_SPACE)))
    fields = _ALIASES.get(text.lower(), text).split(" ")
    if len(fields) != len(_FIELDS):
        raise InvalidDefinition(
            f"{expression!r} is not a cron expression: five fields "
            "(minute hour day-of-month month day-of-week) or an alias such as @daily"
        )
    normal = " ".join(field.normalize(value) for field, value in zip(_FIELDS, fields, strict=True))
    try:
        _ticker(normal, datetime(2024, 1, 1)).get_next(datetime)  # noqa: DTZ001 (wall time)
    except ValueError as err:  # croniter's own errors derive from it
        raise InvalidDefinition(f"{expression!r} never fires") from err
    return normal


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name.

    :raises InvalidDefinition: when there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise InvalidDefinition(
            f"{name!r} is not an IANA time zone; write one such as 'Europe/Berlin' or 'UTC'"
        ) from err


def _plain(instant: datetime) -> datetime:
    """Return the instant as a datetime of the standard library, in UTC.

    Airflow calls timetables with pendulum's, which loses such a zone when a timedelta is added.
    """
    return datetime.fromtimestamp(instant.timestamp(), tz=UTC)


def _naive(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)


def _ticker(expression: str, start: datetime) -> croniter:
    # implement_cron_bug: where one day field starts with * the other alone decides, as in cron
    return croniter(expression, start, implement_cron_bug=True)


def _wall_times(expression: str, start: datetime, *, forward: bool) -> Iterator[datetime]:
    ticker = _ticker(expression, start)
    while True:
        yield ticker.get_next(datetime) if forward else ticker.get_prev(datetime)


@lru_cache(maxsize=256)  # up to 1,440 times each
def _times_of_day(minute_and_hour: str) -> tuple[time, ...]:
    """Return the different wall times of two normalized fields, in order."""
    minutes, hours = croniter.expand(f"{minute_and_hour} * * *")[0][:2]
    every_minute = range(60) if "*" in minutes else {int(minute) for minute in minutes}
    every_hour = range(24) if "*" in hours else {int(hour) for hour in hours}
    return tuple(sorted(time(hour, minute) for hour in every_hour for minute in every_minute))


@lru_cache(maxsize=8192)
def _require_tick(cron: Cron) -> None:
    cron.next_tick(_ANY_MOMENT)


@dataclass(frozen=True)
class Cron:
    """A cron expression in a time zone. Ticks are aware UTC datetimes."""

    expression: str
    time_zone: str

    @cached_property
    def fields(self) -> str:
        """Five normalized fields; raises InvalidDefinition for a bad expression."""
        return normalize_expression(self.expression)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone; raises InvalidDefinition for an unknown one."""
        return load_zone(self.time_zone)

    @cached_property
    def is_at_most_daily(self) -> bool:
        """Whether hour and minute have one value each, so that no date has two ticks."""
        return len(self._times_of_day) == 1

    @property
    def _times_of_day(self) -> tuple[time, ...]:
        return _times_of_day(" ".join(self.fields.split(" ")[:2]))

    @cached_property
    def shortest_interval(self) -> timedelta:
        """Shortest time between two ticks, as if every day matched and no clock changed."""
        ticks = [60 * one.hour + one.minute for one in self._times_of_day]
        gaps = [later - earlier for earlier, later in pairwise([*ticks, ticks[0] + 24 * 60])]
        return timedelta(minutes=min(gaps))

    def date_of(self, tick: datetime) -> date:
        """Return the local date whose tick it is.

        Where the clocks skip the last hour of a date, its tick moves over midnight.
        """
        wall = self._wall(tick)
        is_moved = self.is_at_most_daily and wall.time() < self._times_of_day[0]
        return wall.date() - timedelta(days=is_moved)

    def require_tick(self) -> None:
        """Accept an expression that ticks in its zone.

        :raises InvalidDefinition: when the expression or the zone is bad, or when the clocks of the
            zone skip its times whenever its date comes.
        """
        if not self.is_at_most_daily:  # else a skipped tick moves forward
            _require_tick(self)

    def next_tick(self, after: datetime) -> datetime:
        """Return the first tick later than that instant.

        :raises InvalidDefinition: when no tick comes within 41 years.
        """
        if self.is_at_most_daily:
            start = self._wall(after) - timedelta(days=2)
            ticks = map(self._instant, _wall_times(self.fields, start, forward=True))
            return next(tick for tick in ticks if tick > after)
        instant, offset = _plain(after), self._offset(after)
        latest = instant + _LONGEST_SEARCH
        while instant < latest:  # one UTC offset after the other: in it, wall time is arithmetic
            wall = next(_wall_times(self.fields, _naive(instant + offset), forward=True))
            tick = wall.replace(tzinfo=UTC) - offset
            if self._keeps_offset(instant, tick, offset, _WEEK):
                return tick
            change = self._first_change(instant, offset, _WEEK)
            instant, offset = change - _MICROSECOND, self._offset(change)
        raise self._no_tick()

    def last_tick(self, until: datetime) -> datetime:
        """Return the latest tick not later than that instant.

        :raises InvalidDefinition: when no tick came within 41 years.
        """
        if self.is_at_most_daily:
            start = self._wall(until) + timedelta(days=2)
            ticks = map(self._instant, _wall_times(self.fields, start, forward=False))
            return next(tick for tick in ticks if tick <= until)
        instant, offset = _plain(until) + _MICROSECOND, self._offset(until)
        earliest = instant - _LONGEST_SEARCH
        while instant > earliest:
            wall = next(_wall_times(self.fields, _naive(instant + offset), forward=False))
            tick = wall.replace(tzinfo=UTC) - offset
            if self._keeps_offset(instant, tick, offset, -_WEEK):
                return tick
            before = self._first_change(instant - _MICROSECOND, offset, -_WEEK)
            instant, offset = before + _MICROSECOND, self._offset(before)
        raise self._no_tick()

    def _no_tick(self) -> InvalidDefinition:
        return InvalidDefinition(
            f"{self.expression!r} has no tick in {self.time_zone} within 41 years: "
            "the clocks skip its times"
        )

    def _offset(self, instant: datetime) -> timedelta:
        offset = instant.astimezone(self.zone).utcoffset()
        return offset or timedelta(0)

    def _wall(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def _instant(self, wall: datetime) -> datetime:
        return wall.replace(tzinfo=self.zone, fold=0).astimezone(UTC)

    def _keeps_offset(
        self, start: datetime, end: datetime, offset: timedelta, stride: timedelta
    ) -> bool:
        """Return whether an offset holds until the end; it may change and change back between."""
        strides = int((end - start).total_seconds() / stride.total_seconds())
        between = (start + stride * number for number in range(1, strides + 1))
        return self._offset(end) == offset and all(self._offset(one) == offset for one in between)

    def _first_change(self, start: datetime, offset: timedelta, stride: timedelta) -> datetime:
        """Walk from an instant that has this offset to the nearest one that has another."""
        inside, outside = start, start + stride
        while self._offset(outside) == offset:
            inside, outside = outside, outside + stride
        while abs(outside - inside) > _MICROSECOND:
            middle = inside + (outside - inside) / 2
            if self._offset(middle) == offset:
                inside = middle
            else:
                outside = middle
        return outside
