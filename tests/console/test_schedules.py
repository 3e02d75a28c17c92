"""The pages of schedules, in a real browser on the running stack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from fixtures.browser import NARROW, token_of
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

# Midnight in Los Angeles
FIRST_WINDOW = datetime(2026, 3, 20, 7, tzinfo=UTC)
ENDS = {3: "FAILED", 7: "SKIPPED"}


@pytest.fixture(scope="module")
def schedule(pipeline: Pipeline) -> Row:
    """Insert a schedule with ten run records, and wait until Airflow has the DAGs."""
    rows = pipeline.rows
    workflow = rows.workflow(instance=pipeline.instance, name="Reach by day")
    schedule = rows.schedule(
        workflow, name="Console schedule", timezone="America/Los_Angeles", is_active=False
    )
    for number in range(10):
        start = FIRST_WINDOW + timedelta(days=number)
        rows.insert(
            "schedule_runs",
            schedule_id=schedule["id"],
            status=ENDS.get(number, "SUCCESS"),
            error_message="column reach is unknown" if number in ENDS else None,
            duration_seconds=120 + 10 * number,
            dag_run_id=f"scheduled__{number}",
            window_start=start,
            window_end=start + timedelta(days=1),
        )
    mistake = rows.schedule(
        workflow, name="Console mistake", is_active=False, parameters={"window": {"lagdays": 1}}
    )
    for row in (schedule, mistake):  # they may be in two files, which are parsed one by one
        dag = f"/api/v2/dags/amc_schedule_{row['id']}"
        pipeline.until(lambda dag=dag: pipeline.api.get(dag).is_success, dag)  # type: ignore[misc]
    return schedule


def test_the_list_shows_next_ticks_last_runs_and_mistakes(
    visit: Callable[..., Any], schedule: Row
) -> None:
    with visit("admin") as one:
        page = one.open("plugin/amc/schedules")
        page.get_by_label("Name").fill("CONSOLE")
        page.get_by_role("button", name="Search").click()
        table = page.get_by_role("table", name="List of schedules")
        expect(table.get_by_role("row")).to_have_count(3)
        expect(table).to_contain_text("unknown 'lagdays'")
        expect(page.get_by_role("list", name="Last runs of Console schedule")).to_be_visible()
        assert "search=CONSOLE" in page.url
        for scheme in one.schemes():
            one.picture(f"schedules-{scheme}")
            assert (one.serious_violations(), one.errors) == ([], [])


def test_one_schedule_shows_ticks_and_runs_in_its_own_zone(
    visit: Callable[..., Any], schedule: Row
) -> None:
    with visit("viewer", scheme="dark") as one:
        page = one.open(f"dags/amc_schedule_{schedule['id']}/plugin/amc-definition")
        ticks = page.get_by_role("table", name="Next ticks")
        expect(ticks.get_by_text(" 06:00 -0").first).to_be_visible()  # -07:00 or -08:00
        failed = page.get_by_role("img", name="2026-03-23: FAILED")
        expect(failed).to_have_accessible_name(
            "2026-03-23: FAILED, – rows, 3 min. column reach is unknown"
        )
        expect(page.get_by_role("img", name="Duration of the last runs")).to_be_visible()
        expect(page.get_by_role("button", name="Run now")).to_have_count(0)
        one.picture("schedule-dark")
        assert one.errors == []


def test_a_backfill_is_previewed_and_asked_for_as_its_owner(
    pipeline: Pipeline, visit: Callable[..., Any], schedule: Row
) -> None:
    with visit("admin") as one:
        page = one.open(f"plugin/amc/schedules/{schedule['id']}?dialog=backfill")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("First day").fill("2026-03-22")
        dialog.get_by_label("Last day").fill("2026-03-24")
        expect(dialog.get_by_text("0 of 3 windows will run.")).to_be_visible()
        expect(dialog.get_by_role("button", name="Run windows")).to_be_disabled()
        dialog.get_by_label("Windows that have a run").select_option("failed")
        expect(dialog.get_by_text("1 of 3 windows will run.")).to_be_visible()
        one.picture("backfill-light")
        assert one.serious_violations() == []
        dialog.get_by_role("button", name="Run windows (1)").click()
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("table", name="Recent requests")).to_contain_text("BACKFILL")
        assert (one.serious_violations(), one.errors) == ([], [])
    (request,) = pipeline.database.query(
        "SELECT * FROM run_requests WHERE schedule_id = %(id)s", {"id": schedule["id"]}
    )
    assert request["user_id"] == schedule["user_id"]
    assert (str(request["from_date"]), request["reprocess_behavior"]) == ("2026-03-22", "failed")


def test_a_schedule_is_resumed_and_fits_a_phone(
    pipeline: Pipeline, visit: Callable[..., Any], schedule: Row
) -> None:
    with visit("admin", size=NARROW) as one:
        page = one.open(f"plugin/amc/schedules/{schedule['id']}")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        one.picture("schedule-narrow")
        page = one.open(f"dags/amc_schedule_{schedule['id']}/plugin/amc-definition")
        expect(page.get_by_role("table", name="Next ticks")).to_be_visible()
        assert page.locator("main").last.evaluate("(main) => main.scrollWidth <= main.clientWidth")
    assert not pipeline.rows.get("workflow_schedules", schedule)["is_active"]


def test_a_viewer_changes_nothing(pipeline: Pipeline, schedule: Row) -> None:
    url = f"{pipeline.stack.settings.api_url}/recomamp/api"
    path = f"{url}/schedules/{schedule['id']}"
    dag = f"{url}/definitions/amc_schedule_{schedule['id']}"
    with httpx.Client(cookies={"_token": token_of(pipeline, "viewer")}) as viewer:
        assert viewer.get(path).json()["may_run"] is False
        paused = viewer.put(f"{dag}/status", json={"status": "ACTIVE"})
        asked = viewer.post(f"{dag}/requests", json={"action": "RUN"})
        assert [paused.status_code, asked.status_code] == [httpx.codes.FORBIDDEN] * 2
        unknown = viewer.get(f"{url}/schedules/00000000-0000-0000-0000-000000000000")
        other = viewer.put(
            f"{url}/definitions/recomamp_reconcile/status", json={"status": "PAUSED"}
        )
        assert [unknown.status_code, other.status_code] == [httpx.codes.NOT_FOUND] * 2
    assert httpx.get(path).status_code == httpx.codes.UNAUTHORIZED


def test_the_database_says_what_is_wrong_about_a_request(pipeline: Pipeline, schedule: Row) -> None:
    dag = f"definitions/amc_schedule_{schedule['id']}"
    url = f"{pipeline.stack.settings.api_url}/recomamp/api/{dag}/requests"
    admin = {"_token": token_of(pipeline, "admin")}
    answer = httpx.post(url, cookies=admin, json={"action": "RUN", "from_date": "2026-03-22"})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["column"] == "to_date"
