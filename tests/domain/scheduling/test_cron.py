"""Ticks: what fires when, over daylight-saving changes too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.scheduling.cron import Cron, normalize_expression
from recomamp.errors import InvalidDefinition

EXPRESSIONS = [
    "0 6 * * *",
    "30 2 * * *",
    "15 2 * * SUN",
    "0 0 1 * *",
    "0 5 29 2 *",
    "0 * * * *",
    "*/15 * * * *",
    "30 1-3 * * *",
    "0 0,12 * * MON-FRI",
    "5 */6 1-7,15 * WED",
    "@weekly",
]
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "America/St_Johns",
    "Pacific/Apia",
]
crons = st.builds(Cron, st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES))
moments = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(crons, moments)
def test_the_last_tick_before_a_next_tick_is_the_one_it_followed(
    cron: Cron, moment: datetime
) -> None:
    tick = cron.next_tick(moment)
    assert tick > moment
    previous = cron.last_tick(tick - timedelta(microseconds=1))
    assert previous <= moment
    assert cron.next_tick(previous) == tick
    assert cron.last_tick(tick) == tick


@given(
    st.sampled_from(["*/15 * * * *", "30 1-3 * * *", "0 * * * *"]), st.sampled_from(ZONES), moments
)
def test_an_expression_of_many_times_a_day_fires_at_every_matching_real_minute(
    expression: str, zone: str, moment: datetime
) -> None:
    cron = Cron(expression, zone)
    start = moment.replace(second=0, microsecond=0)
    expected = []
    minutes = {"*/15 * * * *": {0, 15, 30, 45}, "30 1-3 * * *": {30}, "0 * * * *": {0}}[expression]
    hours = {1, 2, 3} if "1-3" in expression else set(range(24))
    for offset in range(1, 2 * 24 * 60):
        wall = (start + timedelta(minutes=offset)).astimezone(ZoneInfo(zone))
        if wall.minute in minutes and wall.hour in hours:
            expected.append(start + timedelta(minutes=offset))
    tick, ticks = start, []
    while (tick := cron.next_tick(tick)) < start + timedelta(days=2):
        ticks.append(tick)
    assert ticks == expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        # 02:30 does not exist on 29 March 2026 in Berlin: the clock jumps from 02:00 to 03:00
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # 02:30 exists twice on 25 October 2026: the first, summer-time one counts, once
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
    ],
    ids=["gap moves forward", "first of two", "not the second"],
)
def test_a_daily_wall_time_survives_the_clock_changes(after: datetime, expected: datetime) -> None:
    assert Cron("30 2 * * *", "Europe/Berlin").next_tick(after) == expected


@pytest.mark.parametrize("expression", ["30-30 2-2 * * *", "30,30 2 * * *", "30 2-23/22 * * *"])
def test_a_daily_wall_time_may_be_written_in_any_way(expression: str) -> None:
    cron, start = Cron(expression, "Europe/Berlin"), datetime(2026, 3, 28, 12, tzinfo=UTC)
    moved = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    assert cron.next_tick(start) == moved
    assert cron.last_tick(moved) == moved


@pytest.mark.parametrize("zone", ["America/Nuuk", "America/Scoresbysund"])
def test_a_tick_belongs_to_its_date_where_the_clocks_move_it_over_midnight(zone: str) -> None:
    """Their clocks go from 23:00 to 24:00 on 27 March 2027."""
    cron, tick = Cron("30 23 * * *", zone), datetime(2027, 3, 26, 12, tzinfo=UTC)
    ticks = []
    for _ in range(3):
        tick = cron.next_tick(tick)
        ticks.append((f"{tick.astimezone(ZoneInfo(zone)):%d %H:%M}", cron.date_of(tick).day))
    assert ticks == [("26 23:30", 26), ("28 00:30", 27), ("28 23:30", 28)]


@pytest.mark.parametrize(
    ("expression", "zone", "tick", "day"),
    [
        ("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC), 29),
        ("0 0 * * *", "Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC), 24),
        ("0 23 * * *", "America/Nuuk", datetime(2026, 10, 25, 0, tzinfo=UTC), 24),
        ("30 0,23 * * *", "America/Nuuk", datetime(2027, 3, 28, 1, 30, tzinfo=UTC), 28),
    ],
)
def test_other_ticks_belong_to_their_local_date(
    expression: str, zone: str, tick: datetime, day: int
) -> None:
    cron = Cron(expression, zone)
    assert cron.last_tick(tick) == tick
    assert cron.date_of(tick).day == day


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("0 6 * *", "five fields"),
        ("0 6 * * * *", "five fields"),
        ("60 6 * * *", r"'60' is not a valid minute \(0 to 59\)$"),
        ("0 24 * * *", r"'24' is not a valid hour \(0 to 23\)$"),
        ("0 6 0 * *", r"'0' is not a valid day of month \(1 to 31\)$"),
        ("0 6 32 * *", "'32' is not a valid day of month"),
        ("0 6 * 0 *", r"'0' is not a valid month \(1 to 12, JAN to DEC\)$"),
        ("0 6 * 13 *", "'13' is not a valid month"),
        ("0 6 * * 8", "'8' is not a valid day of week"),
        ("0 6 * * FUN", r"'FUN' is not a valid day of week \(0 to 7, SUN to SAT\)$"),
        ("0 6-0 * * *", "a range goes upwards"),
        ("0 6 * * 1-2-3", "'1-2-3' is not a valid day of week of a cron expression"),
        ("0-59/0 * * * *", "at least 1"),
        ("0 6 * * 1,,2", "'' is not a valid day of week"),
        ("0 6 L * *", "'L' is not a valid day of month"),
        ("0 6 * * 5#2", "'5#2' is not a valid day of week"),
        ("0 6-2 * * *", "a range goes upwards"),
        ("0 6 * * FRI-MON", "a range goes upwards; write two ranges"),
        ("0 6 * NOV-FEB *", "a range goes upwards; write two ranges"),
        ("*/\u0663 6 * * *", "is not a valid minute"),
        ("00005 6 * * *", "is not a valid minute"),
        ("0 6 * * MONDAY", "'MONDAY' is not a valid day of week"),
        ("0 6\u2003* * *", "five fields"),
        ("*/0 * * * *", "at least 1"),
        ("5/10 * * * *", "a step needs a range"),
        ("0 0 30 2 *", "never fires"),
        ("", "five fields"),
        ("0 6 * * ٣", "is not a valid day of week"),
    ],
)
def test_what_is_no_cron_expression_is_refused_with_the_field_at_fault(
    expression: str, complaint: str
) -> None:
    with pytest.raises(InvalidDefinition, match=complaint):
        normalize_expression(expression)


def test_an_expression_may_have_200_characters() -> None:
    longest = "0 6 1" + ",1" * 95 + " * *"
    assert len(longest) == 199
    assert normalize_expression(f" {longest}").startswith("0 6 1,1")
    with pytest.raises(InvalidDefinition, match="more than 200 characters; write a shorter one"):
        normalize_expression(f"  {longest}")


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("\t0   6\n* *\r* ", "0 6 * * *"),
        ("0 6 * feb,Dec sun,7", "0 6 * 2,12 0,7"),
        ("*/1 0-23/1 * * 1-5/2", "*/1 0-23/1 * * 1-5/2"),
        ("0,59 0,23 1,31 1,12 0", "0,59 0,23 1,31 1,12 0"),
    ],
)
def test_aliases_names_and_spaces_have_plain_fields(expression: str, fields: str) -> None:
    assert normalize_expression(expression) == fields


def test_a_range_of_one_value_is_that_value() -> None:
    assert normalize_expression("0-0 5-5 * * 3-3/2") == "0 5 * * 3"
    cron = Cron("0 5-5 * * WED-WED", "UTC")
    assert cron.next_tick(datetime(2026, 11, 22, tzinfo=UTC)) == datetime(
        2026, 11, 25, 5, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("0 6 * * FRI-SUN", "0 6 * * 5-7"),
        ("0 6 * * sat-sun", "0 6 * * 6-7"),
        ("0 6 * * 5-0", "0 6 * * 5-7"),
        ("0 6 * * MON-SUN/2,TUE", "0 6 * * 1-7/2,2"),
        ("0 6 * * SUN-SUN", "0 6 * * 0"),
        ("0 6 * JAN-MAR SUN-TUE", "0 6 * 1-3 0-2"),
    ],
)
def test_sunday_ends_a_range_too(expression: str, fields: str) -> None:
    assert normalize_expression(expression) == fields


def test_a_range_that_ends_with_sunday_ticks_on_its_days() -> None:
    cron, tick = Cron("0 6 * * FRI-SUN", "UTC"), datetime(2026, 4, 1, tzinfo=UTC)
    days = []
    for _ in range(4):
        tick = cron.next_tick(tick)
        days.append(f"{tick:%a}")
    assert days == ["Fri", "Sat", "Sun", "Fri"]


def test_a_day_field_that_begins_with_a_star_restricts_the_other_one() -> None:
    cron, tick = Cron("0 0 */2 * 1", "UTC"), datetime(2026, 4, 1, tzinfo=UTC)
    ticks = []
    for _ in range(3):
        tick = cron.next_tick(tick)
        ticks.append(tick.day)
    assert ticks == [13, 27, 11]  # Mondays on odd days


def test_a_star_later_in_a_list_restricts_nothing_and_is_every_value() -> None:
    assert normalize_expression("1,* 0,*/4 1,* 2,* 3,*/2") == (
        "1,0-59 0,0-23/4 1,1-31 2,1-12 3,0-6/2"
    )
    thursday = datetime(2026, 1, 1, tzinfo=UTC)
    for expression in ("0 0 1,* * 1", "0 0 13 * 1,*"):
        assert Cron(expression, "UTC").next_tick(thursday) == datetime(2026, 1, 2, tzinfo=UTC)


def test_an_unknown_zone_is_refused_by_name() -> None:
    with pytest.raises(InvalidDefinition, match="'Mars/Phobos' is not an IANA time zone"):
        _ = Cron("0 6 * * *", "Mars/Phobos").zone


def test_a_change_of_the_clock_and_its_return_before_a_tick_are_both_seen() -> None:
    """In Havana the hour of midnight comes twice on 1 November 2048; the first is the next tick."""
    cron = Cron("0 * * 11 *", "America/Havana")
    first = datetime(2048, 11, 1, 4, tzinfo=UTC)

    assert cron.next_tick(datetime(2048, 2, 2, tzinfo=UTC)) == first
    assert cron.last_tick(first) == first
    assert cron.last_tick(datetime(2049, 2, 2, tzinfo=UTC)) == datetime(2048, 12, 1, 4, tzinfo=UTC)


# Each is near a change of the clocks, some of them by half an hour, some twice in a few weeks
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 11, 1, 9, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 2, 15, 2, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize(
    ("expression", "minutes", "hours"),
    [
        ("*/30 * * * *", {0, 30}, set(range(24))),
        ("15 * * * *", {15}, set(range(24))),
        ("*/20 1-3 * * *", {0, 20, 40}, {1, 2, 3}),
        ("* 2 * * *", set(range(60)), {2}),
    ],
)
def test_ticks_around_a_change_of_the_clocks_are_the_same_forwards_and_backwards(
    zone: str, change: datetime, expression: str, minutes: set[int], hours: set[int]
) -> None:
    every_minute = [change + timedelta(minutes=number) for number in range(-240, 240)]
    expected = [
        moment
        for moment in every_minute
        if (wall := moment.astimezone(ZoneInfo(zone))).minute in minutes and wall.hour in hours
    ]
    cron, instant = Cron(expression, zone), timedelta(microseconds=1)
    tick, forwards = every_minute[0] - instant, []
    while (tick := cron.next_tick(tick)) <= every_minute[-1]:
        forwards.append(tick)
    tick, backwards = every_minute[-1] + instant, []
    while (tick := cron.last_tick(tick - instant)) >= every_minute[0]:
        backwards.append(tick)
    assert forwards == expected
    assert backwards == expected[::-1]


def test_a_change_of_the_clock_and_its_return_before_a_moment_are_both_seen() -> None:
    """Casablanca leaves UTC+1 for Ramadan, and comes back to it five weeks later."""
    cron = Cron("0,30 2 15 2 *", "Africa/Casablanca")  # its hour of two comes twice that day
    first, *_, last = (datetime(2026, 2, 15, hour, 30, tzinfo=UTC) for hour in (1, 2))

    assert cron.next_tick(first) == last - timedelta(minutes=30)
    assert cron.last_tick(datetime(2026, 4, 1, tzinfo=UTC)) == last
    assert cron.last_tick(last - timedelta(hours=1)) == first


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_several_times_of_a_weekday_tick_on_that_day_of_the_zone(zone: str) -> None:
    cron, tick = Cron("0 1,23 * * MON", zone), datetime(2026, 1, 1, tzinfo=UTC)
    expected = [
        datetime(2026, 1, day, hour, tzinfo=ZoneInfo(zone)) for day in (5, 12) for hour in (1, 23)
    ]
    for wall in expected:
        tick = cron.next_tick(tick)
        assert tick == wall
        assert cron.last_tick(tick + timedelta(minutes=1)) == wall


@pytest.mark.parametrize("expression", ["0 6 * * *", "0 6,18 * * *"])
def test_ticks_are_in_utc_whatever_the_zone_of_the_moment(expression: str) -> None:
    cron = Cron(expression, "Asia/Tokyo")
    moment = datetime(2026, 1, 5, 12, tzinfo=ZoneInfo("America/Los_Angeles"))
    tick = datetime(2026, 1, 5, 21, tzinfo=UTC)

    assert cron.next_tick(moment) == tick
    assert cron.last_tick(moment + timedelta(hours=2)) == tick
    assert {cron.next_tick(moment).tzinfo, cron.last_tick(moment).tzinfo} == {UTC}


@pytest.mark.parametrize(
    ("expression", "interval"),
    [
        ("0 6 * * *", timedelta(days=1)),
        ("0 6 * * MON", timedelta(days=1)),  # as if every day matched
        ("* 3 * * *", timedelta(minutes=1)),
        ("*/15 * * * *", timedelta(minutes=15)),
        ("0,50 * * * *", timedelta(minutes=10)),
        ("5 * * * *", timedelta(hours=1)),
        ("0 1,22 * * *", timedelta(hours=3)),  # over midnight
        ("0,59 0,23 * * *", timedelta(minutes=1)),
    ],
)
def test_the_shortest_time_between_two_ticks(expression: str, interval: timedelta) -> None:
    assert Cron(expression, "UTC").shortest_interval == interval


@pytest.mark.parametrize(
    ("expression", "is_at_most_daily"),
    [
        *(("0 6 * * *", True), ("0 6 1 * *", True), ("0-0 6-6/3 * * *", True)),
        *(("0 */24 * * *", True), ("50-59/10 5,5 * * *", True), ("*/60 3,3-3 * * *", True)),
        *(("0 6,7 * * *", False), ("* 6 * * *", False), ("0 */23 * * *", False)),
        *(("0,30 3 * * *", False), ("0-59 0 * * *", False), ("@hourly", False)),
    ],
)
def test_one_value_of_hour_and_minute_ticks_at_most_daily(
    expression: str, is_at_most_daily: bool
) -> None:
    assert Cron(expression, "UTC").is_at_most_daily is is_at_most_daily


def test_an_expression_whose_times_the_clocks_always_skip_is_refused_with_its_zone() -> None:
    """The second Sunday of March has no 02:00 in New York, since 2007."""
    expression = "0,1 2 8-14 3 */7"
    cron = Cron(expression, "America/New_York")
    words = r"has no tick in America/New_York within 41 years: the clocks skip its times"

    with pytest.raises(InvalidDefinition, match=words):
        cron.require_tick()
    with pytest.raises(InvalidDefinition, match=words):
        cron.next_tick(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidDefinition, match=words):
        cron.last_tick(datetime(2060, 1, 1, tzinfo=UTC))
    last = datetime(2006, 3, 12, 7, 1, tzinfo=UTC)
    assert cron.last_tick(datetime(2030, 1, 1, tzinfo=UTC)) == last
    Cron(expression, "UTC").require_tick()
    Cron("0 2 8-14 3 */7", "America/New_York").require_tick()  # a single time moves forward
