"""Registering and changing rows, in a real browser on the running stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import expect

from fixtures.browser import NARROW, token_of
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

QUERY = "SELECT campaign, SUM(clicks) AS clicks\nFROM sponsored_ads_traffic\nGROUP BY campaign\n"


def test_a_workflow_and_a_schedule_are_registered(
    pipeline: Pipeline, visit: Callable[..., Any]
) -> None:
    name = f"Clicks by campaign {uuid4().hex[:6]}"
    with visit("admin") as one:
        page = one.open("plugin/amc/register")
        page.get_by_role("link", name="Register a workflow").click()
        page.get_by_label("Instance", exact=True).select_option(str(pipeline.instance["id"]))
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Query", exact=True).fill(QUERY + "HAVING SUM(clicks) >= {{minimum}} AND")
        page.get_by_label("Type of minimum").select_option("LONG")
        page.get_by_label("Default of minimum").fill("a lot")
        expect(page.get_by_text("expected LONG").first).to_be_visible()
        one.picture("register-workflow-problem")
        assert one.serious_violations() == []
        page.get_by_label("Default of minimum").fill("9007199254740993")
        page.get_by_label("Query", exact=True).fill(QUERY + "HAVING SUM(clicks) >= {{minimum}}")
        expect(page.get_by_text("The checks accept this row.")).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        expect(page.get_by_role("region", name="What AMC says").last).to_contain_text(
            "RECOMAMP_DRY_RUNS"
        )
        one.picture("register-workflow")

        page.get_by_role("link", name="a schedule", exact=True).click()
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Zone of the ticks and windows").fill("Europe/Madrid")
        page.get_by_label("Cron expression").fill("0 6 * * 9")
        expect(page.get_by_text("workflow_schedules.cron_expression").first).to_be_visible()
        page.get_by_label("Cron expression").fill("30 6 * * 1")
        page.get_by_label("Days to look back").fill("7")
        page.get_by_label("Value of minimum").fill("5")
        expect(page.get_by_role("table", name="Next ticks")).to_contain_text("06:30")
        one.picture("register-schedule")
        assert one.serious_violations() == []
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Its DAG")).to_be_visible()
        assert one.errors == []
        assert len(one.hosts) == 1, f"requests to {one.hosts}"

    [workflow] = pipeline.database.query("SELECT * FROM workflows WHERE name = %s", [name])
    assert workflow["user_id"] == pipeline.instance["user_id"]
    assert workflow["parameters"] == {"minimum": {"type": "LONG", "default": "9007199254740993"}}
    [schedule] = pipeline.database.query("SELECT * FROM workflow_schedules WHERE name = %s", [name])
    assert schedule["workflow_id"] == workflow["id"]
    assert schedule["parameters"] == {"minimum": "5", "window": {"lookback_days": 7}}
    assert (schedule["cron_expression"], schedule["timezone"]) == ("30 6 * * 1", "Europe/Madrid")


def test_a_collection_is_previewed_in_the_dark_on_a_phone(
    pipeline: Pipeline, visit: Callable[..., Any]
) -> None:
    workflow = pipeline.rows.workflow(instance=pipeline.instance, sql_query=QUERY)
    with visit("admin", scheme="dark", size=NARROW) as one:
        page = one.open(f"plugin/amc/register/collection?workflow={workflow['id']}")
        page.get_by_label("First day").fill("2026-01-05")
        page.get_by_label("Last day").fill("2026-02-03")
        expect(page.get_by_role("region", name="Weeks")).to_contain_text("5 weeks from 2026-01-05")
        one.picture("register-collection-narrow")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert one.serious_violations() == []


def test_who_may_not_change_all_dags_registers_nothing(pipeline: Pipeline) -> None:
    schedule = pipeline.rows.schedule(
        workflow=pipeline.rows.workflow(instance=pipeline.instance), is_active=False
    )
    url = f"{pipeline.stack.settings.api_url}/recomamp/api/register"
    form = {"kind": "workflow", "instance_id": str(pipeline.instance["id"]), "sql_query": QUERY}
    with httpx.Client(cookies={"_token": token_of(pipeline, "viewer")}) as viewer:
        asked = [
            viewer.get(f"{url}/instances"),
            viewer.get(f"{url}/workflows"),
            viewer.get(f"{url}/schedule/{schedule['id']}"),
            viewer.post(url, json=form),
            viewer.post(f"{url}/check", json=form),
        ]
    assert {one.status_code for one in asked} == {httpx.codes.FORBIDDEN}
