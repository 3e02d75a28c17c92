"""Which window a task reads, and when two requests are the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from airflow.sdk import Context

from recomamp.domain.scheduling.windows import Window
from recomamp.errors import InvalidDefinition
from recomamp.provider.request import request_of, window_of
from recomamp.provider.timetables import cron_windows, week_windows

MONDAY = datetime(2026, 5, 4, tzinfo=UTC)


def window(start: Any = None, end: Any = None, zone: str = "UTC", **context: Any) -> str:
    return str(window_of(cast("Context", context), start, end, zone))


def test_by_default_the_data_interval_is_the_window() -> None:
    interval = {
        "data_interval_start": MONDAY + timedelta(microseconds=1),  # a timetable's free date
        "data_interval_end": MONDAY + timedelta(days=7),
    }
    read = window_of(cast("Context", interval), None, None, "UTC")
    assert (read.start, read.end) == (MONDAY, MONDAY + timedelta(days=7))


@pytest.mark.parametrize(
    ("start", "end", "zone", "expected"),
    [
        ("2026-05-04", "2026-05-11", "UTC", "[2026-05-04 00:00, 2026-05-11 00:00) UTC"),
        (
            "2026-05-04",
            "2026-05-05",
            "Europe/Berlin",
            "[2026-05-04 00:00, 2026-05-05 00:00) Europe/Berlin",
        ),
        (
            "2026-05-04T00:00:00+00:00",
            "2026-05-05T00:00:00+00:00",
            "Europe/Berlin",
            "[2026-05-04 02:00, 2026-05-05 02:00) Europe/Berlin",
        ),
        (MONDAY, MONDAY + timedelta(hours=1), "UTC", "[2026-05-04 00:00, 2026-05-04 01:00) UTC"),
    ],
)
def test_a_typed_day_belongs_to_the_zone_and_an_offset_is_kept(
    start: Any, end: Any, zone: str, expected: str
) -> None:
    assert window(start, end, zone) == expected


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (None, None, "no data interval"),
        ("2026-05-04", None, "both"),
        ("2026-05-04", "", "both"),
        ("2026-05-04", "2026-05-04", "empty"),
        ("2026-05-11", "2026-05-04", "empty"),
        ("soon", "2026-05-04", "'soon' is not an ISO day"),
        ("0206-05-04", "2026-05-04", "not between"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(start: Any, end: Any, said: str) -> None:
    with pytest.raises(InvalidDefinition, match=said):
        window(start, end)


def test_a_run_that_takes_no_time_is_refused_with_a_remedy() -> None:
    """Airflow's plain cron schedules give such runs."""
    with pytest.raises(InvalidDefinition, match=r"recomamp\.provider\.timetables"):
        window(data_interval_start=MONDAY, data_interval_end=MONDAY)


def test_requests_are_the_same_where_query_values_and_window_are() -> None:
    week = Window(start=MONDAY, end=MONDAY + timedelta(days=7), time_zone="UTC")
    day = Window(start=MONDAY, end=MONDAY + timedelta(days=1), time_zone="UTC")
    sql = "SELECT campaign FROM dsp_impressions WHERE impressions > {{least}}"

    def fingerprint(sql: str, least: int, window: Window) -> str:
        return request_of(sql, {"least": least}, window).fingerprint

    first = fingerprint(sql, 1, week)
    assert fingerprint(sql, 1, week) == first
    others = {
        fingerprint(sql, 2, week),
        fingerprint(sql, 1, day),
        fingerprint(sql.replace("campaign", "advertiser"), 1, week),
    }
    assert len(others | {first}) == 4


def test_a_cron_window_ends_two_days_before_its_tick() -> None:
    timetable = cron_windows("0 5 * * *", start=MONDAY, time_zone="Europe/Berlin")
    due = timetable.windows.next(MONDAY)
    assert str(due.window) == "[2026-05-01 00:00, 2026-05-02 00:00) Europe/Berlin"
    assert type(timetable).deserialize(timetable.serialize()).serialize() == timetable.serialize()


def test_week_windows_cover_the_range() -> None:
    weeks = [one.window for one in week_windows(date(2026, 5, 4), date(2026, 5, 14)).windows]
    assert [(one.first_date.day, one.last_date.day) for one in weeks] == [(4, 10), (11, 14)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cron_windows("0 5 * *", start=MONDAY), "0 5"),
        (lambda: cron_windows("@daily", start=MONDAY, time_zone="Mars/Base"), "Mars"),
        (lambda: cron_windows("@daily", start=MONDAY.replace(tzinfo=None)), "offset"),
        (lambda: week_windows(date(2026, 5, 4), date(2026, 5, 3)), "empty"),
        (lambda: week_windows(date(2026, 5, 4), date(2026, 5, 5), time_zone="Mars"), "Mars"),
    ],
)
def test_a_wrong_timetable_is_refused_where_the_dag_is_written(make: Any, said: str) -> None:
    with pytest.raises(InvalidDefinition, match=said):
        make()
