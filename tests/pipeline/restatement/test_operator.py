"""The hourly task asks for the windows of each user, whatever becomes of another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fixtures.postgres import Database, Row, Rows
from recomamp.errors import PartialFailure
from recomamp.pipeline.restatement.operator import RequestRestatements

pytestmark = pytest.mark.usefixtures("pipeline_connection")

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def restated(rows: Rows) -> Row:
    """Insert a schedule of a new user with a window that is due."""
    workflow = rows.workflow()
    schedule = rows.schedule(workflow, parameters={"window": {"restate_days": [3, 14]}})
    rows.execution(
        workflow, status="SUCCESS", schedule_id=schedule["id"], dag_run_id="run",
        window_start=NOW - 5 * DAY, window_end=NOW - 4 * DAY, created_at=NOW - 2 * DAY,
        completed_at=NOW - 2 * DAY,
    )  # fmt: skip
    return schedule


def restated_collection(rows: Rows) -> Row:
    """Insert a collection of a new user with a week that is due."""
    workflow = rows.workflow()
    window = {"restate_days": [16, 31], "lag_days": 14}
    collection = rows.collection(
        workflow,
        start_date="2026-05-08",
        end_date="2026-05-14",
        parameters={"timezone": "Europe/Berlin", "window": window},
    )
    end = datetime(2026, 5, 14, 22, tzinfo=UTC)  # midnight in Berlin
    rows.execution(
        workflow, status="SUCCESS", collection_id=collection["id"], dag_run_id="run",
        window_start=end - 7 * DAY, window_end=end, window_time_zone="Europe/Berlin",
        created_at=end + 14 * DAY, completed_at=end + 14 * DAY,
    )  # fmt: skip
    return collection


def look() -> int:
    task = RequestRestatements(task_id="request_restatements", now=lambda: NOW)
    return int(task.execute({}))


def requests(database: Database) -> list[Row]:
    return database.query("SELECT * FROM run_requests ORDER BY user_id")


def test_each_user_is_asked_for_once(database: Database, rows: Rows) -> None:
    schedules = [restated(rows), restated(rows)]
    assert look() == 2
    assert look() == 0
    found = requests(database)
    assert {row["schedule_id"] for row in found} == {one["id"] for one in schedules}
    assert {(row["action"], row["restate_age_days"], row["status"]) for row in found} == {
        ("RESTATE", 3, "PENDING")
    }


def test_weeks_of_a_collection_are_asked_for_likewise(database: Database, rows: Rows) -> None:
    collection = restated_collection(rows)
    assert look() == 1
    assert look() == 0
    (found,) = requests(database)
    assert (found["schedule_id"], found["collection_id"]) == (None, collection["id"])
    assert (found["action"], found["restate_age_days"]) == ("RESTATE", 16)
    assert found["window_end"] == datetime(2026, 5, 14, 22, tzinfo=UTC)


def test_a_user_who_cannot_be_done_stops_no_other(database: Database, rows: Rows) -> None:
    first, second = restated(rows), restated(rows)
    person = database.connect("recomamp_analyst", first["user_id"])
    with person.cursor() as cursor:
        cursor.execute("SELECT delete_own_row('workflow_schedules', %s)", [first["id"]])
        with pytest.raises(PartialFailure, match=str(first["user_id"])):
            look()
    person.rollback()
    assert [row["schedule_id"] for row in requests(database)] == [second["id"]]
    assert look() == 1


def test_an_inactive_user_is_left_out(rows: Rows) -> None:
    rows.update("users", restated(rows)["user_id"], is_active=False)
    assert look() == 0
