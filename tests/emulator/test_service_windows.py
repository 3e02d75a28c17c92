"""Relative time windows, resolved against the emulator's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_emulator.windows import DATA_DELAY, read_window, relative_window

RELATIVE = ["MOST_RECENT_DAY", "MOST_RECENT_WEEK", "CURRENT_MONTH", "PREVIOUS_MONTH", "ALL"]
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland"]


@pytest.mark.parametrize(
    ("kind", "zone", "start", "end"),
    [
        ("MOST_RECENT_DAY", "UTC", "2026-06-12T00:00", "2026-06-13T00:00"),
        ("MOST_RECENT_DAY", "America/Los_Angeles", "2026-06-11T07:00", "2026-06-12T07:00"),
        ("MOST_RECENT_WEEK", "UTC", "2026-06-06T00:00", "2026-06-13T00:00"),
        ("CURRENT_MONTH", "UTC", "2026-06-01T00:00", "2026-06-13T05:00"),
        ("PREVIOUS_MONTH", "Europe/Berlin", "2026-04-30T22:00", "2026-05-31T22:00"),
        ("ALL", "UTC", "2025-05-01T00:00", "2026-06-13T05:00"),
    ],
)
def test_relative_windows_end_where_data_is_certain(
    kind: str, zone: str, start: str, end: str
) -> None:
    now = datetime(2026, 6, 15, 5, 30, tzinfo=UTC)

    found = relative_window(kind, ZoneInfo(zone), now)

    assert found == tuple(datetime.fromisoformat(f"{one}+00:00") for one in (start, end))


@given(
    kind=st.sampled_from(RELATIVE),
    zone=st.sampled_from(ZONES),
    now=st.integers(0, 6 * 366 * 24 * 3600).map(lambda seconds: FIRST + timedelta(seconds=seconds)),
)
def test_relative_windows_start_at_a_local_midnight_and_never_reach_beyond_now(
    kind: str, zone: str, now: datetime
) -> None:
    window = read_window({"timeWindowType": kind, "timeWindowTimeZone": zone}, now)

    assert window.local(window.start).endswith("T00:00:00")
    assert window.start <= window.end <= now
    if kind != "PREVIOUS_MONTH":
        assert window.end <= now - DATA_DELAY or window.start == window.end


def test_explicit_ends_are_local_times_of_the_zone_over_a_clock_change() -> None:
    body = {
        "timeWindowType": "EXPLICIT",
        "timeWindowStart": "2026-03-29T00:00:00",
        "timeWindowEnd": "2026-03-30T00:00:00",
        "timeWindowTimeZone": "Europe/Berlin",
    }

    window = read_window(body, datetime(2026, 6, 1, tzinfo=UTC))

    assert window.end - window.start == timedelta(hours=23)
    assert window.local(window.start) == "2026-03-29T00:00:00"


def test_a_trailing_z_means_utc_whatever_the_zone() -> None:
    body = {
        "timeWindowType": "EXPLICIT",
        "timeWindowStart": "2026-05-04T00:00:00Z",
        "timeWindowEnd": "2026-05-05T00:00:00Z",
        "timeWindowTimeZone": "Asia/Kolkata",
    }

    window = read_window(body, datetime(2026, 6, 1, tzinfo=UTC))

    assert window.start == datetime(2026, 5, 4, tzinfo=UTC)
