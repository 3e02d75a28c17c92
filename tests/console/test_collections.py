"""The pages of collections, in a real browser on the running stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from fixtures.browser import NARROW
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

STATUSES = ["SUCCESS", "FAILED", "SUCCESS", "PENDING"]


@pytest.fixture(scope="module")
def collection(pipeline: Pipeline) -> Row:
    """Insert a paused collection of four weeks, and wait until Airflow has its DAG."""
    rows = pipeline.rows
    workflow = rows.workflow(instance=pipeline.instance, name="Reach by week")
    collection = rows.collection(
        workflow,
        name="Console collection",
        status="PAUSED",
        parameters={"timezone": "America/Los_Angeles"},
    )
    for week, status in zip(rows.weeks(collection), STATUSES, strict=True):
        number = week["week_number"]
        rows.update(
            "report_data_weeks",
            week,
            status=status,
            result_rows=100 * number if status == "SUCCESS" else None,
            execution_duration=60 * number if status == "SUCCESS" else None,
            error_message="AMC rejects it" if status == "FAILED" else None,
        )
    dag = f"/api/v2/dags/amc_collection_{collection['id']}"
    pipeline.until(lambda: pipeline.api.get(dag).is_success, "the DAG")
    return collection


def test_the_list_shows_progress_and_weeks(visit: Callable[..., Any], collection: Row) -> None:
    with visit("admin") as one:
        page = one.open("plugin/amc/collections?search=console&state=PAUSED")
        listed = page.get_by_role("list", name="List of collections")
        expect(listed).to_contain_text("2 SUCCESS, 1 PENDING, 1 FAILED")
        expect(listed).to_contain_text("Next week 2026-01-22, due 2026-02-12 00:00 -08:00")
        weeks = page.get_by_role("list", name="Weeks of Console collection")
        expect(weeks.get_by_role("img")).to_have_count(4)
        for scheme in one.schemes():
            one.picture(f"collections-{scheme}")
            assert (one.serious_violations(), one.errors) == ([], [])


def test_weeks_are_coloured_by_state_rows_or_duration(
    visit: Callable[..., Any], collection: Row
) -> None:
    with visit("viewer", size=NARROW) as one:
        page = one.open(f"dags/amc_collection_{collection['id']}/plugin/amc-definition")
        page.get_by_label("Colour of the weeks").select_option("rows")
        expect(page.get_by_text("0 to 300 rows")).to_be_visible()
        assert "colour=rows" in page.url
        label = "Week 2, 2026-01-08 to 2026-01-14: FAILED, – rows, –. AMC rejects it"
        expect(page.get_by_role("img", name=label)).to_be_visible()
        expect(page.get_by_role("button", name="Retry")).to_have_count(0)
        one.picture("collection-narrow")
        assert page.locator("main").last.evaluate("(main) => main.scrollWidth <= main.clientWidth")


def test_failed_weeks_are_asked_for_again_as_their_owner(
    pipeline: Pipeline, visit: Callable[..., Any], collection: Row
) -> None:
    with visit("admin") as one:
        page = one.open(f"plugin/amc/collections/{collection['id']}?colour=duration")
        expect(page.get_by_text("0 to 3 min")).to_be_visible()
        page.get_by_role("button", name="Retry failed weeks (1)").click()
        expect(page.get_by_role("table", name="Recent requests")).to_contain_text("RETRY")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        one.picture("collection-light")
        assert (one.serious_violations(), one.errors) == ([], [])
    (request,) = pipeline.database.query(
        "SELECT * FROM run_requests WHERE collection_id = %(id)s", {"id": collection["id"]}
    )
    assert (request["action"], request["user_id"]) == ("RETRY", collection["user_id"])


def test_a_dag_of_no_row_says_so(visit: Callable[..., Any]) -> None:
    with visit("viewer") as one:
        page = one.open("dags/recomamp_reconcile/plugin/amc-definition")
        expect(page.get_by_text("not made of a schedule or a collection")).to_be_visible()
