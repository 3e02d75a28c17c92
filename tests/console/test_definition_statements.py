"""What the lists of schedules and collections find, read with the console's own role."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.postgres import Database, Row, Rows
from recomamp.store.statements import fetch_all

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
PAGE = {"limit": 2, "offset": 0}


@pytest.mark.parametrize(
    ("state", "search", "expected"),
    [
        ("all", "", ["Clicks", "Reach"]),
        ("all", "EACH", ["Reach"]),
        ("all", "%", []),
        ("active", "", ["Clicks", "Sales"]),
        ("paused", "", ["Reach"]),
        ("failing", "", ["Sales"]),
    ],
)
def test_schedules_are_found_by_name_and_state(
    database: Database, rows: Rows, state: str, search: str, expected: list[str]
) -> None:
    workflow = rows.workflow()
    visible = [
        rows.schedule(workflow, name="Sales", last_run_status="FAILED"),
        rows.schedule(workflow, name="Reach", is_active=False),
        rows.schedule(workflow, name="Clicks"),
    ]
    rows.schedule(workflow, name="Hidden reach", last_run_status="FAILED")
    ids = [row["id"] for row in visible]
    found = read(database, "select_schedules", visible_ids=ids, state=state, search=search, **PAGE)
    assert [row["name"] for row in found] == expected
    if (state, search) == ("all", ""):
        assert {row["total"] for row in found} == {3}


def test_an_open_execution_and_the_latest_record_say_what_became_of_a_window(
    database: Database, rows: Rows
) -> None:
    schedule = rows.schedule()
    for number, status in ((0, "FAILED"), (0, "SUCCESS"), (1, "FAILED")):
        add_run(rows, schedule, START + number * DAY, status)
    rows.execution(
        schedule_id=schedule["id"],
        workflow_id=schedule["workflow_id"],
        status="RUNNING",
        window_start=START + DAY,
        window_end=START + 2 * DAY,
    )
    found = read(
        database,
        "select_window_states",
        schedule_id=schedule["id"],
        window_ends=[START + number * DAY for number in (1, 2, 3)],
    )
    assert [row["status"] for row in found] == ["SUCCESS", "RUNNING"]


def test_the_latest_runs_of_each_schedule_come_in_the_order_of_their_windows(
    database: Database, rows: Rows
) -> None:
    workflow = rows.workflow()
    first, second = rows.schedule(workflow), rows.schedule(workflow)
    for number in (2, 0, 1):
        add_run(rows, first, START + number * DAY, "SUCCESS")
    add_run(rows, second, START, "FAILED")
    rows.insert("schedule_runs", schedule_id=second["id"], status="SUCCESS")  # without a window
    ids = [first["id"], second["id"]]
    found = read(database, "select_schedule_runs", schedule_ids=ids, limit=2)
    windows = [
        [run["window_start"] for run in found if str(run["schedule_id"]) == one["id"]]
        for one in (first, second)
    ]
    assert windows == [[START + DAY, START + 2 * DAY], [START]]


def test_weeks_with_several_versions_are_listed(database: Database, rows: Rows) -> None:
    collection = rows.collection()
    for number, day in enumerate((1, 1, 8)):
        latest = rows.execution(
            collection_id=collection["id"],
            workflow_id=collection["workflow_id"],
            status="SUCCESS",
            window_start=datetime(2026, 1, day, tzinfo=UTC),
            window_end=datetime(2026, 1, day + 7, tzinfo=UTC),
            completed_at=START + number * DAY,
        )
        if number == 1:
            restated = latest
    found = read(database, "select_restated_weeks", collection_id=collection["id"])
    assert [(row["versions"], str(row["execution_id"])) for row in found] == [(2, restated["id"])]


def add_run(rows: Rows, schedule: Row, start: datetime, status: str) -> None:
    rows.insert(
        "schedule_runs",
        schedule_id=schedule["id"],
        status=status,
        window_start=start,
        window_end=start + DAY,
    )


def read(database: Database, statement: str, **parameters: Any) -> list[Row]:
    with closing(database.connect("recomamp_console")) as connection:
        return fetch_all(connection, f"console/{statement}", **parameters)
