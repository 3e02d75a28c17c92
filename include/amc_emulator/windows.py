"""Time windows of executions: AMC's formats, zones and relative types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from amc_emulator.responses import RequestRejected

WINDOW_TYPES = frozenset(
    ("EXPLICIT", "MOST_RECENT_DAY", "MOST_RECENT_WEEK", "CURRENT_MONTH", "PREVIOUS_MONTH", "ALL")
)
DATA_DELAY = timedelta(hours=48)
HISTORY_MONTHS = 13
_FORMAT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The time range of a query, `[start, end)`. `zone` is the caller's."""

    kind: str
    start: datetime
    end: datetime
    zone: str

    def local(self, moment: datetime) -> str:
        """Write one of the ends in the caller's zone, without offset."""
        return moment.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%dT%H:%M:%S")


def read_time_zone(name: object, *, field: str) -> ZoneInfo:
    """Return a zone of the tz database.

    :raises RequestRejected: there is no such zone.
    """
    if not isinstance(name, str) or name not in available_timezones():
        raise RequestRejected(400, f"Invalid {field}: '{name}' is not a known time zone.")
    return ZoneInfo(name)


def read_time(text: object, zone: ZoneInfo, *, field: str) -> datetime:
    """Return a moment from `yyyy-MM-dd'T'HH:mm:ss` in a zone. A trailing `Z` means UTC.

    :raises RequestRejected: another format, also a date alone.
    """
    if isinstance(text, str) and _FORMAT.fullmatch(text):
        try:
            local = datetime.fromisoformat(text)
        except ValueError as err:
            raise RequestRejected(400, f"Invalid {field}: '{text}' is not a date.") from err
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    raise RequestRejected(
        400, f"Invalid {field}: '{text}' does not match the format yyyy-MM-dd'T'HH:mm:ss."
    )


def read_window(body: dict[str, Any], now: datetime) -> Window:
    """Return the window a creation request asks for.

    :raises RequestRejected: anything in it that AMC refuses.
    """
    kind = body.get("timeWindowType") or "MOST_RECENT_DAY"
    if kind not in WINDOW_TYPES:
        raise RequestRejected(400, f"Invalid timeWindowType: '{kind}'.")
    zone = read_time_zone(body.get("timeWindowTimeZone") or "UTC", field="timeWindowTimeZone")
    ends = (body.get("timeWindowStart"), body.get("timeWindowEnd"))
    if kind == "EXPLICIT":
        start, end = _explicit_window(ends, zone)
    elif any(ends):
        raise RequestRejected(
            400,
            "timeWindowStart and timeWindowEnd may only be provided"
            " when timeWindowType is EXPLICIT.",
        )
    else:
        start, end = relative_window(kind, zone, now)
    return Window(kind=kind, start=start, end=end, zone=str(zone))


def _explicit_window(ends: tuple[Any, Any], zone: ZoneInfo) -> tuple[datetime, datetime]:
    if not all(ends):
        raise RequestRejected(
            400,
            "Both timeWindowStart and timeWindowEnd must be provided"
            " when timeWindowType is EXPLICIT.",
        )
    start = read_time(ends[0], zone, field="timeWindowStart")
    end = read_time(ends[1], zone, field="timeWindowEnd")
    if start >= end:
        raise RequestRejected(400, "timeWindowStart must be before timeWindowEnd.")
    return start, end


def relative_window(kind: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """Return the ends of a relative window, at boundaries of the zone's days and months."""
    available = now - DATA_DELAY
    today = available.astimezone(zone).date()
    if kind == "MOST_RECENT_DAY":
        return _midnight(today - timedelta(days=1), zone), _midnight(today, zone)
    if kind == "MOST_RECENT_WEEK":
        return _midnight(today - timedelta(days=7), zone), _midnight(today, zone)
    if kind == "PREVIOUS_MONTH":
        this_month = now.astimezone(zone).date().replace(day=1)
        return _midnight(_months_before(this_month, 1), zone), _midnight(this_month, zone)
    latest_hour = available.replace(minute=0, second=0, microsecond=0)
    if kind == "CURRENT_MONTH":
        start = _midnight(today.replace(day=1), zone)
        return start, max(latest_hour, start)
    return _midnight(_months_before(today.replace(day=1), HISTORY_MONTHS), zone), latest_hour


def _months_before(first: date, months: int) -> date:
    count = first.year * 12 + first.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
