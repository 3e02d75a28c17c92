"""Executions and their results, in a real browser on the running stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from fixtures.browser import NARROW
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

BEGAN = datetime(2026, 5, 4, 6, tzinfo=UTC)
QUERY = (
    "SELECT campaign, SUM(impressions) AS impressions, SUM(total_cost) AS spend"
    " FROM dsp_impressions GROUP BY campaign"
)


@pytest.fixture(scope="module")
def loaded(pipeline: Pipeline) -> Row:
    """Run a query once, and return its execution."""
    workflow = pipeline.rows.workflow(
        instance=pipeline.instance, name="Spend by campaign", sql_query=QUERY
    )
    schedule = pipeline.rows.schedule(
        workflow=workflow, name="Spend, every morning", is_active=False
    )
    dag_id = f"amc_schedule_{schedule['id']}"
    run_id = pipeline.trigger(dag_id)
    assert pipeline.wait_for_run(dag_id, run_id) == "success"
    (execution,) = pipeline.executions(dag_id)
    return execution


@pytest.fixture(scope="module")
def rejected(pipeline: Pipeline, loaded: Row) -> Iterator[Row]:
    """Insert an execution of the same schedule that AMC has rejected, with a failed call.

    It is deleted afterwards: other tests compare all executions with those of the emulator.
    """
    minutes = {
        "created_at": 0,
        "slot_granted_at": 12,
        "submission_started_at": 13,
        "submitted_at": 14,
        "completed_at": 20,
    }
    row = pipeline.rows.execution(
        workflow_id=loaded["workflow_id"],
        schedule_id=loaded["schedule_id"],
        instance_id=loaded["instance_id"],
        dag_run_id="scheduled__2026-05-04",
        status="FAILED",
        amc_status="REJECTED",
        amc_execution_id="e-1",
        amazon_request_id="r-1",
        error_type="REJECTED",
        error_message="AMC rejects it: column reach is unknown",
        submitted_sql="SELECT reach FROM dsp_impressions",
        window_start="2026-05-03T00:00Z",
        window_end="2026-05-04T00:00Z",
        window_time_zone="UTC",
        execution_duration=300,
        **{name: BEGAN + timedelta(minutes=after) for name, after in minutes.items()},
    )
    pipeline.rows.insert(
        "amc_api_errors",
        instance_id=loaded["instance_id"],
        execution_id=row["id"],
        user_id=row["user_id"],
        method="POST",
        path="/workflowExecutions",
        operation="createWorkflowExecution",
        status=429,
        code="THROTTLED",
        message="Rate exceeded",
    )
    yield row
    pipeline.database.query("DELETE FROM workflow_executions WHERE id = %(id)s", row)


def test_a_failure_shows_its_words_and_times(visit: Callable[..., Any], rejected: Row) -> None:
    with visit("user") as one:
        page = one.open(f"plugin/amc/executions/{rejected['id']}")
        expect(page.get_by_text("AMC rejects it: column reach is unknown").first).to_be_visible()
        expect(page.get_by_role("img", name="runs at AMC 6 min")).to_be_visible()
        expect(page.get_by_role("table", name="Failed calls of Amazon")).to_contain_text(
            "429 THROTTLED"
        )
        for scheme in one.schemes():
            one.picture(f"execution-{scheme}")
            assert one.serious_violations() == []
        page.get_by_role("link", name="Query", exact=True).click()
        expect(page.get_by_text("SELECT reach FROM dsp_impressions")).to_be_visible()
        assert one.errors == []


def test_a_retry_is_asked_for_with_a_button(
    pipeline: Pipeline, visit: Callable[..., Any], rejected: Row
) -> None:
    with visit("user") as one:
        page = one.open(f"plugin/amc/executions/{rejected['id']}")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_role("table", name="Requests")).to_contain_text("RETRY")
    asked = pipeline.database.query(
        "SELECT user_id, action FROM run_requests WHERE execution_id = %(id)s", rejected
    )
    assert [(row["action"], row["user_id"]) for row in asked] == [("RETRY", rejected["user_id"])]
    with visit("viewer") as one:
        page = one.open(f"plugin/amc/executions/{rejected['id']}")
        expect(page.get_by_role("table", name="Requests")).to_be_visible()
        assert page.get_by_role("button", name="Retry").count() == 0


def test_results_are_a_table_a_chart_and_downloads(
    visit: Callable[..., Any], loaded: Row, tmp_path: Path
) -> None:
    path = f"plugin/amc/executions/{loaded['id']}?tab=results"
    first = loaded["result_data"]["data"][0]
    with visit("viewer") as one:
        page = one.open(f"{path}&chart=bar&x=campaign&y=impressions")
        expect(page.get_by_role("img", name="impressions by campaign")).to_be_visible()
        table = page.get_by_role("table", name="Rows of the result")
        expect(table).to_contain_text(str(first["campaign"]))
        for scheme in one.schemes():
            one.picture(f"results-{scheme}")
            assert one.serious_violations() == []
    with visit("viewer") as one:
        page = one.open(path)
        page.get_by_role("combobox", name="Chart").select_option("heat")
        page.get_by_role("combobox", name="Down").select_option("campaign")
        expect(page.get_by_role("img", name="and campaign")).to_be_visible()
        assert "chart=heat" in page.url
        assert "colour=campaign" in page.url
        one.picture("results-heat")
        with page.expect_download() as download:
            page.get_by_role("link", name="All rows as CSV").click()
        download.value.save_as(tmp_path / "all.csv")
        lines = (tmp_path / "all.csv").read_text("utf-8-sig").splitlines()
        assert len(lines) == loaded["result_rows"] + 1
        with page.expect_download() as download:
            page.get_by_role("link", name="part-00001.parquet").click()
        download.value.save_as(tmp_path / "part.parquet")
        assert pq.read_table(tmp_path / "part.parquet").num_rows == loaded["result_rows"]
        assert one.errors == []
        assert len(one.hosts) == 1, f"requests to {one.hosts}"


def test_the_list_filters_by_state_and_fits_a_phone(
    visit: Callable[..., Any], loaded: Row, rejected: Row
) -> None:
    with visit("viewer", size=NARROW) as one:
        page = one.open("plugin/amc/executions")
        table = page.get_by_role("table", name="Executions")
        expect(table).to_contain_text("REJECTED")
        page.get_by_label("State").select_option("SUCCESS")
        expect(table).not_to_contain_text("REJECTED")
        expect(table).to_contain_text("Spend, every morning")
        one.picture("executions-narrow")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert one.serious_violations() == []
        one.open(f"plugin/amc/executions/{loaded['id']}")
        expect(page.get_by_text("accepted by AMC")).to_be_visible()
        one.picture("execution-narrow")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_runs_and_tasks_have_a_tab(visit: Callable[..., Any], loaded: Row) -> None:
    run = f"dags/{loaded['dag_id']}/runs/{loaded['dag_run_id']}"
    with visit("viewer") as one:
        for path in (f"{run}/plugin/amc-run", f"{run}/tasks/wait/plugin/amc-execution"):
            page = one.open(path)
            expect(page.get_by_role("heading", name="Spend, every morning")).to_be_visible()
            page.get_by_role("link", name="Versions", exact=True).click()
            expect(page.get_by_role("table", name="Versions")).to_be_visible()
            assert path in page.url
        one.picture("execution-tab")
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        assert page.locator("main").last.evaluate("(main) => main.scrollWidth <= main.clientWidth")
        assert one.serious_violations() == []
        assert one.errors == []
