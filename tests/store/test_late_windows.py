"""A window without results is one event at its time, whatever else of the schedule has loaded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.windows import ScheduleWindows
from recomamp.store.late_windows import (
    LateWindow,
    UnreadableEvent,
    record_late_windows,
    withdraw_loaded_windows,
)

HOUR = timedelta(hours=1)


def judge(database: Database) -> list[LateWindow]:
    with database.connect("recomamp_pipeline") as connection:
        return record_late_windows(connection)


def withdraw(database: Database) -> list[UnreadableEvent]:
    with database.connect("recomamp_pipeline") as connection:
        return withdraw_loaded_windows(connection)


def events(database: Database) -> list[Row]:
    return database.query(
        "SELECT * FROM notifications WHERE kind = 'WINDOW_LATE' ORDER BY event_key"
    )


@pytest.fixture
def tick() -> datetime:
    """Return the tick of this hour, two hours ago."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 2 * HOUR


@pytest.fixture
def schedule(rows: Rows, tick: datetime) -> Row:
    """Insert a schedule whose window of that tick must have been loaded an hour ago."""
    made = rows.schedule(
        cron_expression="0 * * * *",
        name="Hourly",
        late_after="1 hour",
        created_at=tick - timedelta(minutes=30),
    )
    assert made["late_tick_at"] == tick
    return made


def window_of(schedule: Row, tick: datetime) -> tuple[datetime, datetime]:
    windows = ScheduleWindows(cron=Cron(schedule["cron_expression"], schedule["timezone"]))
    window = windows.at(tick).window
    return window.start, window.end


def load(rows: Rows, schedule: Row, due_at: datetime, **columns: Any) -> Row:
    """Insert what a run leaves that loads the window of a tick."""
    start, end = window_of(schedule, due_at)
    execution = rows.execution(
        rows.get("workflows", schedule["workflow_id"]),
        **{
            "schedule_id": schedule["id"],
            "dag_run_id": f"run {due_at}",
            "due_at": due_at,
            "window_start": start,
            "window_end": end,
            **columns,
        },
    )
    return rows.update("workflow_executions", execution, status="SUCCESS")


def test_a_window_that_has_not_loaded_is_one_event(
    database: Database, schedule: Row, tick: datetime
) -> None:
    found = judge(database)
    assert [(str(one.schedule_id), one.due_at, one.problem) for one in found] == [
        (schedule["id"], tick, None)
    ]
    (event,) = events(database)
    assert (event["user_id"], event["status"]) == (schedule["user_id"], "PENDING")
    details = event["details"]
    assert (details["name"], details["late_after_minutes"]) == ("Hourly", 60)
    assert datetime.fromisoformat(details["due_at"]) == tick
    assert datetime.fromisoformat(details["window_end"]) == window_of(schedule, tick)[1]


def test_each_tick_is_judged_once_at_its_time(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    judge(database)
    assert rows.get("workflow_schedules", schedule)["late_tick_at"] == tick + HOUR
    judge(database)  # the next tick is an hour old, or not yet
    keys = [event["event_key"] for event in events(database)]
    assert len(keys) == len(set(keys)) <= 2
    rows.update("workflow_schedules", schedule, late_tick_at=tick)
    judge(database)
    assert [event["event_key"] for event in events(database)] == keys


def test_a_window_that_has_loaded_is_no_event(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    load(rows, schedule, tick)
    assert judge(database) == []
    assert rows.get("workflow_schedules", schedule)["late_tick_at"] > tick


def test_a_manual_run_over_the_same_days_counts_and_an_older_one_does_not(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    start, end = window_of(schedule, tick)
    same = {"window_start": start, "window_end": end}
    load(rows, schedule, tick - HOUR, created_at=tick - HOUR, **same)  # before it was due
    assert len(judge(database)) == 1
    rows.update("workflow_schedules", schedule, late_tick_at=tick)
    load(rows, schedule, tick + timedelta(minutes=7), created_at=tick + HOUR, **same)
    assert judge(database) == []
    assert [event["status"] for event in events(database)] == ["PENDING"]
    assert withdraw(database) == []
    assert [event["status"] for event in events(database)] == ["WITHDRAWN"]


def test_a_backfill_of_an_old_window_does_not_make_a_schedule_fresh(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    load(rows, schedule, tick - 24 * HOUR)
    assert len(judge(database)) == 1


def test_a_failed_run_is_late_too(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    execution = load(rows, schedule, tick)
    rows.update("workflow_executions", execution, status="FAILED")
    assert len(judge(database)) == 1


def test_results_that_come_before_the_mail_withdraw_the_event(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    judge(database)
    load(rows, schedule, tick)
    assert [event["status"] for event in events(database)] == ["WITHDRAWN"]


def test_an_event_that_was_sent_stays(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    judge(database)
    rows.update("notifications", events(database)[0], status="SENT")
    load(rows, schedule, tick)
    rows.update("workflow_schedules", schedule, late_tick_at=tick)
    judge(database)
    withdraw(database)
    assert [event["status"] for event in events(database)] == ["SENT"]


def test_nothing_is_judged_before_its_time(database: Database, rows: Rows, tick: datetime) -> None:
    rows.schedule(cron_expression="0 * * * *", late_after="30 days", created_at=tick - HOUR)
    rows.schedule(cron_expression="0 * * * *", created_at=tick - HOUR)
    assert judge(database) == []


def test_watching_begins_with_the_next_tick(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    off = rows.update("workflow_schedules", schedule, late_after=None)
    assert off["late_tick_at"] is None
    on = rows.update("workflow_schedules", schedule, late_after="5 minutes")
    assert on["late_tick_at"] > datetime.now(UTC)
    paused = rows.update("workflow_schedules", schedule, is_active=False)
    assert paused["late_tick_at"] is None
    resumed = rows.update("workflow_schedules", schedule, is_active=True)
    assert resumed["late_tick_at"] == on["late_tick_at"]
    moved = rows.update("workflow_schedules", schedule, cron_expression="30 6 1 1 *")
    assert moved["late_tick_at"] == moved["next_run_at"]
    assert judge(database) == []


@pytest.mark.parametrize(("table", "key"), [("users", "user_id"), ("amc_instances", "instance_id")])
def test_what_cannot_run_is_not_late(
    database: Database, rows: Rows, schedule: Row, table: str, key: str
) -> None:
    row = {**schedule, **rows.get("workflows", schedule["workflow_id"])}
    rows.update(table, row[key], is_active=False)
    assert judge(database) == []


def test_after_an_outage_windows_of_the_last_day_are_judged(
    database: Database, rows: Rows, schedule: Row
) -> None:
    rows.update("workflow_schedules", schedule, late_tick_at=datetime.now(UTC) - timedelta(days=40))
    judge(database)
    next_at = rows.get("workflow_schedules", schedule)["late_tick_at"]
    assert timedelta(hours=24) <= datetime.now(UTC) - next_at <= timedelta(hours=26)


def test_a_schedule_that_cannot_be_judged_delays_no_other(
    database: Database, rows: Rows, schedule: Row
) -> None:
    broken = rows.schedule(cron_expression="0 * * * *", late_after="1 hour")
    database.query(
        "SET session_replication_role = replica;"
        "UPDATE workflow_schedules SET cron_expression = 'x', late_tick_at = '2026-01-01'"
        f" WHERE id = '{broken['id']}'; SET session_replication_role = DEFAULT"
    )
    found = judge(database)
    assert [one.problem is None for one in found] == [False, True]
    assert str(found[0].schedule_id) == broken["id"]
    assert rows.get("workflow_schedules", broken)["late_tick_at"] > datetime.now(UTC) - HOUR
    assert [event["user_id"] for event in events(database)] == [schedule["user_id"]]


def test_details_that_nobody_of_ours_wrote_delay_nothing(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    rows.insert(
        "notifications",
        user_id=schedule["user_id"],
        kind="WINDOW_LATE",
        event_key="odd",
        happened_at="2026-01-01",
        details={"schedule_id": "x", "due_at": "y", "window_end": "z"},
    )
    judge(database)
    start, end = window_of(schedule, tick)
    load(
        rows, schedule, tick + timedelta(minutes=7), created_at=tick + HOUR,
        window_start=start, window_end=end,
    )  # fmt: skip
    (found,) = withdraw(database)
    assert "notifications.details" in found.problem
    assert [(event["event_key"] == "odd", event["status"]) for event in events(database)] == [
        (True, "PENDING"), (False, "WITHDRAWN"),
    ]  # fmt: skip


def test_the_windows_of_a_user_with_more_than_a_call_judges_delay_nobody(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    other = rows.schedule(cron_expression="0 * * * *", late_after="1 hour")
    rows.quotas(other["user_id"], max_active_schedules=1000)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO workflow_schedules SELECT (jsonb_populate_record(one, jsonb_build_object("
            " 'id', gen_random_uuid(), 'name', 'n' || n, 'late_tick_at', %s::TIMESTAMPTZ))).*"
            " FROM workflow_schedules AS one, generate_series(1, 600) AS n WHERE id = %s",
            [tick - HOUR, other["id"]],
        )
    found = judge(database)
    assert len(found) == 500
    assert schedule["id"] in {str(one.schedule_id) for one in found}


def test_a_look_at_a_window_reads_few_of_the_schedules_executions(
    database: Database, rows: Rows, schedule: Row, tick: datetime
) -> None:
    """In a long outage each round makes hundreds of looks."""
    execution = load(rows, schedule, tick - 24 * HOUR)
    run = rows.insert("schedule_runs", schedule_id=schedule["id"], status="SUCCESS",
                      dag_run_id="r", window_end=execution["window_end"])  # fmt: skip
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, row in (("workflow_executions", execution), ("schedule_runs", run)):
            cursor.execute(
                f"INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object("
                " 'id', gen_random_uuid(), 'dag_run_id', n,"
                " 'due_at', past.tick, 'window_start', past.tick - INTERVAL '1 day',"
                f" 'window_end', past.tick))).* FROM {table} AS one, generate_series(1, 3000) AS n,"
                " LATERAL (SELECT %(past)s - n * INTERVAL '1 hour' AS tick) AS past"
                " WHERE id = %(id)s",
                {"past": tick - 100 * HOUR, "id": row["id"]},
            )
    with database.connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE workflow_executions, schedule_runs")
        cursor.execute("BEGIN")
        cursor.execute(
            "SELECT is_window_loaded(%s, %s, %s)", [schedule["id"], tick, tick - 48 * HOUR]
        )
        cursor.execute(
            "SELECT relname, seq_tup_read + COALESCE(idx_tup_fetch, 0)"
            " FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('workflow_executions', 'schedule_runs')"
        )
        read = dict(cursor.fetchall())
        cursor.execute("ROLLBACK")
    assert set(read) == {"workflow_executions", "schedule_runs"}
    assert max(read.values()) <= 3


@pytest.mark.parametrize(
    "late_after",
    ["4 minutes", "31 days", "-1 hour", "1 month", "1 month -29 days", "40 days -250 hours"],
)
def test_a_time_that_is_too_short_too_long_or_uncertain_is_refused(
    rows: Rows, schedule: Row, late_after: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        rows.update("workflow_schedules", schedule, late_after=late_after)
    assert str(refused.value).startswith("workflow_schedules.late_after: must be from 00:05:00 to")


TICKS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moment=TICKS,
    expression=st.sampled_from(["0 6 * * *", "30 0 * * 1", "0 */6 * * *", "0 2 29 * *"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles", "Africa/Cairo"]),
    lag_days=st.none() | st.integers(0, 366),
)
@example(datetime(2027, 3, 27, 12, tzinfo=UTC), "30 23 * * *", "America/Nuuk", None)
@example(datetime(2027, 3, 28, 12, tzinfo=UTC), "30 23 * * *", "America/Nuuk", 0)
@example(datetime(2026, 5, 1, tzinfo=UTC), "5,5 3-3 * * *", "Europe/Berlin", None)
def test_the_end_of_a_window_is_the_one_that_runs_read(
    database: Database, moment: datetime, expression: str, zone: str, lag_days: int | None
) -> None:
    lag = {} if lag_days is None else {"lag_days": lag_days}
    windows = ScheduleWindows(cron=Cron(expression, zone), **lag)
    due = windows.next(moment)
    parameters = "{}" if lag_days is None else f'{{"window": {{"lag_days": {lag_days}}}}}'
    (row,) = database.query(
        "SELECT schedule_window_end(%s, %s, %s::JSONB, %s) AS found",
        [expression, zone, parameters, due.due_at],
    )
    assert row["found"] == due.window.end
