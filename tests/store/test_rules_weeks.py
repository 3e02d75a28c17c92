"""A collection has its weeks at once, its progress follows them, and counters follow the runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows


def dates(weeks: list[Row]) -> list[tuple[int, str, str]]:
    return [
        (week["week_number"], str(week["week_start_date"]), str(week["week_end_date"]))
        for week in weeks
    ]


def end_weeks(rows: Rows, weeks: list[Row], status: str, **columns: Any) -> None:
    for week in weeks:
        rows.update("report_data_weeks", week, status=status, **columns)


def refused_dates(rows: Rows, collection: Row, column: str, **columns: Any) -> str:
    with pytest.raises(psycopg2.errors.CheckViolation) as caught:
        rows.update("report_data_collections", collection, **columns)
    assert caught.value.diag.message_primary.startswith(f"report_data_collections.{column}: ")
    assert caught.value.diag.column_name == column
    return str(caught.value.diag.message_primary)


def test_inserting_a_collection_creates_its_weeks(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-17")

    weeks = rows.weeks(collection)
    assert dates(weeks) == [
        (1, "2026-01-01", "2026-01-07"),
        (2, "2026-01-08", "2026-01-14"),
        (3, "2026-01-15", "2026-01-17"),
    ]
    assert {week["status"] for week in weeks} == {"PENDING"}
    after = rows.get("report_data_collections", collection)
    assert (after["total_weeks"], after["completed_weeks"], after["failed_weeks"]) == (3, 0, 0)
    assert (after["status"], after["progress_percentage"]) == ("ACTIVE", 0)
    assert after["started_at"] is after["completed_at"] is after["estimated_completion"] is None


def test_one_day_is_one_week(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-01")

    assert dates(rows.weeks(collection)) == [(1, "2026-01-01", "2026-01-01")]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.dates(date(2015, 1, 1), date(2030, 1, 1)), days=st.integers(0, 400))
def test_the_weeks_tile_the_range(database: Database, rows: Rows, first: date, days: int) -> None:
    last = first + timedelta(days=days)

    weeks = rows.weeks(rows.collection(start_date=first, end_date=last))

    covered = [
        week["week_start_date"] + timedelta(days=day)
        for week in weeks
        for day in range((week["week_end_date"] - week["week_start_date"]).days + 1)
    ]
    assert covered == [first + timedelta(days=day) for day in range(days + 1)]
    assert all(week["week_start_date"].weekday() == first.weekday() for week in weeks)
    assert [week["week_number"] for week in weeks] == list(range(1, len(weeks) + 1))


def test_new_dates_cut_anew_while_no_week_has_begun(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-28")

    rows.update(
        "report_data_collections", collection, start_date="2026-01-05", end_date="2026-01-13"
    )

    assert dates(rows.weeks(collection)) == [
        (1, "2026-01-05", "2026-01-11"),
        (2, "2026-01-12", "2026-01-13"),
    ]
    assert rows.get("report_data_collections", collection)["total_weeks"] == 2


def test_the_end_may_grow_after_weeks_have_begun(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-14")
    before = rows.weeks(collection)
    end_weeks(rows, before, "SUCCESS")
    assert rows.get("report_data_collections", collection)["status"] == "COMPLETED"

    rows.update("report_data_collections", collection, end_date="2026-01-18")

    weeks = rows.weeks(collection)
    assert [week["id"] for week in weeks[:2]] == [week["id"] for week in before]
    assert dates(weeks)[2:] == [(3, "2026-01-15", "2026-01-18")]
    after = rows.get("report_data_collections", collection)
    assert (after["status"], after["completed_weeks"], after["total_weeks"]) == ("ACTIVE", 2, 3)
    assert after["completed_at"] is None


def test_a_clipped_week_that_has_begun_keeps_its_dates(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-10")
    end_weeks(rows, rows.weeks(collection)[1:], "RUNNING")

    message = refused_dates(rows, collection, "end_date", end_date="2026-01-20")

    assert "from 2026-01-08 to 2026-01-10" in message
    assert len(rows.weeks(collection)) == 2


def test_a_clipped_week_that_is_pending_grows_with_the_end(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-10")
    end_weeks(rows, rows.weeks(collection)[:1], "SUCCESS")

    rows.update("report_data_collections", collection, end_date="2026-01-12")

    assert dates(rows.weeks(collection))[1:] == [(2, "2026-01-08", "2026-01-12")]


@pytest.mark.parametrize(
    ("column", "value"), [("start_date", "2025-12-25"), ("end_date", "2026-01-21")]
)
def test_other_dates_are_refused_after_weeks_have_begun(
    rows: Rows, column: str, value: str
) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-28")
    end_weeks(rows, rows.weeks(collection)[:1], "RUNNING")

    refused_dates(rows, collection, column, **{column: value})


def test_a_week_being_run_refuses_new_dates_without_waiting(database: Database, rows: Rows) -> None:
    collection = rows.collection()
    running = database.connect()
    with running.cursor() as cursor:
        cursor.execute(
            "SELECT FROM report_data_weeks WHERE id = %s FOR UPDATE",
            [rows.weeks(collection)[0]["id"]],
        )

        message = refused_dates(rows, collection, "end_date", end_date="2026-03-01")

    assert "try again" in message


def test_two_weeks_of_a_collection_do_not_start_on_one_date(rows: Rows) -> None:
    collection = rows.collection()

    with pytest.raises(psycopg2.errors.UniqueViolation, match="uq_report_data_weeks_start"):
        rows.insert(
            "report_data_weeks",
            collection_id=collection["id"],
            week_start_date="2026-01-01",
            week_end_date="2026-01-07",
        )


def test_progress_counts_ended_weeks(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-21")
    weeks = rows.weeks(collection)

    end_weeks(rows, weeks[:1], "SUCCESS")
    one = rows.get("report_data_collections", collection)
    assert (one["completed_weeks"], one["progress_percentage"]) == (1, Decimal("33.33"))
    assert one["started_at"] is not None

    end_weeks(rows, weeks[1:2], "FAILED")
    two = rows.get("report_data_collections", collection)
    assert (two["completed_weeks"], two["failed_weeks"], two["status"]) == (1, 1, "ACTIVE")

    end_weeks(rows, weeks[2:], "SKIPPED")
    three = rows.get("report_data_collections", collection)
    assert (three["status"], three["progress_percentage"]) == ("FAILED", Decimal("66.66"))
    assert three["completed_at"] is not None


def test_a_week_that_runs_again_makes_the_collection_active_again(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-14")
    weeks = rows.weeks(collection)
    end_weeks(rows, weeks, "FAILED")
    assert rows.get("report_data_collections", collection)["status"] == "FAILED"

    end_weeks(rows, weeks[:1], "RUNNING")
    running = rows.get("report_data_collections", collection)
    assert (running["status"], running["completed_at"]) == ("ACTIVE", None)

    end_weeks(rows, weeks, "SUCCESS", completed_at="2026-02-01T10:00Z")
    done = rows.get("report_data_collections", collection)
    assert (done["status"], done["progress_percentage"]) == ("COMPLETED", 100)
    assert done["completed_at"] == datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert (done["failed_weeks"], done["estimated_completion"]) == (0, None)


def test_a_collection_of_skipped_weeks_is_complete(rows: Rows) -> None:
    collection = rows.collection()
    end_weeks(rows, rows.weeks(collection), "SKIPPED")

    after = rows.get("report_data_collections", collection)
    assert (after["status"], after["completed_weeks"]) == ("COMPLETED", 0)
    assert after["progress_percentage"] == 100


def test_progress_does_not_end_a_pause_until_all_is_done(rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-14")
    weeks = rows.weeks(collection)
    rows.update("report_data_collections", collection, status="PAUSED")

    for status in ("RUNNING", "FAILED"):
        end_weeks(rows, weeks, status)
        assert rows.get("report_data_collections", collection)["status"] == "PAUSED"
    end_weeks(rows, weeks, "SUCCESS")
    assert rows.get("report_data_collections", collection)["status"] == "COMPLETED"


def test_a_pause_that_ends_after_the_weeks_shows_what_became_of_them(rows: Rows) -> None:
    collection = rows.collection()
    rows.update("report_data_collections", collection, status="PAUSED")
    end_weeks(rows, rows.weeks(collection), "FAILED")

    rows.update("report_data_collections", collection, status="ACTIVE")

    assert rows.get("report_data_collections", collection)["status"] == "FAILED"


def test_the_estimate_follows_the_average_of_ended_weeks(rows: Rows) -> None:
    collection = rows.collection(start_date="2025-01-01", end_date="2025-01-28")
    weeks = rows.weeks(collection)
    rows.update("report_data_weeks", weeks[0], status="SUCCESS", execution_duration=100)
    rows.update(
        "report_data_weeks",
        weeks[1],
        status="FAILED",
        started_at="2026-01-01T00:00Z",
        completed_at="2026-01-01T00:05Z",
    )

    after = rows.get("report_data_collections", collection)

    # Weeks of 100 and 300 seconds, two to go.
    assert after["estimated_completion"] - after["updated_at"] == timedelta(seconds=400)


def test_the_estimate_waits_for_the_data_of_the_last_week(rows: Rows) -> None:
    collection = rows.collection(
        start_date="2099-01-01",
        end_date="2099-01-14",
        parameters={"timezone": "Asia/Tokyo", "window": {"lag_days": 3}},
    )
    rows.update(
        "report_data_weeks", rows.weeks(collection)[0], status="SUCCESS", execution_duration=1
    )

    after = rows.get("report_data_collections", collection)
    assert after["estimated_completion"] == datetime(2099, 1, 17, 15, tzinfo=UTC)


def test_weeks_that_move_or_go_are_counted_on_both_sides(database: Database, rows: Rows) -> None:
    first = rows.collection(start_date="2026-01-01", end_date="2026-01-14")
    second = rows.collection(start_date="2026-02-01", end_date="2026-02-14")
    moved = rows.weeks(first)[0]

    rows.update("report_data_weeks", moved, collection_id=second["id"], status="SUCCESS")
    totals = [rows.get("report_data_collections", row)["total_weeks"] for row in (first, second)]
    assert totals == [1, 3]

    database.query("DELETE FROM report_data_weeks WHERE id = %s", [moved["id"]])
    assert rows.get("report_data_collections", second)["total_weeks"] == 2


def test_deleting_a_collection_deletes_its_weeks(database: Database, rows: Rows) -> None:
    rows.collection()

    database.query("DELETE FROM report_data_collections")

    assert database.query("SELECT id FROM report_data_weeks") == []


def test_weeks_ending_at_once_are_all_counted(database: Database, rows: Rows) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-03-25")
    weeks = rows.weeks(collection)
    barrier = threading.Barrier(4)

    def end(own: list[Row]) -> None:
        connection = database.connect()
        barrier.wait()
        for week in own:
            for status in ("RUNNING", "SUCCESS"):
                with connection, connection.cursor() as cursor:
                    cursor.execute(
                        "UPDATE report_data_weeks SET status = %s WHERE id = %s",
                        [status, week["id"]],
                    )

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(end, weeks[number::4]) for number in range(4)]:
            future.result()

    after = rows.get("report_data_collections", collection)
    assert (after["status"], after["completed_weeks"]) == ("COMPLETED", len(weeks))


def test_the_second_of_two_overlapping_transactions_counts_the_first(
    database: Database, rows: Rows
) -> None:
    collection = rows.collection(start_date="2026-01-01", end_date="2026-01-14")
    one, other = rows.weeks(collection)
    first, second = database.connect(), database.connect()
    statement = "UPDATE report_data_weeks SET status = 'SUCCESS' WHERE id = %s"

    with first.cursor() as cursor, second.cursor() as waiting:
        cursor.execute(statement, [one["id"]])
        with ThreadPoolExecutor(1) as pool:
            blocked = pool.submit(waiting.execute, statement, [other["id"]])
            while not database.query("SELECT pid FROM pg_locks WHERE NOT granted"):
                assert not blocked.done()
            first.commit()
            blocked.result()
        second.commit()

    assert rows.get("report_data_collections", collection)["completed_weeks"] == 2


def test_counters_follow_the_runs(database: Database, rows: Rows) -> None:
    schedule = rows.schedule()

    def counters() -> tuple[int, int, int]:
        row = rows.get("workflow_schedules", schedule)
        return row["total_runs"], row["successful_runs"], row["failed_runs"]

    def record(status: str, run: str) -> Row:
        return rows.insert(
            "schedule_runs", schedule_id=schedule["id"], status=status, dag_run_id=run
        )

    record("SUCCESS", "1")
    failed = record("FAILED", "2")
    record("SKIPPED", "3")
    assert counters() == (3, 1, 1)

    rows.update("schedule_runs", failed, status="SUCCESS")
    assert counters() == (3, 2, 0)
    rows.update("schedule_runs", failed, status="SKIPPED", error_message="nothing to do")
    assert counters() == (3, 1, 0)
    rows.update("schedule_runs", failed, error_message="said again")
    assert counters() == (3, 1, 0)

    other = rows.schedule()
    rows.update("schedule_runs", failed, schedule_id=other["id"], status="FAILED")
    assert counters() == (2, 1, 0)
    assert rows.get("workflow_schedules", other)["failed_runs"] == 1

    database.query("DELETE FROM schedule_runs")
    assert counters() == (0, 0, 0)


def test_a_run_recorded_twice_is_one_run(database: Database, rows: Rows) -> None:
    schedule = rows.schedule()
    statement = """
        INSERT INTO schedule_runs (schedule_id, dag_run_id, status) VALUES (%s, 'run', %s)
        ON CONFLICT ON CONSTRAINT uq_schedule_runs_dag_run DO UPDATE SET status = EXCLUDED.status
    """

    for status in ("FAILED", "FAILED", "SUCCESS"):
        database.query(statement, [schedule["id"], status])

    after = rows.get("workflow_schedules", schedule)
    assert (after["total_runs"], after["successful_runs"], after["failed_runs"]) == (1, 1, 0)


def test_deleting_a_schedule_with_runs_works(database: Database, rows: Rows) -> None:
    schedule = rows.schedule()
    rows.insert("schedule_runs", schedule_id=schedule["id"], status="SUCCESS")

    database.query("DELETE FROM workflow_schedules")

    assert database.query("SELECT id FROM schedule_runs") == []


def test_the_time_zone_of_a_collection_stays_once_a_week_has_been_run(
    database: Database, rows: Rows
) -> None:
    collection = rows.collection(parameters={"timezone": "Europe/Berlin"})
    rows.update("report_data_collections", collection, parameters={"timezone": "Asia/Tokyo"})
    database.query("UPDATE report_data_weeks SET status = 'RUNNING' WHERE week_number = 1")
    rows.update(
        "report_data_collections", collection, parameters={"timezone": "Asia/Tokyo", "n": 1}
    )
    with pytest.raises(psycopg2.errors.CheckViolation, match="cannot change from Asia/Tokyo"):
        rows.update("report_data_collections", collection, parameters={})
