"""Which days the figures of a campaign cover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# The columns hold the sums of these days, and all of them are read anew at each sync: so whatever
# Amazon restates within them is right the next day. A report covers 31 days at most.
PERIOD_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """Days of a profile's time zone, both ends included."""

    start: date
    end: date


def period(now: datetime, time_zone: str) -> Days:
    """Return the last full days before ``now``; in UTC where the zone is not known."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    return Days(start=yesterday - timedelta(days=PERIOD_DAYS - 1), end=yesterday)
