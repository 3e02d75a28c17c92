"""``cron_next()`` of the database: which rows it refuses and when it ticks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from time import perf_counter
from zoneinfo import ZoneInfo

import psycopg2
import pytest
from croniter import croniter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Server
from recomamp.domain.scheduling.cron import Cron
from recomamp.errors import InvalidDefinition

Next = Callable[[str, str, datetime], datetime]


@pytest.fixture(scope="module")
def cron_next(postgres_server: Server, template_database: str) -> Iterator[Next]:
    """Provide the function, on one connection for all examples."""
    name = postgres_server.create_database(template_database)
    # A search without end fails, instead of keeping the whole suite
    connection = psycopg2.connect(postgres_server.uri(name), options="-c statement_timeout=30s")
    connection.autocommit = True

    def call(expression: str, time_zone: str, after: datetime) -> datetime:
        with connection.cursor() as cursor:
            cursor.execute("SELECT cron_next(%s, %s, %s)", [expression, time_zone, after])
            return cursor.fetchone()[0].astimezone(UTC)

    yield call
    connection.close()
    postgres_server.drop_database(name)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "time_zone", "after", "expected"),
    [
        ("0 6 * * *", "UTC", "2026-01-01 05:59:59", "2026-01-01 06:00"),
        ("0 6 * * *", "UTC", "2026-01-01 06:00", "2026-01-02 06:00"),
        ("*/15 * * * *", "UTC", "2026-01-01 00:00:30", "2026-01-01 00:15"),
        ("0 9-17/4 * * MON-FRI", "UTC", "2026-01-02 17:30", "2026-01-05 09:00"),
        ("0 0 * * 7", "UTC", "2026-01-01 00:00", "2026-01-04 00:00"),
        ("0 6 * * FRI-SUN", "UTC", "2026-04-04 06:00", "2026-04-05 06:00"),
        ("0 6 * * 5-0", "UTC", "2026-04-05 06:00", "2026-04-10 06:00"),
        ("0 6 * * SAT-SUN/1", "UTC", "2026-04-05 06:00", "2026-04-11 06:00"),
        ("0 0 */2 * 1", "UTC", "2026-04-01 00:00", "2026-04-13 00:00"),
        ("0 0 1,* * 1", "UTC", "2026-04-01 00:00", "2026-04-02 00:00"),
        ("0 0 13 * FRI", "UTC", "2026-01-01 00:00", "2026-01-02 00:00"),
        ("0 0 13 * FRI", "UTC", "2026-01-09 00:00", "2026-01-13 00:00"),
        ("0 0 31 * *", "UTC", "2026-01-31 00:00", "2026-03-31 00:00"),
        ("0 0 29 feb *", "UTC", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("0 0 29 2 *", "UTC", "2097-01-01 00:00", "2104-02-29 00:00"),
        ("@weekly", "UTC", "2026-01-01 00:00", "2026-01-04 00:00"),
        ("@Yearly", "UTC", "2026-01-01 00:00", "2027-01-01 00:00"),
        ("@hourly", "Asia/Kolkata", "2026-01-01 00:00", "2026-01-01 00:30"),
        ("  0   6 * *\t* ", "Europe/Berlin", "2026-01-01 05:00", "2026-01-02 05:00"),
    ],
)
def test_the_next_tick_is_the_first_match_after_the_instant(
    cron_next: Next, expression: str, time_zone: str, after: str, expected: str
) -> None:
    assert cron_next(expression, time_zone, utc(after)) == utc(expected)


@pytest.mark.parametrize(
    ("expression", "time_zone", "after", "expected"),
    [
        # Berlin, 29 March 2026: 02:00 to 03:00 do not exist; the gap ends at 01:00 UTC.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28 12:00",
            ["2026-03-29 01:30", "2026-03-30 00:30"],
        ),
        ("30 2,4 * * *", "Europe/Berlin", "2026-03-28 12:00", ["2026-03-29 02:30"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29 00:30", ["2026-03-29 01:00"]),
        # Berlin, 25 October 2026: 02:00 to 03:00 exist twice.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24 12:00",
            ["2026-10-25 00:30", "2026-10-26 01:30"],
        ),
        (
            "30 2,4 * * *",
            "Europe/Berlin",
            "2026-10-24 12:00",
            ["2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 03:30"],
        ),
        ("30-30 2-2 * * *", "Europe/Berlin", "2026-03-28 12:00", ["2026-03-29 01:30"]),
        ("30,30 2-2/3 * * *", "Europe/Berlin", "2026-10-25 00:30", ["2026-10-26 01:30"]),
        # Lord Howe Island changes by half an hour: 02:00 becomes 02:30, and 02:00 becomes 01:30.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00", ["2026-10-03 15:45"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 00:00", ["2026-04-04 14:45"]),
        # Cairo changes at midnight: 24 April 2026 begins at 01:00.
        ("0 0 * * *", "Africa/Cairo", "2026-04-23 00:00", ["2026-04-23 22:00"]),
        ("*/20 0-1 24 4 *", "Africa/Cairo", "2026-04-23 00:00", ["2026-04-23 22:00"]),
        ("0 */24 * * *", "Africa/Cairo", "2026-04-23 00:00", ["2026-04-23 22:00"]),
    ],
)
def test_ticks_over_a_change_of_the_clock(
    cron_next: Next, expression: str, time_zone: str, after: str, expected: list[str]
) -> None:
    moment, ticks = utc(after), []
    for _ in expected:
        moment = cron_next(expression, time_zone, moment)
        ticks.append(moment)

    assert ticks == [utc(tick) for tick in expected]


def values(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    one = number.map(str)
    bounds = st.one_of(st.tuples(number, number).map(sorted), number.map(lambda n: [n, n]))
    span = bounds.map(lambda pair: f"{pair[0]}-{pair[1]}")
    step = st.integers(1, high + 3)
    part = st.one_of(one, span, st.tuples(span, step).map(lambda pair: f"{pair[0]}/{pair[1]}"))
    listed = st.lists(part, min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), step.map(lambda every: f"*/{every}"), listed)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    # Days up to 28: what never happens is refused and tested elsewhere.
    fields = [values(0, 59), values(0, 23), values(1, 28), values(1, 12), values(0, 7)]
    return " ".join(draw(field) for field in fields)


WORDS = st.lists(
    st.sampled_from(
        [
            *("*", "0", "5", "7", "8", "23", "24", "60", "SUN", "fri", "JAN", "L", "٣", "00005"),
            *("1-5", "5-1", "FRI-SUN", "5-0", "7-0", "0-0", "SUN-SUN", "SUN-2", "FRI-MON", "*/2"),
            *("*/0", "5/10", "1-5/2", "SAT-SUN/2", "1,2", "1,", "MON,5-7", "*,1", "1-5/99999"),
            *("1,*", "5,*/2"),
        ]
    ),
    min_size=4,
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(words=WORDS, after=st.just(datetime(2026, 1, 1, tzinfo=UTC)))
def test_database_and_pipeline_take_the_same_expressions(
    cron_next: Next, words: list[str], after: datetime
) -> None:
    cron = Cron(" ".join(words), "UTC")
    try:
        expected = cron.next_tick(after)
    except InvalidDefinition:
        with pytest.raises(psycopg2.errors.CheckViolation):
            cron_next(cron.expression, "UTC", after)
        return
    assert cron_next(cron.expression, "UTC", after) == expected


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


@settings(max_examples=300, deadline=None)
@given(expression=expressions(), after=MOMENTS)
def test_in_utc_the_next_tick_is_that_of_croniter(
    cron_next: Next, expression: str, after: datetime
) -> None:
    day, weekday = expression.split()[2], expression.split()[4]
    both_or_either = not (day.startswith("*") or weekday.startswith("*"))
    # croniter takes 0-0 and the like for the whole field
    plain = re.sub(r"\b(\d+)-\1(?:/\d+)?\b", r"\1", expression)
    reference = croniter(plain, after, day_or=both_or_either, max_years_between_matches=60)

    assert cron_next(expression, "UTC", after) == reference.get_next(datetime)


ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/Los_Angeles",
        "America/Havana",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "Pacific/Apia",
        # Their clocks change at or near midnight, or have skipped or repeated a day.
        *("Africa/Cairo", "America/Asuncion", "America/Nuuk", "America/Scoresbysund"),
        *("Asia/Amman", "Asia/Beirut", "Asia/Gaza", "Asia/Tehran", "Antarctica/Troll"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(expression=expressions(), time_zone=ZONES, after=MOMENTS)
@example(
    expression="* * * */10 *", time_zone="America/Havana", after=datetime(2048, 2, 2, tzinfo=UTC)
)
# One minute into 1 November 2009 its clocks went back into 31 October: that midnight came twice.
@example(
    expression="15-24/5 */21 15-24/5 11 2-3/6,1-4,0",
    time_zone="America/St_Johns",
    after=datetime(2009, 8, 27, 0, 22, 43, tzinfo=UTC),
)
def test_database_and_pipeline_agree_on_the_next_tick(
    cron_next: Next, expression: str, time_zone: str, after: datetime
) -> None:
    expected = Cron(expression, time_zone).next_tick(after)

    assert cron_next(expression, time_zone, after) == expected


@cache
def changes_of(time_zone: str) -> list[datetime]:
    """Return the days on which the clocks of a zone change, and the first day of all."""
    days = [datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(14_000)]
    offsets = [day.astimezone(ZoneInfo(time_zone)).utcoffset() for day in days]
    return days[:1] + [
        day for day, (one, other) in zip(days, pairwise(offsets), strict=False) if one != other
    ]


def writings(value: int, highest: int) -> list[str]:
    """Return ways to write a field of one value."""
    written = ["{0}", "{0}-{0}", "{0}-{0}/3", "{0},{0}", "{0}-{1}/60", "{0},{0}-{0}"]
    return [one.format(value, highest) for one in written] + ["*/60"] * (value == 0)


@st.composite
def daily_ticks(draw: st.DrawFn) -> tuple[str, str, datetime]:
    """Draw an expression of one time of day near midnight, a zone, and a day near a change."""
    minute, hour = draw(st.integers(0, 59)), draw(st.sampled_from([0, 1, 2, 3, 4, 22, 23]))
    fields = [*map(writings, (minute, hour), (59, 23)), ["*"], ["*"], ["*", "0", "6", "7-7"]]
    time_zone = draw(ZONES)
    change = draw(st.sampled_from(changes_of(time_zone)))
    expression = " ".join(draw(st.sampled_from(field)) for field in fields)
    return expression, time_zone, change - timedelta(days=draw(st.integers(0, 9)))


@settings(max_examples=300, deadline=None)
@given(drawn=daily_ticks())
@example(drawn=("30-30 2-2 * * *", "Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC)))
@example(drawn=("0 */24 * * *", "Africa/Cairo", datetime(2026, 4, 22, tzinfo=UTC)))
@example(drawn=("5,5 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC)))
def test_database_and_pipeline_agree_on_one_time_of_day_near_a_change_of_the_clock(
    cron_next: Next, drawn: tuple[str, str, datetime]
) -> None:
    expression, time_zone, after = drawn
    cron = Cron(expression, time_zone)
    assert cron.is_at_most_daily
    for _ in range(4):
        expected = cron.next_tick(after)
        assert cron_next(expression, time_zone, after) == expected
        after = expected


NEVER_IN_NEW_YORK = "0,1 2 8-14 3 */7"  # The second Sunday of March has no 02:00


def test_an_expression_whose_times_the_clocks_always_skip_is_refused(cron_next: Next) -> None:
    cron, after = Cron(NEVER_IN_NEW_YORK, "America/New_York"), utc("2026-01-01 00:00")

    with pytest.raises(psycopg2.errors.CheckViolation, match="the clocks skip its times"):
        cron_next(cron.expression, cron.time_zone, after)
    with pytest.raises(InvalidDefinition, match="the clocks skip its times"):
        cron.require_tick()
    with pytest.raises(InvalidDefinition, match="the clocks skip its times"):
        cron.last_tick(utc("2060-01-01 00:00"))  # Until 2006 the clocks changed in April
    assert cron_next(cron.expression, "UTC", after) == utc("2026-03-08 02:00")


@pytest.mark.parametrize("expression", ["59 23 29 2 */7", "0,1 0 31 12 *", "*/59 23 29 2 *"])
def test_rare_ticks_are_found_quickly(cron_next: Next, expression: str) -> None:
    cron_next(expression, "Europe/Berlin", utc("2026-03-28 00:00"))  # the plan is cached after this
    started = perf_counter()
    for days in range(10):
        cron_next(expression, "Europe/Berlin", utc("2026-03-28 00:00") + timedelta(days=days))

    assert perf_counter() - started < 2


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "does not have five fields"),
        ("0 6 * *", "does not have five fields"),
        ("0 0 6 * * *", "does not have five fields"),
        ("@reboot", "does not have five fields"),
        ("60 6 * * *", "values go from 0 to 59"),
        ("0 24 * * *", "'24' is not an hour; values go from 0 to 23"),
        ("0 0 0 * *", "'0' is not a day of month"),
        ("0 0 * 13 *", "'13' is not a month"),
        ("0 0 * * 8", "'8' is not a day of week"),
        ("0 0 * * FUN", "'FUN' is not a day of week"),
        ("0 0 * * MONDAY", "'MONDAY' is not a day of week"),
        ("5-1 0 * * *", "'5-1' is not a minute"),
        ("*/0 0 * * *", "'*/0' is not a minute"),
        ("5/10 0 * * *", "'5/10' is not a minute"),
        ("1,,2 0 * * *", "'' is not a minute"),
        ("1, 2 0 * *", "'' is not a minute"),
        ("-1 0 * * *", "'-1' is not a minute"),
        ("0 0 L * *", "'L' is not a day of month"),
        ("0 0 * * 5#2", "'5#2' is not a day of week"),
        ("0 0 ? * *", "'?' is not a day of month"),
        ("99999999999 0 * * *", "is not a minute"),
        ("JAN 0 * * *", "'JAN' is not a minute"),
        ("0 L * * *", "'L' is not an hour; write *"),
        ("0 6-2 * * *", "'6-2' is not an hour; a range goes upwards: write two ranges"),
        ("0 0 * * FRI-MON", "'FRI-MON' is not a day of week; a range goes upwards"),
        ("0 0 * NOV-FEB *", "'NOV-FEB' is not a month; a range goes upwards"),
        ("0 0 30 2 *", "no date ever matches"),
        ("0 0 31 4,6,9,11 *", "no date ever matches"),
        ("*/5 * 31 feb *", "no date ever matches"),
    ],
)
def test_a_bad_expression_is_refused_with_the_column_and_the_part(
    cron_next: Next, expression: str, problem: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation) as caught:
        cron_next(expression, "UTC", utc("2026-01-01 00:00"))

    message = caught.value.diag.message_primary
    assert message.startswith("workflow_schedules.cron_expression: ")
    assert problem in message
    assert caught.value.diag.column_name == "cron_expression"


def test_an_impossible_day_is_possible_beside_a_weekday(cron_next: Next) -> None:
    assert cron_next("0 0 30 2 MON", "UTC", utc("2026-01-01 00:00")) == utc("2026-02-02 00:00")
