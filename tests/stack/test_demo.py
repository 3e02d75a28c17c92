"""The demo's rows suit any day it is run on, and its judgement finds what went wrong."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from demo.display import closing_tables, open_display
from demo.rows import COLLECTION, EUROPE_TOKEN, NORTH_TOKEN, REFUSED_SCHEDULE, Dates, seed
from demo.state import State, disappointments, read_state
from recomamp.domain.scheduling.cron import Cron

KEY = Fernet.generate_key().decode()
NOW = datetime(2026, 11, 22, 14, 20, tzinfo=UTC)

any_moment = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@pytest.fixture
def seeded(database: Any) -> Any:
    connection = database.connect()
    seed(connection, fernet_key=KEY, now=NOW)
    return connection


def test_the_rows_are_accepted_and_stand_for_nothing_done_yet(seeded: Any) -> None:
    state = read_state(seeded)

    assert len(state.schedules) == 3
    assert len(state.weeks) == 6
    assert state.executions == []
    assert [row["products"] for row in state.instances] == [2, 2]
    assert not state.is_synced()
    assert not state.is_settled()


def test_seeding_again_starts_afresh(seeded: Any) -> None:
    with seeded, seeded.cursor() as cursor:
        cursor.execute("UPDATE report_data_weeks SET status = 'FAILED'")

    seed(seeded, fernet_key=KEY, now=NOW)

    assert {row["status"] for row in read_state(seeded).weeks} == {"PENDING"}


def test_the_last_week_is_shorter_and_all_data_is_settled(seeded: Any) -> None:
    weeks = read_state(seeded).weeks

    days = [(week["week_end_date"] - week["week_start_date"]).days + 1 for week in weeks]
    assert days == [7, 7, 7, 7, 7, 4]
    assert NOW.date() - weeks[-1]["week_end_date"] > timedelta(days=14)


def test_the_tokens_are_sealed_with_the_newest_key(database: Any) -> None:
    connection = database.connect()
    older = Fernet.generate_key().decode()

    seed(connection, fernet_key=f"{KEY},{older}", now=NOW)

    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT encrypted_refresh_token FROM users ORDER BY email")
        tokens = [Fernet(KEY).decrypt(sealed.encode()).decode() for (sealed,) in cursor]
    assert tokens == [EUROPE_TOKEN, NORTH_TOKEN]


@given(now=any_moment)
def test_the_backfilled_days_are_settled_and_not_those_of_the_schedule(now: datetime) -> None:
    dates = Dates.before(now)

    assert (dates.backfill_to - dates.backfill_from).days == 4
    assert dates.collection_end < dates.backfill_from
    assert dates.backfill_to < now.date() - timedelta(days=5)


@given(now=any_moment, zone=st.sampled_from(["America/Los_Angeles", "Europe/Berlin", "UTC"]))
def test_no_tick_falls_into_the_demo(now: datetime, zone: str) -> None:
    ticked = (now - timedelta(hours=3)).astimezone(ZoneInfo(zone))

    cron = Cron(f"0 {ticked.hour} * * *", zone)

    assert now - cron.last_tick(now) < timedelta(hours=6)
    assert cron.next_tick(now) - now > timedelta(hours=12)


def execution(source: object, start: date, days: int, **changes: Any) -> dict[str, Any]:
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    row = {
        "source": "Costs of six weeks",
        "schedule_id": source,
        "collection_id": source,
        "window_start": begin,
        "window_end": begin + timedelta(days=days),
        "window_time_zone": "UTC",
        "amc_execution_id": "657e8413-ca3b-46cb-8d23-35fd31297bd9",
        "status": "SUCCESS",
        "error_message": None,
        "result_rows": 3,
        "execution_duration": 4,
        "files": 1,
    }
    return row | changes


@pytest.fixture
def as_expected(seeded: Any) -> State:
    state = read_state(seeded)
    done = {"completed_weeks": 6, "progress_percentage": 100, "collection_status": "COMPLETED"}
    weeks = [row | done | {"status": "SUCCESS"} for row in state.weeks]
    schedules, executions = [], []
    for row in state.schedules:
        failed = row["id"] == str(REFUSED_SCHEDULE)
        runs = 6 if row["name"] == "Reach every day" else 1
        counted = {"successful_runs": 0 if failed else runs, "failed_runs": int(failed)}
        schedules.append(row | {"total_runs": runs} | counted)
        executions += [execution(row["id"], date(2026, 11, 1 + day), 1) for day in range(runs)]
        if failed:
            words = "Was unable to compile workflow x because it was found to be invalid"
            executions[-1] |= {"status": "FAILED", "error_message": words, "result_rows": None}
    for week in weeks:
        days = (week["week_end_date"] - week["week_start_date"]).days + 1
        executions.append(execution(str(COLLECTION), week["week_start_date"], days))
    synced = {
        "health_status": "HEALTHY",
        "schema_last_sync": NOW,
        "campaigns_last_sync": NOW,
        "data_sources": 12,
        "campaigns": 31,
        "currencies": "USD",
        "spend": Decimal("1200.50"),
        "sales": Decimal("4802.00"),
        "acos": Decimal("25.0"),
        "roas": Decimal("4.00"),
    }
    europe, north = (row | synced for row in state.instances)
    europe |= {"products_found": 1, "products_missing": 1, "messages": ["COLLECTION_COMPLETED"]}
    north |= {"products_found": 2, "messages": ["SCHEDULE_RUN_FAILED"]}
    return State(executions=executions, weeks=weeks, schedules=schedules, instances=[europe, north])


def test_a_demo_that_went_well_disappoints_nobody(as_expected: State) -> None:
    assert disappointments(as_expected) == []
    assert as_expected.is_settled()


@pytest.mark.parametrize(
    ("part", "changes", "missed"),
    [
        ("executions", {"status": "CANCELLED"}, "of them SUCCESS"),
        ("executions", {"result_rows": None}, "rows and a Parquet file"),
        ("executions", {"amc_execution_id": None}, "AMC's id"),
        ("executions", {"files": 0}, "rows and a Parquet file"),
        ("executions", {"window_end": NOW}, "without gap or overlap"),
        ("executions", {"error_message": "something went wrong"}, "AMC's own words"),
        ("executions", {"window_start": NOW}, "backfilled days"),
        ("weeks", {"status": "FAILED"}, "weeks, the last of"),
        ("weeks", {"week_end_date": date(2026, 1, 1)}, "weeks, the last of"),
        ("weeks", {"collection_status": "ACTIVE"}, "COMPLETED at 100 percent"),
        ("weeks", {"progress_percentage": 99}, "COMPLETED at 100 percent"),
        ("schedules", {"successful_runs": 2}, "Berlin schedule ran once"),
        ("schedules", {"failed_runs": 0}, "counts one failed run"),
        ("schedules", {"next_run_at": None}, "knows its next run"),
        ("instances", {"health_status": "UNHEALTHY"}, "HEALTHY"),
        ("instances", {"data_sources": 0}, "tell their tables"),
        ("instances", {"schema_last_sync": None}, "tell their tables"),
        ("instances", {"campaigns_last_sync": None}, "spend, sales"),
        ("instances", {"acos": None}, "spend, sales"),
        ("instances", {"products_found": 0, "products_missing": 2}, "all but one"),
        ("instances", {"products_found": 0}, "all but one"),
        ("instances", {"messages": None}, "a message waits"),
    ],
)
def test_whatever_went_wrong_is_named(
    as_expected: State, part: str, changes: dict[str, Any], missed: str
) -> None:
    rows = [row | changes for row in getattr(as_expected, part)]

    told = disappointments(dataclasses.replace(as_expected, **{part: rows}))

    assert any(missed in line for line in told)


def test_a_missing_and_a_doubled_execution_are_noticed(as_expected: State) -> None:
    for executions in (as_expected.executions[1:], as_expected.executions * 2):
        told = disappointments(dataclasses.replace(as_expected, executions=executions))

        assert any("none of them twice" in line for line in told)


def test_a_demo_is_not_over_before_all_is_synced(as_expected: State) -> None:
    europe, north = as_expected.instances
    late = [europe, north | {"campaigns_last_sync": None}]

    assert not dataclasses.replace(as_expected, instances=late).is_settled()


def test_a_demo_of_which_nothing_ran_is_judged_without_stumbling(seeded: Any) -> None:
    assert len(disappointments(read_state(seeded))) > 5


@pytest.mark.parametrize("is_terminal", [True, False])
def test_every_state_can_be_shown(seeded: Any, as_expected: State, is_terminal: bool) -> None:
    console = Console(force_terminal=is_terminal, width=80, record=True, quiet=False)
    with open_display(console) as display:
        display.show(read_state(seeded), "waiting")
        display.show(as_expected, "done")
    console.export_text()
    console.print(closing_tables(as_expected))

    shown = console.export_text()
    assert shown.count("SUCCESS") == 13 + 6
    assert "FAILED" in shown
    assert "unable to compile" in shown
    assert "100 % COMPLETED" in shown
    assert "1,200.50 / 4,802.00 USD" in shown
    assert "SCHEDULE_RUN_FAILED" in shown
    assert "…" not in shown  # a terminal of 80 columns shows each value as a whole
