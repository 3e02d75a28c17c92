"""A day that a person picks is that day of the row, whatever the zone of the UI or of the row."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from recomamp.domain.scheduling.typed_times import TypedTimes, midnight

DAY = timedelta(days=1)
SOME_ZONES = [
    "UTC",
    "Africa/Cairo",  # clocks change at midnight
    "America/Adak",  # -10:00 and -09:00
    "America/Havana",
    "America/Los_Angeles",
    "America/New_York",
    "America/Santiago",
    "Asia/Kathmandu",  # +05:45
    "Asia/Tokyo",
    "Australia/Lord_Howe",  # clocks change by half an hour
    "Europe/Berlin",
    "Pacific/Auckland",  # +12:00 and +13:00
    "Pacific/Chatham",  # +12:45 and +13:45
    "Pacific/Honolulu",  # -10:00
    "Pacific/Marquesas",  # -09:30
    "Pacific/Pago_Pago",  # -11:00
    "Pacific/Kiritimati",  # +14:00
]
zones = st.sampled_from(SOME_ZONES) | st.sampled_from(sorted(available_timezones()))
# Half of them near a change of the clocks in Europe, America or Oceania
days = st.dates(date(2025, 1, 1), date(2027, 12, 31)) | st.builds(
    lambda change, before: change - before * DAY,
    st.sampled_from([date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 9, 6)])
    | st.sampled_from([date(2026, 9, 27), date(2026, 10, 4), date(2026, 10, 25)])
    | st.sampled_from([date(2026, 4, 24), date(2026, 10, 30), date(2026, 11, 1)]),
    st.integers(-1, 3),
)


def picked(day: date, ui_zone: str, at: time = time()) -> datetime:
    """Return what Airflow's date picker makes of a day, in the zone that the UI shows."""
    return datetime.combine(day, at, tzinfo=ZoneInfo(ui_zone)).astimezone(UTC)


def as_sent(instant: datetime) -> str:
    """Write an instant as a browser does."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"


def is_decidable(day: date, ui_zone: str, row_zone: str) -> bool:
    """Say whether the time of day in UTC shows the zone of the UI, or its day is the row's."""
    at = picked(day, ui_zone)
    ui_offset, row_offset = (
        at.astimezone(ZoneInfo(zone)).utcoffset() for zone in (ui_zone, row_zone)
    )
    assert ui_offset is not None
    assert row_offset is not None
    is_known = timedelta(hours=-10) <= ui_offset < timedelta(hours=14)
    return ui_offset == row_offset or (is_known and abs(ui_offset - row_offset) != DAY)


# The picker's end of a day: as it is picked first, as it is picked again, and typed
ENDS = {"last": time(23, 59, 59, 999000), "again": time(23, 59), "midnight": time()}


@given(zones, zones, days, st.integers(0, 40), st.sampled_from(sorted(ENDS)))
@example("America/New_York", "Europe/Berlin", date(2026, 5, 1), 4, "midnight")
@example("UTC", "Europe/Berlin", date(2026, 5, 1), 4, "last")
@example("Antarctica/Troll", "UTC", date(2027, 3, 18), 36, "midnight")  # clocks change by two hours
def test_a_backfill_of_picked_days_is_of_these_days_of_the_row(
    ui_zone: str, row_zone: str, first: date, more: int, end: str
) -> None:
    last = first + more * DAY
    after = last if end == "midnight" else last + DAY
    assume(is_decidable(first, ui_zone, row_zone) and is_decidable(after, ui_zone, row_zone))
    row = TypedTimes(time_zone=row_zone, is_whole_days=True)
    got = row.range(picked(first, ui_zone), picked(last, ui_zone, ENDS[end]))
    assert got == (
        midnight(first, row_zone),
        midnight(last + DAY, row_zone) - timedelta(microseconds=1),
    )


@given(zones, zones, days, st.integers(0, 40), st.sampled_from(["last", "again"]))
@example("America/Santiago", "UTC", date(2025, 9, 7), 0, "last")  # a day without 00:00
def test_so_is_that_of_a_row_with_several_windows_a_day(
    ui_zone: str, row_zone: str, first: date, more: int, end: str
) -> None:
    last = first + more * DAY
    assume(is_decidable(first, ui_zone, row_zone) and is_decidable(last + DAY, ui_zone, row_zone))
    row = TypedTimes(time_zone=row_zone, is_whole_days=False)
    got = row.range(picked(first, ui_zone), picked(last, ui_zone, ENDS[end]))
    assert got == (
        midnight(first, row_zone),
        midnight(last + DAY, row_zone) - timedelta(microseconds=1),
    )


@given(zones, zones, days, st.integers(1, 40))
@example("UTC", "America/Los_Angeles", date(2026, 5, 4), 7)
@example("Pacific/Honolulu", "Europe/Berlin", date(2026, 5, 4), 1)  # the westernmost that is known
@example("Pacific/Chatham", "Europe/Berlin", date(2026, 4, 3), 4)  # from +13:45 to +12:45
def test_a_window_of_picked_days_is_of_these_days_of_the_row(
    ui_zone: str, row_zone: str, first: date, more: int
) -> None:
    after = first + more * DAY
    assume(is_decidable(first, ui_zone, row_zone) and is_decidable(after, ui_zone, row_zone))
    row = TypedTimes(time_zone=row_zone, is_whole_days=True)
    expected = (midnight(first, row_zone), midnight(after, row_zone))
    assert row.window(as_sent(picked(first, ui_zone)), as_sent(picked(after, ui_zone))) == expected
    assert row.window(f"{first}", f"{after}") == expected
    assert row.window(f"{first}T00:00", f"{after} 00:00:00") == expected


@given(zones, days, st.integers(0, 40), st.booleans())
def test_dates_on_the_command_line_are_days_of_the_row(
    row_zone: str, first: date, more: int, is_whole_days: bool
) -> None:
    """Airflow makes 00:00 UTC of them."""
    last = first + more * DAY
    row = TypedTimes(time_zone=row_zone, is_whole_days=is_whole_days)
    got = row.range(picked(first, "UTC"), picked(last, "UTC"))
    assert got == (
        midnight(first, row_zone),
        midnight(last + DAY, row_zone) - timedelta(microseconds=1),
    )


@given(
    zones,
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 10_000),
)
def test_times_are_times_where_a_row_has_several_windows_a_day(
    row_zone: str, first: datetime, minutes: int
) -> None:
    first = first.replace(second=0, microsecond=0)
    last = first + timedelta(minutes=minutes)
    assume(last.minute % 15 != 14 and not first.time() == last.time() == time())
    row = TypedTimes(time_zone=row_zone, is_whole_days=False)
    assert row.range(first, last) == (first, last)
    assert row.window(first.isoformat(), as_sent(last)) == (first, last)


@given(zones, st.booleans(), days, st.integers(1, 13), st.integers(1, 5))
def test_a_time_with_another_offset_than_utc_is_that_instant(
    row_zone: str, is_whole_days: bool, day: date, hours: int, more: int
) -> None:
    row = TypedTimes(time_zone=row_zone, is_whole_days=is_whole_days)
    at = f"T00:00:00+{hours:02}:00"
    first, last = (datetime.fromisoformat(f"{one}{at}") for one in (day, day + more * DAY))
    assert row.range(first, last) == (first, last)
    assert row.window(first.isoformat(), last.isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("start", "end", "meant"),
    [
        ("2026-05-04T06:30", "2026-05-04T18:00", ("04T04:30", "04T16:00")),
        ("2026-05-04", "2026-05-04T18:00", ("03T22:00", "04T16:00")),
        ("2026-05-04T06:00Z", "2026-05-04T18:00Z", ("04T06:00", "04T18:00")),
        ("2026-05-04T00:00Z", "2026-05-04T18:00Z", ("04T00:00", "04T18:00")),
        ("2026-05-04T00:00Z", "2026-05-05T23:59:59.999Z", ("03T22:00", "05T22:00")),
        ("2026-05-04T00:00Z", "2026-05-06", ("03T22:00", "05T22:00")),
        ("2026-05-04T06:00+05:30", "2026-05-05", ("04T00:30", "04T22:00")),
    ],
)
def test_times_of_a_window_of_a_row_in_berlin(start: str, end: str, meant: tuple[str, str]) -> None:
    row = TypedTimes(time_zone="Europe/Berlin", is_whole_days=True)
    got = tuple(f"{one:%dT%H:%M}" for one in row.window(start, end))
    assert got == meant


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("05-01T06:00", "05-03T18:00"),
        ("05-01T00:00", "05-03T12:00"),
        ("04-30T22:00", "05-03T18:00"),  # midnight in Berlin
        ("05-01T06:00", "05-03T21:59"),
    ],
)
def test_times_name_their_days_where_a_row_knows_nothing_but_days(first: str, last: str) -> None:
    row = TypedTimes(time_zone="Europe/Berlin", is_whole_days=True)
    bounds = (datetime.fromisoformat(f"2026-{one}+00:00") for one in (first, last))
    assert [f"{one:%dT%H:%M}" for one in row.range(*bounds)] == ["30T22:00", "03T21:59"]


def test_a_picker_that_takes_the_offset_of_another_hour_picks_the_same_days() -> None:
    """As it does in a browser in Los Angeles whose UI shows Berlin, a day before clocks change."""
    row = TypedTimes(time_zone="Asia/Tokyo", is_whole_days=True)
    first = datetime(2026, 3, 24, 23, tzinfo=UTC)
    last = datetime(2026, 3, 28, 21, 59, 59, 999000, tzinfo=UTC)
    assert row.range(first, last) == (
        midnight(date(2026, 3, 25), "Asia/Tokyo"),
        midnight(date(2026, 3, 29), "Asia/Tokyo") - timedelta(microseconds=1),
    )


@pytest.mark.parametrize("text", ["soon", "2026-02-30", "2026-05-04T25:00", "9999-12-31T23:59Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    row = TypedTimes(time_zone="UTC", is_whole_days=True)
    with pytest.raises((ValueError, OverflowError)):
        row.window("2026-05-04T00:00Z", text)


@pytest.mark.parametrize("ends", [("1999-12-31", "2000-01-02"), ("2099-12-31", "2100-01-02")])
def test_a_window_beyond_the_years_that_people_may_name_is_refused_with_them(
    ends: tuple[str, str],
) -> None:
    row = TypedTimes(time_zone="UTC", is_whole_days=True)
    with pytest.raises(ValueError, match="not between 2000-01-01 and 2100-01-01"):
        row.window(*ends)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-05-04T00:00:30Z", "2026-05-06T00:00:00Z"),
        ("2026-05-04T00:00:00.500Z", "2026-05-06T00:00:00Z"),
        ("2026-05-04T00:00:00Z", "2026-05-06T00:00:00.500Z"),
        ("2026-05-04T00:07:00Z", "2026-05-06T00:07:00Z"),
        # midnights at +01:00 and at +02:00, and no zone changes its clocks between
        ("2026-06-04T23:00Z", "2026-06-08T22:00Z"),
    ],
)
def test_a_window_between_times_at_which_no_day_begins_in_any_zone(start: str, end: str) -> None:
    row = TypedTimes(time_zone="America/New_York", is_whole_days=True)
    expected = tuple(datetime.fromisoformat(one) for one in (start, end))
    assert row.window(start, end) == expected


def test_an_end_in_utc_with_another_one_that_is_not_means_a_day_only_at_midnight() -> None:
    row = TypedTimes(time_zone="Europe/Berlin", is_whole_days=True)
    elsewhere = datetime.fromisoformat("2026-05-04T12:00+05:30")
    at_six = datetime(2026, 5, 6, 6, tzinfo=UTC)
    instant = timedelta(microseconds=1)

    assert row.range(elsewhere, at_six) == (elsewhere, at_six)
    assert row.range(elsewhere, at_six.replace(hour=0)) == (
        elsewhere,
        midnight(date(2026, 5, 7), "Europe/Berlin") - instant,
    )
    assert row.range(at_six.replace(day=3, hour=0), elsewhere) == (
        midnight(date(2026, 5, 3), "Europe/Berlin"),
        elsewhere,
    )


@pytest.mark.parametrize(
    ("time_zone", "first", "last"),
    [
        # Casablanca has UTC's time in Ramadan: both are midnights of the row's own zone
        ("Africa/Casablanca", "2026-02-10T23:00Z", "2026-02-20T00:00Z"),
        ("Africa/Casablanca", "2026-02-20T00:00Z", "2026-04-10T23:00Z"),
        # the end of a day at an offset that no zone has together with that of the start
        ("Asia/Tokyo", "2026-06-24T23:00Z", "2026-06-28T21:59:59.999Z"),
    ],
)
def test_a_pair_that_no_picker_sends_is_times_where_a_row_has_several_windows_a_day(
    time_zone: str, first: str, last: str
) -> None:
    row = TypedTimes(time_zone=time_zone, is_whole_days=False)
    ends = (datetime.fromisoformat(first), datetime.fromisoformat(last))
    assert row.range(*ends) == ends


@pytest.mark.parametrize(
    ("instant", "time_zone", "day"),
    [
        ("2026-05-03T22:00Z", "Europe/Berlin", date(2026, 5, 4)),
        ("2026-05-03T22:00Z", "Asia/Tokyo", date(2026, 5, 4)),  # midnight at +02:00
        ("2026-05-03T10:00Z", "Asia/Tokyo", date(2026, 5, 3)),  # midnight at -10:00
        ("2026-05-03T10:00Z", "Pacific/Kiritimati", date(2026, 5, 4)),  # its own, at +14:00
        ("2026-05-03T10:15Z", "UTC", date(2026, 5, 4)),  # midnight at +13:45
        ("2026-05-04T00:00Z", "Asia/Tokyo", date(2026, 5, 4)),
        ("2026-05-04T00:10Z", "UTC", None),
        ("2026-05-03T21:59:59.999Z", "Europe/Berlin", None),  # a day ends
    ],
)
def test_an_instant_names_the_day_that_begins_then(
    instant: str, time_zone: str, day: date | None
) -> None:
    row = TypedTimes(time_zone=time_zone, is_whole_days=True)
    assert row.named_day(datetime.fromisoformat(instant)) == day


offsets = st.sampled_from(
    [None, UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=9.5))]
)


@given(zones, st.booleans(), st.lists(st.datetimes(), min_size=2, max_size=2), offsets)
def test_any_year_is_in_bounds_or_refused(
    zone: str, is_whole_days: bool, typed: list[datetime], offset: timezone | None
) -> None:
    """The Backfill dialog and the command line take any year; 9999 stands for `without an end`."""
    rule = TypedTimes(time_zone=zone, is_whole_days=is_whole_days)
    first, last = (one.replace(tzinfo=offset) for one in sorted(typed))
    ends = rule.range(first, last)
    assert all(date(1999, 12, 30) <= one.date() <= date(2100, 1, 3) for one in ends)
    try:
        window = rule.window(first.isoformat(), last.isoformat())
    except ValueError:
        assert not 2000 <= first.year <= last.year < 2100
    else:
        assert all(date(1999, 12, 30) <= one.date() <= date(2100, 1, 3) for one in window)


@pytest.mark.parametrize(
    "last", [datetime.max.replace(tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
)
def test_a_range_up_to_the_last_of_all_days_ends_with_the_last_that_may_be_named(
    last: datetime,
) -> None:
    rule = TypedTimes(time_zone="Asia/Tokyo", is_whole_days=True)
    first = datetime(2026, 1, 5, tzinfo=UTC)
    ends = rule.range(first, last)
    assert ends[0] == datetime(2026, 1, 4, 15, tzinfo=UTC)
    assert ends[1].year in (2099, 2100)
