"""Windows tile time: nothing is read twice, nothing is lost, whatever the calendar does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.row_limits import EARLIEST, LATEST
from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.typed_times import midnight
from recomamp.domain.scheduling.windows import CollectionWindows, ScheduleWindows, Window
from recomamp.errors import InvalidDefinition

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe"]
EXPRESSIONS = [
    "0 6 * * *",
    "30 2 * * MON",
    "0 0 1 * *",
    "0 * * * *",
    "15,45 1-4 * * *",
    "59 23 * * *",
]
crons = st.builds(Cron, st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
collections = st.builds(
    lambda start, days, zone, lag: CollectionWindows(
        start_date=start, end_date=start + timedelta(days=days), time_zone=zone, lag_days=lag
    ),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(0, 400),
    st.sampled_from(ZONES),
    st.integers(0, 30),
)


@given(crons, moments, st.integers(0, 30))
def test_consecutive_windows_of_a_schedule_tile_time(
    cron: Cron, moment: datetime, lag_days: int
) -> None:
    windows = ScheduleWindows(cron=cron, lag_days=lag_days)
    due = [windows.next(moment)]
    for _ in range(10):
        due.append(windows.next(due[-1].due_at))
    for earlier, later in pairwise(due):
        assert earlier.window.start < earlier.window.end == later.window.start
        assert earlier.due_at < later.due_at
        assert later.window.end <= later.due_at


@given(crons, moments, st.one_of(st.none(), st.integers(1, 60)), st.integers(0, 30))
def test_a_backfill_begins_with_the_first_window_that_starts_in_the_range(
    cron: Cron, moment: datetime, lookback_days: int | None, lag_days: int
) -> None:
    windows = ScheduleWindows(cron=cron, lookback_days=lookback_days, lag_days=lag_days)
    first = windows.first_from(moment)
    assert first is not None
    assert first.window.start >= moment
    assert windows.latest(first.due_at - timedelta(microseconds=1)).window.start < moment


@given(crons, moments)
def test_a_daily_window_is_whole_days_of_its_zone(cron: Cron, moment: datetime) -> None:
    due = ScheduleWindows(cron=cron).next(moment)
    if cron.is_at_most_daily:
        assert due.window.start == midnight(due.window.first_date, cron.time_zone)
        assert due.window.end == midnight(due.window.last_date + timedelta(1), cron.time_zone)


def test_lookback_reads_that_many_days_over_a_clock_change() -> None:
    cron = Cron("0 6 * * *", "Europe/Berlin")
    windows = ScheduleWindows(cron=cron, lag_days=1, lookback_days=7)
    window = windows.at(datetime(2026, 10, 28, 5, tzinfo=UTC)).window
    assert (window.first_date, window.last_date) == (date(2026, 10, 20), date(2026, 10, 26))
    assert window.end - window.start == timedelta(days=7, hours=1)


@given(collections)
def test_the_weeks_of_a_collection_tile_its_dates_exactly(weeks: CollectionWindows) -> None:
    due = list(weeks)
    assert len(due) == len(weeks)
    assert due[0].window.first_date == weeks.start_date
    assert due[-1].window.last_date == weeks.end_date
    for earlier, later in pairwise(due):
        assert earlier.window.end == later.window.start
        assert (earlier.window.last_date - earlier.window.first_date).days == 6
    assert all(week.due_at > week.window.start for week in due)


@given(collections, moments)
def test_weeks_are_found_by_moment(weeks: CollectionWindows, moment: datetime) -> None:
    starts = [week.window.start for week in weeks if week.window.start >= moment]
    found = weeks.first_from(moment)
    assert (found.window.start if found else None) == (starts[0] if starts else None)
    latest = weeks.latest(moment)
    assert latest.due_at <= moment or latest == weeks.week(0)


@given(collections)
def test_a_week_is_a_week_of_the_collection_and_nothing_else_is(weeks: CollectionWindows) -> None:
    for due in weeks:
        weeks.check(due.window)
        longer = replace(due.window, end=due.window.end + timedelta(days=7))
        later = replace(due.window, start=due.window.start + timedelta(hours=1))
        for window in (longer, later):
            with pytest.raises(InvalidDefinition, match=str(due.window.first_date)):
                weeks.check(window)


# Changes of the clocks are among the first and last days of these years
any_moments = st.datetimes(timezones=st.just(UTC)) | st.sampled_from(
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
        datetime(2000, 3, 26, 1, tzinfo=UTC),
        datetime(2099, 10, 25, 1, tzinfo=UTC),
    ]
)


@given(crons, any_moments, st.one_of(st.none(), st.integers(1, 400)), st.integers(0, 366))
def test_a_schedule_has_windows_in_any_year_that_people_may_type(
    cron: Cron, moment: datetime, lookback_days: int | None, lag_days: int
) -> None:
    windows = ScheduleWindows(cron=cron, lookback_days=lookback_days, lag_days=lag_days)
    near = min(max(moment, EARLIEST), LATEST)
    assert windows.latest(moment).due_at <= near < windows.next(moment).due_at
    first = windows.first_from(moment)
    if first is None:
        assert moment > LATEST
    else:
        assert max(moment, EARLIEST) <= first.window.start < first.window.end


@given(collections, any_moments)
def test_a_collection_finds_its_weeks_from_any_year(
    weeks: CollectionWindows, moment: datetime
) -> None:
    first, latest = weeks.first_from(moment), weeks.latest(moment)
    assert [first] == [week for week in weeks if week.window.start >= moment][:1] or first is None
    assert (first is None) == (moment > weeks.week(len(weeks) - 1).window.start)
    assert (latest == weeks.week(0)) == (len(weeks) == 1 or moment < weeks.week(1).due_at)


@pytest.mark.parametrize(
    ("start", "end", "time_zone", "key"),
    [
        ("2026-01-05 00:00", "2026-01-06 00:00", "UTC", "2026-01-05"),
        ("2026-01-05 00:00", "2026-01-12 00:00", "UTC", "2026-01-05/2026-01-12"),
        ("2026-03-28 23:00", "2026-03-29 22:00", "Europe/Berlin", "2026-03-29"),
        (
            "2026-01-05 00:00",
            "2026-01-06 00:00",
            "Europe/Berlin",
            "2026-01-05T00:00:00+00:00/2026-01-06T00:00:00+00:00",
        ),
        (
            "2026-01-05 07:00",
            "2026-01-05 08:00",
            "UTC",
            "2026-01-05T07:00:00+00:00/2026-01-05T08:00:00+00:00",
        ),
    ],
)
def test_a_window_is_named_by_its_days_or_its_times(
    start: str, end: str, time_zone: str, key: str
) -> None:
    first, last = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end))
    assert Window(start=first, end=last, time_zone=time_zone).key == key
