"""The overview, in a real browser on the running stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from fixtures.browser import NARROW, token_of
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def failed_schedule(pipeline: Pipeline) -> dict[str, Any]:
    """Insert a schedule with one run that failed, and wait until Airflow has its DAG."""
    rows, database = pipeline.rows, pipeline.database
    workflow = rows.workflow(instance=pipeline.instance, name="Reach by day")
    schedule = rows.schedule(workflow=workflow, name="Reach, every morning", is_active=False)
    database.query(
        "INSERT INTO schedule_runs (schedule_id, status, error_message, dag_run_id)"
        " VALUES (%(id)s, 'FAILED', 'AMC refuses it: column reach is unknown', 'scheduled__1')",
        {"id": schedule["id"]},
    )
    dag = f"/api/v2/dags/amc_schedule_{schedule['id']}"
    pipeline.until(lambda: pipeline.api.get(dag).is_success, "the DAG")
    return schedule


def test_it_shows_instances_outcomes_and_failures(
    pipeline: Pipeline, visit: Callable[..., Any], failed_schedule: dict[str, Any]
) -> None:
    with visit("viewer") as one:
        page = one.open("plugin/amc")
        failures = page.get_by_role("region", name="What failed and why")
        expect(failures.get_by_text("column reach is unknown")).to_be_visible()
        expect(page.get_by_role("table", name="Instances")).to_contain_text(
            pipeline.instance["name"]
        )
        expect(page.get_by_role("img", name="Runs by day and outcome")).to_be_visible()
        for scheme in one.schemes():
            one.picture(f"overview-{scheme}")
            assert one.serious_violations() == []
        assert one.errors == []
        assert len(one.hosts) == 1, f"requests to {one.hosts}"


def test_it_fits_a_phone(visit: Callable[..., Any], failed_schedule: dict[str, Any]) -> None:
    with visit("viewer", size=NARROW) as one:
        page = one.open("plugin/amc")
        expect(page.get_by_text("column reach is unknown")).to_be_visible()
        one.picture("overview-narrow")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nobody_reads_it_without_signing_in(pipeline: Pipeline) -> None:
    url = f"{pipeline.stack.settings.api_url}/recomamp/api/overview"
    assert httpx.get(url).status_code == httpx.codes.UNAUTHORIZED
    signed_in = {"_token": token_of(pipeline, "viewer")}
    answer = httpx.get(url, cookies=signed_in)
    assert answer.status_code == httpx.codes.OK
    assert answer.headers["Cache-Control"] == "no-store"
    assert "token" not in answer.text
