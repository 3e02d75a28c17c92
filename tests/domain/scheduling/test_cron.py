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


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("0 6 * *", "five fields"),
        ("0 6 * * * *", "five fields"),
        ("60 6 * * *", "'60' is not a valid minute"),
        ("0 6 * * FUN", "'FUN' is not a valid day of week"),
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
