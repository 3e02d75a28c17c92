"""Windows tile time: nothing is read twice, nothing is lost, whatever the calendar does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.row_limits import EARLIEST, LATEST
from recomamp.domain.scheduling.cron import Cron, load_zone
from recomamp.domain.scheduling.typed_times import midnight
from recomamp.domain.scheduling.windows import (
    CollectionWindows,
    ScheduleWindows,
    Window,
    WindowType,
)
from recomamp.errors import InvalidDefinition

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe"]
EXPRESSIONS = [
    "0 6 * * *",
    "30 2 * * MON",
    "0 0 1 * *",
    "0 * * * *",
    "15,45 1-4 * * *",
    "59 23 * * *",
    "0-0 */24 * * *",
    "5,5 3 * * *",
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


@pytest.mark.parametrize("zone", ["America/Nuuk", "America/Scoresbysund"])
@pytest.mark.parametrize(("weekday", "days"), [("*", 1), ("6", 7)])
@pytest.mark.parametrize("lookback_days", [None, 1])
def test_each_day_is_read_once_where_the_clocks_move_a_tick_over_midnight(
    zone: str, weekday: str, days: int, lookback_days: int | None
) -> None:
    """Their clocks go from 23:00 to 24:00 on 27 March 2027, a Saturday."""
    windows = ScheduleWindows(
        cron=Cron(f"30 23 * * {weekday}", zone), lookback_days=lookback_days and days
    )
    due = windows.next(datetime(2027, 3, 10, tzinfo=UTC))
    for _ in range(30):
        following = windows.following(due)
        assert following is not None
        first, last = due.window.first_date, due.window.last_date
        assert (last - first).days == days - 1
        assert following.window.start == due.window.end
        assert windows.first_from(due.window.start) == due
        due = following


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


@pytest.mark.parametrize(
    ("zone", "hour"), [("America/Los_Angeles", 14), ("Asia/Tokyo", 21), ("Pacific/Honolulu", 16)]
)
def test_a_daily_window_ends_the_lag_before_the_day_of_its_tick_in_its_zone(
    zone: str, hour: int
) -> None:
    windows = ScheduleWindows(cron=Cron("0 6 * * *", zone), lag_days=2)
    tick = datetime(2026, 1, 9, 6, tzinfo=load_zone(zone))
    assert tick.astimezone(UTC).hour == hour
    window = windows.at(tick.astimezone(UTC)).window
    assert (window.first_date, window.last_date) == (date(2026, 1, 6), date(2026, 1, 6))


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


def test_a_window_shows_both_ends_in_its_own_zone() -> None:
    week = CollectionWindows(
        start_date=date(2026, 1, 5), end_date=date(2026, 1, 11), time_zone="Europe/Berlin"
    ).week(0)
    assert str(week.window) == "[2026-01-05 00:00, 2026-01-12 00:00) Europe/Berlin"
    assert week.window.start == datetime(2026, 1, 4, 23, tzinfo=UTC)


def test_a_schedule_gives_its_windows_its_type_and_its_zone() -> None:
    cron = Cron("0 6 * * *", "Europe/Berlin")
    tick = datetime(2026, 1, 5, 5, tzinfo=UTC)
    window = ScheduleWindows(cron=cron, type=WindowType.PREVIOUS_MONTH).at(tick).window
    assert (window.type, window.time_zone) == (WindowType.PREVIOUS_MONTH, "Europe/Berlin")
    assert ScheduleWindows(cron=cron).at(tick).window.type is WindowType.EXPLICIT


@pytest.mark.parametrize(
    ("expression", "reach"),
    [
        ("0 6 * * *", timedelta(days=400)),
        ("0 6 * * MON", timedelta(days=400)),
        ("0 */6 * * *", timedelta(days=400)),
        ("0 * * * *", timedelta(hours=2_000)),
        ("* * * * *", timedelta(minutes=2_000)),
    ],
)
def test_missed_ticks_run_for_400_days_or_2000_ticks(expression: str, reach: timedelta) -> None:
    assert ScheduleWindows(cron=Cron(expression, "UTC")).catchup_reach == reach


def test_a_backfill_begins_with_the_day_itself_where_clocks_change_before_the_tick() -> None:
    """The eight days before the tick have an hour less than eight times 24 hours."""
    windows = ScheduleWindows(cron=Cron("0 0 * * *", "Europe/Berlin"), lag_days=1, lookback_days=7)
    first = midnight(date(2026, 3, 27), "Europe/Berlin")
    due = windows.first_from(first)
    assert due is not None
    assert due.window.start == first
    assert due.due_at == midnight(date(2026, 4, 4), "Europe/Berlin")


@pytest.mark.parametrize("expression", ["0 6 * * *", "0 * * * *"])
def test_windows_end_with_the_last_that_people_may_name(expression: str) -> None:
    windows = ScheduleWindows(cron=Cron(expression, "UTC"), lag_days=0)
    last = windows.first_from(LATEST)
    assert last is not None
    assert last.window.start == LATEST
    assert windows.first_from(LATEST + timedelta(microseconds=1)) is None
    assert windows.following(last) is None
    at_the_end = windows.latest(LATEST)
    after = windows.following(replace(at_the_end, due_at=LATEST))
    assert after is not None
    assert after.due_at > LATEST


@pytest.mark.parametrize(("days", "weeks"), [(1, 1), (6, 1), (7, 1), (8, 2), (14, 2), (15, 3)])
def test_a_clipped_week_counts_as_a_week(days: int, weeks: int) -> None:
    first = date(2026, 1, 1)
    windows = CollectionWindows(start_date=first, end_date=first + timedelta(days=days - 1))
    assert len(windows) == weeks
    assert [windows.number_of(due.window) for due in windows] == list(range(1, weeks + 1))
    for due in windows:
        within = replace(due.window, start=due.window.end - timedelta(hours=1))
        assert windows.number_of(within) == windows.number_of(due.window)


def test_a_collection_may_begin_on_the_last_day_that_people_may_name() -> None:
    day = LATEST.date()
    windows = CollectionWindows(start_date=day, end_date=day)
    assert windows.first_from(LATEST) == windows.week(0)
    assert windows.first_from(LATEST + timedelta(microseconds=1)) is None


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
def test_a_week_is_found_from_its_start_and_is_the_latest_once_it_is_due(zone: str) -> None:
    windows = CollectionWindows(
        start_date=date(2026, 1, 1), end_date=date(2026, 1, 31), time_zone=zone
    )
    instant = timedelta(microseconds=1)
    for index, due in enumerate(windows):
        assert windows.first_from(due.window.start) == due
        assert windows.latest(due.due_at) == due
        assert windows.latest(due.due_at - instant) == windows.week(max(0, index - 1))
        following = windows.week(index + 1) if index + 1 < len(windows) else None
        assert windows.following(due) == following


@pytest.mark.parametrize(
    ("first", "after", "nearest"),
    [
        ((2025, 12, 25), (2026, 1, 1), "window_start 2026-01-01, window_end 2026-01-08"),
        ((2026, 1, 2), (2026, 1, 9), "window_start 2026-01-01, window_end 2026-01-08"),
        ((2026, 1, 14), (2026, 1, 21), "window_start 2026-01-08, window_end 2026-01-15"),
        ((2026, 1, 29), (2026, 2, 5), "window_start 2026-01-29, window_end 2026-02-01"),
        ((2026, 3, 1), (2026, 3, 8), "window_start 2026-01-29, window_end 2026-02-01"),
    ],
)
def test_seven_other_days_are_refused_and_the_nearest_week_is_named(
    first: tuple[int, int, int], after: tuple[int, int, int], nearest: str
) -> None:
    windows = CollectionWindows(start_date=date(2026, 1, 1), end_date=date(2026, 1, 31))
    start, end = midnight(date(*first), "UTC"), midnight(date(*after), "UTC")
    window = Window(start=start, end=end, time_zone="UTC")
    with pytest.raises(InvalidDefinition) as refused:
        windows.check(window)
    assert f"{window} is not a week of the collection, whose 5 weeks" in str(refused.value)
    assert f"nearest is {nearest}; a backfill runs several" in str(refused.value)
    assert refused.value.column == "params"
