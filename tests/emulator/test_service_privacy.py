"""What executions tell of the people behind a result: filtering, dry runs, sandboxes."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient

BY_CITY = "SELECT city_name, SUM(impressions) AS i FROM dsp_impressions GROUP BY city_name"
EVENTS = "SELECT user_id, postal_code FROM dsp_impressions"
CONVERSIONS = "SELECT COUNT(*) AS n FROM amazon_attributed_events_by_traffic_time"
WINDOW_END = datetime(2026, 5, 11, tzinfo=UTC)


def rows_of(caller: EmulatorClient, execution_id: str) -> list[dict[str, str]]:
    assert caller.get(execution_id)["status"] == "SUCCEEDED"
    [link] = caller.links(execution_id)
    return list(csv.DictReader(io.StringIO(httpx.get(link).text)))


def columns_of(caller: EmulatorClient, execution_id: str) -> list[str]:
    return [one["name"] for one in caller.get(execution_id)["outputColumns"]]


def test_reason_and_count_are_columns_of_an_embedded_workflow(north: EmulatorClient) -> None:
    workflow = {
        "sqlQuery": "SELECT city_name, SUM(clicks) AS c FROM dsp_clicks GROUP BY city_name",
        "filteredReasonColumn": "why",
        "distinctUserCountColumn": "users",
        "filteredMetricsDiscriminatorColumn": "filtered",
    }
    execution_id = north.create_execution(workflow=workflow)
    rows = rows_of(north, execution_id)
    assert columns_of(north, execution_id) == ["city_name", "c", "filtered", "users", "why"]
    assert rows
    for row in rows:
        found = re.fullmatch(r"(\d+) 'dsp_clicks' users < 100 required", row["why"])
        assert found
        assert row["filtered"] == "true"
        assert row["city_name"] == ""
        assert int(row["users"]) >= int(found[1])


def test_reason_and_count_are_columns_of_a_saved_workflow(north: EmulatorClient) -> None:
    saved = {
        "workflowId": "with-reason",
        "sqlQuery": "SELECT campaign, SUM(clicks) AS c FROM dsp_clicks GROUP BY campaign",
        "filteredReasonColumn": "why",
        "distinctUserCountColumn": "users",
    }
    assert north.call("POST", "/workflows", json=saved).status_code == 200
    rows = rows_of(north, north.create_execution(workflow=None, workflowId="with-reason"))
    assert [(row["users"], row["why"]) for row in rows] == [("2", "")] * 3


@pytest.mark.parametrize(
    "field",
    ["filteredReasonColumn", "distinctUserCountColumn", "filteredMetricsDiscriminatorColumn"],
)
def test_the_name_of_an_added_column_is_checked(north: EmulatorClient, field: str) -> None:
    for name, text in (
        (True, "must be the name of a column"),
        ("", "must be the name"),
        ("I", "Column 'I' is in the output twice"),
    ):
        refused = north.post_execution(workflow={"sqlQuery": BY_CITY, field: name})
        assert refused.status_code == 400
        assert text in refused.json()["details"]


def test_a_dry_run_is_compiled_listed_and_takes_no_slot(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(max_running=1)
    emulator.progression("per_second", pending_seconds=0, running_seconds=100)
    real = north.create_execution()
    dry = north.create_execution(dryRun=True)

    assert north.get(real)["status"] == "RUNNING"
    assert "dryRun" not in north.get(real)
    shown = north.get(dry)
    assert (shown["status"], shown["dryRun"]) == ("SUCCEEDED", True)
    assert "outputColumns" not in shown
    assert north.links(dry) == []
    listed = {one["workflowExecutionId"]: one for one in north.list_executions()}
    assert listed[dry]["dryRun"] is True
    [kept] = [one for one in emulator.executions() if one["workflowExecutionId"] == dry]
    assert kept["rows"] is None


def test_a_dry_run_of_what_does_not_compile_is_refused_as_a_run_is(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    broken = {"sqlQuery": "SELECT COUNT(*) AS n FROM nowhere"}
    answers = [north.post_execution(workflow=broken, dryRun=dry) for dry in (True, False)]
    assert [one.status_code for one in answers] == [400, 400]
    assert "Object 'nowhere' not found" in answers[0].json()["details"]

    emulator.settings(undeclared_parameter="reject")
    undeclared = "SELECT COUNT(*) AS n FROM dsp_clicks WHERE campaign = CUSTOM_PARAMETER('x')"
    dry = north.get(north.create_execution(workflow={"sqlQuery": undeclared}, dryRun=True))
    assert (dry["status"], dry["dryRun"]) == ("REJECTED", True)
    assert "undeclared parameter x" in dry["statusReason"]


def test_a_dry_run_with_an_unknown_status_can_be_cancelled(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.fault("create_execution", "unknown_status")
    dry = north.create_execution(dryRun=True)
    assert north.get(dry)["status"] == "HIBERNATING"
    assert north.cancel(dry).status_code == 200


def test_a_sandbox_shows_events_when_it_is_asked_to(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(instance_type="SANDBOX")
    controlled: dict[str, Any] = {"workflow": {"sqlQuery": EVENTS}, "requireSyntheticData": True}
    refused = north.post_execution(**controlled)
    assert refused.status_code == 400
    assert "Query must aggregate" in refused.json()["details"]

    events = north.create_execution(**controlled, disableAggregationControls=True)
    rows = rows_of(north, events)
    assert len(rows) > 1000
    assert all(row["postal_code"] for row in rows)
    assert north.get(events)["disableAggregationControls"] is True
    assert "dryRun" not in north.get(events)

    few = {"workflow": {"sqlQuery": BY_CITY.replace("city_name", "postal_code")}}
    synthetic = {**few, "requireSyntheticData": True}
    assert rows_of(north, north.create_execution(**synthetic)) == []
    shown = north.create_execution(**synthetic, disableAggregationControls=True)
    assert len(rows_of(north, shown)) > 50


@pytest.mark.parametrize("synthetic", [None, True])
def test_events_of_real_people_are_a_dry_run(north: EmulatorClient, synthetic: bool | None) -> None:
    asked = {"disableAggregationControls": True, "requireSyntheticData": synthetic}
    execution = north.get(north.create_execution(workflow={"sqlQuery": BY_CITY}, **asked))
    assert (execution["status"], execution["dryRun"]) == ("SUCCEEDED", True)
    assert north.links(execution["workflowExecutionId"]) == []
    assert north.post_execution(workflow={"sqlQuery": EVENTS}, **asked).status_code == 400


def test_an_instance_has_the_datasets_it_subscribes_to(
    north: EmulatorClient, europe: EmulatorClient
) -> None:
    offered = {
        caller.instance: {
            one["dataSourceId"]: one
            for one in caller.call("GET", "/dataSources").json()["dataSources"]
        }
        for caller in (north, europe)
    }
    garage = {"sqlQuery": "SELECT COUNT(*) AS n FROM amazon_your_garage"}
    assert set(offered[north.instance]) - set(offered[europe.instance]) == {
        "amazon_your_garage",
        "experian_vehicle_purchases",
        "ncs_cpg_insights_stream",
    }
    assert offered[north.instance]["amazon_your_garage"]["isPremium"] is True
    assert offered[north.instance]["dsp_clicks"]["isPremium"] is False
    assert len(rows_of(north, north.create_execution(workflow=garage))) == 1
    refused = europe.post_execution(workflow=garage)
    assert "Object 'amazon_your_garage' not found" in refused.json()["details"]
    saved = europe.call("POST", "/workflows", json={"workflowId": "g", **garage})
    assert saved.status_code == 400
    instance = europe.http.get(
        f"{europe.url}/amc/instances/{europe.instance}", headers=europe.headers()
    ).json()["instance"]
    assert {one["label"] for one in instance["optionalDatasets"]} >= {"Brand Store insights"}


def conversions_at(emulator: RunningEmulator, caller: EmulatorClient, age_days: float) -> int:
    emulator.clock(now=(WINDOW_END + timedelta(days=age_days)).isoformat())
    caller.forget_token()
    rows = rows_of(caller, caller.create_execution(workflow={"sqlQuery": CONVERSIONS}))
    return int(rows[0]["n"])


def test_a_window_pulled_again_has_more_conversions_until_a_month_is_over(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    final = conversions_at(emulator, north, 3)  # without the setting all is known at once
    emulator.settings(restates=True)
    counts = [conversions_at(emulator, north, age) for age in (3, 14, 28, 31, 90)]
    assert counts == sorted(counts)
    assert counts[0] < counts[1] < counts[3]
    assert counts[3] == counts[4] == final


def test_what_is_known_is_what_is_known_when_the_query_starts(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(restates=True)
    early = conversions_at(emulator, north, 1)
    emulator.progression("per_second", pending_seconds=20 * 86400, running_seconds=0)
    emulator.clock(now=(WINDOW_END + timedelta(days=1)).isoformat())
    waiting = north.create_execution(workflow={"sqlQuery": CONVERSIONS})
    emulator.clock(now=(WINDOW_END + timedelta(days=40)).isoformat())
    north.forget_token()
    assert int(rows_of(north, waiting)[0]["n"]) > early


def test_a_query_can_be_made_to_see_what_amc_knew_at_another_time(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(restates=True)
    early, late = (conversions_at(emulator, north, age) for age in (3, 31))
    known_at = (WINDOW_END + timedelta(days=3)).isoformat()
    emulator.settings(known_at=known_at)
    assert conversions_at(emulator, north, 31) == early < late
    emulator.settings(known_at=None)
    assert conversions_at(emulator, north, 31) == late
