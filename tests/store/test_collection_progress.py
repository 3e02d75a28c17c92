"""The view ``collection_progress``: how far a collection is, and what failed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from psycopg2.extras import RealDictCursor

from fixtures.postgres import Database, Row, Rows


@pytest.fixture
def collection(rows: Rows) -> Row:
    """Insert a collection of four weeks."""
    return rows.collection(
        start_date="2026-01-01",
        end_date="2026-01-28",
        parameters={"timezone": "Europe/Berlin", "window": {"lag_days": 7}},
    )


def progress(database: Database, collection: Row) -> Row:
    analyst = database.connect("recomamp_analyst", collection["user_id"])
    with analyst, analyst.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SELECT * FROM collection_progress")
        (row,) = cursor.fetchall()
    return dict(row)


def end(rows: Rows, week: Row, status: str, **columns: Any) -> None:
    rows.update("report_data_weeks", week, status=status, **columns)


def test_a_new_collection_has_all_its_weeks_before_it(
    database: Database, rows: Rows, collection: Row
) -> None:
    row = progress(database, collection)
    assert row["collection_id"] == collection["id"]
    assert (row["weeks"], row["pending_weeks"], row["progress_percentage"]) == (4, 4, 0)
    assert (row["first_open_week"], row["last_open_week"]) == (date(2026, 1, 1), date(2026, 1, 22))
    assert row["next_due_week"] == date(2026, 1, 1)
    assert row["next_due_at"].isoformat() == "2026-01-14T23:00:00+00:00"
    assert (row["result_rows"], row["average_seconds"], row["failures"]) == (0, None, [])
    assert row["estimated_completion"] is None


def test_weeks_are_counted_by_their_status(database: Database, rows: Rows, collection: Row) -> None:
    first, second, third, fourth = rows.weeks(collection)
    end(rows, first, "SUCCESS", result_rows=2**30, execution_duration=60)
    end(rows, second, "SUCCESS", result_rows=2**30, execution_duration=30)
    end(rows, third, "RUNNING", started_at="2026-02-01")
    row = progress(database, collection)
    counted = ("successful_weeks", "running_weeks", "pending_weeks", "failed_weeks")
    assert tuple(row[name] for name in counted) == (2, 1, 1, 0)
    assert row["result_rows"] == 2**31
    assert row["average_seconds"] == 45
    assert (row["first_open_week"], row["last_open_week"]) == (date(2026, 1, 15), date(2026, 1, 22))
    assert row["next_due_week"] == date(2026, 1, 22)
    assert row["progress_percentage"] == 50
    stored = rows.get("report_data_collections", collection)
    assert row["estimated_completion"] == stored["estimated_completion"] is not None

    end(rows, third, "SKIPPED")
    end(rows, fourth, "SUCCESS", result_rows=0)
    row = progress(database, collection)
    assert (row["skipped_weeks"], row["status"]) == (1, "COMPLETED")
    assert (row["first_open_week"], row["next_due_week"], row["next_due_at"]) == (None, None, None)


def test_a_failed_week_says_why(database: Database, rows: Rows, collection: Row) -> None:
    execution = rows.execution(
        rows.get("workflows", collection["workflow_id"]),
        collection_id=collection["id"],
        status="FAILED",
        error_type="REJECTED",
    )
    _, second, third, _ = rows.weeks(collection)
    end(rows, second, "FAILED", error_message="too wide", execution_id=execution["id"])
    end(rows, third, "FAILED", error_message="nothing was submitted")
    row = progress(database, collection)
    assert row["failed_weeks"] == 2
    assert row["failures"] == [
        {
            "week_start_date": "2026-01-08",
            "execution_id": execution["id"],
            "error_type": "REJECTED",
            "error_message": "too wide",
        },
        {
            "week_start_date": "2026-01-15",
            "execution_id": None,
            "error_type": None,
            "error_message": "nothing was submitted",
        },
    ]
