"""Which windows the options of a row mean, and what is said of an option that means none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fixtures.definition_rows import COLLECTION, SCHEDULE
from recomamp.domain.definitions import (
    Collection,
    Schedule,
    read_collection,
    read_collection_windows,
    read_schedule,
    read_schedule_windows,
)
from recomamp.domain.restatement import Restatement
from recomamp.domain.scheduling.windows import WindowType
from recomamp.errors import InvalidDefinition

Row = dict[str, Any]
Read = Callable[[Row], Any]

SCHEDULES, COLLECTIONS = "workflow_schedules", "report_data_collections"
READERS_OF_SCHEDULES = pytest.mark.parametrize("read", [read_schedule, read_schedule_windows])
READERS_OF_COLLECTIONS = pytest.mark.parametrize("read", [read_collection, read_collection_windows])


def with_window(row: Row, **options: Any) -> Row:
    return row | {"parameters": {"window": options}}


def windows_of(read: Read, row: Row) -> Any:
    """Return the windows, which are a part of what some readers return."""
    found = read(row)
    return found.windows if isinstance(found, Schedule | Collection) else found


def refusal(read: Read, row: Row) -> tuple[str, str, str]:
    """Return the place and the row that a refusal names, and what is wrong."""
    with pytest.raises(InvalidDefinition) as refused:
        read(row)
    error = refused.value
    return f"{error.table}.{error.column}", error.key, error.problem


@READERS_OF_SCHEDULES
@pytest.mark.parametrize("parameters", [{}, {"window": {}}, None])
def test_a_schedule_without_options_reads_from_tick_to_tick_two_days_later(
    read: Read, parameters: Row | None
) -> None:
    windows = windows_of(read, SCHEDULE | {"parameters": parameters})
    assert (windows.cron.expression, windows.time_zone) == ("0 6 * * *", "Europe/Madrid")
    assert (windows.lag_days, windows.lookback_days) == (2, None)
    assert windows.type is WindowType.EXPLICIT


@READERS_OF_SCHEDULES
@pytest.mark.parametrize(
    ("name", "values"),
    [("lag_days", [0, 1, 366]), ("lookback_days", [1, 400, None]), ("type", list(WindowType))],
)
def test_a_schedules_windows_have_the_options_of_its_row(
    read: Read, name: str, values: list[Any]
) -> None:
    rows = [with_window(SCHEDULE, **{name: value}) for value in values]
    assert [getattr(windows_of(read, row), name) for row in rows] == values


@pytest.mark.parametrize(("options", "catchup"), [({}, False), ({"catchup": True}, True)])
def test_missed_ticks_are_run_where_catchup_is_set(options: Row, catchup: bool) -> None:
    assert read_schedule(with_window(SCHEDULE, **options)).catchup is catchup


@READERS_OF_COLLECTIONS
@pytest.mark.parametrize(
    ("parameters", "lag_days", "time_zone"),
    [
        (None, 14, "UTC"),
        ({}, 14, "UTC"),
        ({"window": {"lag_days": 0}}, 0, "UTC"),
        ({"window": {"lag_days": 366}, "timezone": "Asia/Tokyo"}, 366, "Asia/Tokyo"),
    ],
)
def test_a_collections_weeks_wait_two_weeks_in_utc_where_its_row_says_nothing_else(
    read: Read, parameters: Row | None, lag_days: int, time_zone: str
) -> None:
    windows = windows_of(read, COLLECTION | {"parameters": parameters})
    assert (windows.start_date, windows.end_date) == (date(2025, 12, 1), date(2026, 2, 28))
    assert (windows.lag_days, windows.time_zone) == (lag_days, time_zone)


NO_LAG = "is not a whole number of days from 0 to 366"
NO_LOOKBACK = "is not a whole number of days from 1 to 400"
NO_TYPE = "is not one of EXPLICIT, MOST_RECENT_DAY, MOST_RECENT_WEEK"


@READERS_OF_SCHEDULES
@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("lag_days", [-1, 367, 2.5, "2", True, None], NO_LAG),
        ("lookback_days", [0, 401, 2.5, "2", True], NO_LOOKBACK),
        ("type", ["WEEKLY", "explicit", None, 7, []], NO_TYPE),
    ],
)
def test_a_bad_option_of_a_schedules_window_is_refused_by_its_name(
    read: Read, name: str, values: list[Any], words: str
) -> None:
    for value in values:
        place, key, problem = refusal(read, with_window(SCHEDULE, **{name: value}))
        assert (place, key) == (f"{SCHEDULES}.parameters.window.{name}", SCHEDULE["id"])
        assert problem.startswith(f"{value!r} {words}")


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_catchup_is_true_or_false(value: Any) -> None:
    place, key, problem = refusal(read_schedule, with_window(SCHEDULE, catchup=value))
    assert (place, key) == (f"{SCHEDULES}.parameters.window.catchup", SCHEDULE["id"])
    assert problem == f"{value!r} is neither true nor false"


@READERS_OF_COLLECTIONS
@pytest.mark.parametrize("value", [-1, 367, 2.5, "2", True, None])
def test_a_bad_lag_of_a_collection_is_refused(read: Read, value: Any) -> None:
    place, key, problem = refusal(read, with_window(COLLECTION, lag_days=value))
    assert (place, key) == (f"{COLLECTIONS}.parameters.window.lag_days", COLLECTION["id"])
    assert problem == f"{value!r} {NO_LAG}"


OF_SCHEDULES = "catchup, lag_days, lookback_days, restate_days, restate_threshold, type"
OF_COLLECTIONS = "lag_days, restate_days, restate_threshold"
READERS = pytest.mark.parametrize(
    ("read", "row", "table", "known"),
    [
        (read_schedule, SCHEDULE, SCHEDULES, OF_SCHEDULES),
        (read_schedule_windows, SCHEDULE, SCHEDULES, OF_SCHEDULES),
        (read_collection, COLLECTION, COLLECTIONS, OF_COLLECTIONS),
        (read_collection_windows, COLLECTION, COLLECTIONS, OF_COLLECTIONS),
    ],
)


@READERS
def test_an_unknown_option_is_refused_with_the_known_ones(
    read: Read, row: Row, table: str, known: str
) -> None:
    place, key, problem = refusal(read, with_window(row, lag=2, zone="UTC"))
    assert (place, key) == (f"{table}.parameters.window", row["id"])
    assert problem == f"unknown 'lag'; known: {known}"


@READERS
def test_options_and_parameters_are_json_objects(
    read: Read, row: Row, table: str, known: str
) -> None:
    for window in (None, [], "2"):
        place, key, problem = refusal(read, row | {"parameters": {"window": window}})
        assert (place, key) == (f"{table}.parameters.window", row["id"])
        assert problem == 'is not a JSON object such as {"lag_days": 2}'
    place, key, problem = refusal(read, row | {"parameters": "none"})
    assert (place, key, problem) == (f"{table}.parameters", row["id"], "is not a JSON object")


@READERS_OF_SCHEDULES
@pytest.mark.parametrize("time_zone", [None, ""])
def test_a_schedule_without_a_time_zone_is_in_utc(read: Read, time_zone: str | None) -> None:
    assert windows_of(read, SCHEDULE | {"timezone": time_zone}).time_zone == "UTC"


@READERS_OF_SCHEDULES
@pytest.mark.parametrize(
    ("column", "value"), [("timezone", "Europe/Bonn"), ("cron_expression", "0 6 * * 8")]
)
def test_a_schedule_that_cannot_tick_is_refused_with_its_row(
    read: Read, column: str, value: str
) -> None:
    place, key, _ = refusal(read, SCHEDULE | {column: value})
    assert (place, key) == (f"{SCHEDULES}.{column}", SCHEDULE["id"])


@READERS_OF_COLLECTIONS
@pytest.mark.parametrize("time_zone", ["Europe/Bonn", "", None, 7])
def test_a_collection_in_no_time_zone_is_refused(read: Read, time_zone: Any) -> None:
    place, key, problem = refusal(read, COLLECTION | {"parameters": {"timezone": time_zone}})
    assert (place, key) == (f"{COLLECTIONS}.parameters.timezone", COLLECTION["id"])
    assert f"'{time_zone}' is not an IANA time zone" in problem


@READERS_OF_COLLECTIONS
def test_a_collection_ends_on_its_first_day_or_later(read: Read) -> None:
    first = COLLECTION["start_date"]
    assert windows_of(read, COLLECTION | {"end_date": first}).end_date == first
    place, key, problem = refusal(read, COLLECTION | {"end_date": first - timedelta(days=1)})
    assert (place, key) == (f"{COLLECTIONS}.end_date", COLLECTION["id"])
    assert problem == "lies before start_date"


@pytest.mark.parametrize("word", [one for one in WindowType if one is not WindowType.EXPLICIT])
def test_a_query_cannot_use_dates_of_a_window_that_amc_chooses(word: WindowType) -> None:
    sql = "SELECT a FROM t WHERE d >= {{start_date}} AND d <= {{end_date}}"
    place, key, problem = refusal(
        read_schedule, with_window(SCHEDULE, type=word) | {"sql_query": sql}
    )
    assert (place, key) == (f"{SCHEDULES}.parameters.window.type", SCHEDULE["id"])
    assert problem == f"with {word} AMC chooses the window, so the query cannot use end_date"
    explicit = with_window(SCHEDULE, type="EXPLICIT") | {"sql_query": sql}
    assert read_schedule(explicit).workflow.sql_query == sql


@pytest.mark.parametrize(
    ("read", "row", "table", "lag_days"),
    [
        (read_schedule, SCHEDULE, SCHEDULES, 2),
        (read_collection, COLLECTION, COLLECTIONS, 14),
    ],
)
def test_windows_are_read_again_at_ages_beyond_the_lag(
    read: Read, row: Row, table: str, lag_days: int
) -> None:
    assert read(row).restatement is None
    planned = read(with_window(row, restate_days=[lag_days + 1, 40], restate_threshold=0.5))
    assert planned.restatement == Restatement(ages=(lag_days + 1, 40), threshold=Decimal("0.5"))
    sooner = read(with_window(row, lag_days=1, restate_days=[2]))
    assert sooner.restatement == Restatement(ages=(2,))
    place, key, problem = refusal(read, with_window(row, restate_days=[lag_days]))
    assert (place, key) == (f"{table}.parameters.window", row["id"])
    assert f"larger than lag_days ({lag_days})" in problem


def test_windows_that_amc_chooses_are_not_read_again() -> None:
    options = {"type": "PREVIOUS_MONTH", "restate_days": [30]}
    place, _, problem = refusal(read_schedule, with_window(SCHEDULE, **options))
    assert place == f"{SCHEDULES}.parameters.window"
    assert "restate_days needs windows of the pipeline" in problem
