"""One person's way through the console: register, run, see the chart, download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

QUERY = "SELECT campaign, SUM(clicks) AS clicks FROM sponsored_ads_traffic GROUP BY campaign"
NAME = "Clicks of a journey"


def register(page: Page, pipeline: Pipeline) -> None:
    page.get_by_label("Instance", exact=True).select_option(str(pipeline.instance["id"]))
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Query", exact=True).fill(QUERY)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="a schedule", exact=True).click()
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Cron expression").fill("30 6 * * 1")
    page.get_by_label("Zone of the ticks and windows").fill("Europe/Madrid")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Its DAG")).to_be_visible()


def test_a_user_registers_runs_and_downloads(
    pipeline: Pipeline, visit: Callable[..., Any], tmp_path: Path
) -> None:
    with visit("user") as one:
        register(one.open("plugin/amc/register/workflow"), pipeline)
        (schedule,) = pipeline.database.query(
            "SELECT id FROM workflow_schedules WHERE name = %s", [NAME]
        )
        dag_id = f"amc_schedule_{schedule['id']}"
        pipeline.until(lambda: pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success, dag_id)

        page = one.open(f"plugin/amc/schedules/{schedule['id']}")
        page.get_by_role("button", name="Run now").click()
        page.get_by_role("dialog").get_by_role("button", name="Run now").click()
        pipeline.wait_for_runs(dag_id, 1)
        (execution,) = pipeline.executions(dag_id)
        assert execution["status"] == "SUCCESS"

        page = one.open(
            f"plugin/amc/executions/{execution['id']}?tab=results&chart=bar&x=campaign&y=clicks"
        )
        expect(page.get_by_role("img", name="clicks by campaign")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="All rows as CSV").click()
        download.value.save_as(tmp_path / "result.csv")
        lines = (tmp_path / "result.csv").read_text("utf-8-sig").splitlines()
        assert lines[0] == "campaign,clicks"
        assert len(lines) == 1 + execution["result_rows"]
        assert one.errors == []
