"""Executions from creation to the list, as the reporting API shows them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import SQL, EmulatorClient

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_new_execution_is_answered_flat_and_pending(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.clock(now="2026-06-01T12:00:00.250+00:00")

    created = north.post_execution(timeWindowTimeZone="Europe/Berlin")

    body = created.json()
    execution_id, workflow_id = body.pop("workflowExecutionId"), body.pop("workflowId")
    assert UUID4.fullmatch(execution_id)
    assert UUID4.fullmatch(workflow_id.removeprefix("transient_"))
    assert body == {
        "createTime": "2026-06-01T12:00:00Z",
        "dataGaps": [],
        "disableAggregationControls": False,
        "executionCategory": "AD_HOC",
        "expireTime": "2026-06-02T12:00:00Z",
        "ignoreDataGaps": False,
        "lastUpdatedTime": "2026-06-01T12:00:00Z",
        "parameterValues": {},
        "status": "PENDING",
        "timeWindowEnd": "2026-05-10T22:00:00Z",
        "timeWindowEndOriginal": "2026-05-11T00:00:00",
        "timeWindowStart": "2026-05-03T22:00:00Z",
        "timeWindowStartOriginal": "2026-05-04T00:00:00",
        "timeWindowTimeZoneOriginal": "Europe/Berlin",
        "waitUntil": "2026-06-01T11:00:00Z",
        "workflowExecutionTimeoutSeconds": 21600,
    }


def test_answers_carry_amazons_headers(north: EmulatorClient) -> None:
    created = north.post_execution()

    assert created.headers["content-type"] == "application/vnd.amcworkflowexecutions.v1+json"
    assert re.fullmatch(r"[A-Z0-9]{20}", created.headers["x-amz-rid"])
    assert created.headers["x-amz-request-id"] == created.headers["x-amz-rid"]
    assert created.headers.get_list("server") == ["Server"]


def test_success_shows_the_columns_of_the_result(north: EmulatorClient) -> None:
    execution = north.get(north.create_execution())

    assert execution["status"] == "SUCCEEDED"
    assert [one["name"] for one in execution["outputColumns"]] == ["campaign", "impressions"]
    assert execution["outputColumns"][0]["columnType"] == "DIMENSION"
    assert execution["outputS3URI"] == "N/A"
    assert execution["invalidationOffsetSecs"] == 266400


@pytest.mark.parametrize(("keep", "expected"), [(True, "mine-1"), (False, "transient_")])
def test_an_embedded_workflow_may_keep_its_own_id(
    emulator: RunningEmulator, north: EmulatorClient, keep: bool, expected: str
) -> None:
    emulator.settings(keep_workflow_id=keep)

    created = north.post_execution(workflow={"workflowId": "mine-1", "sqlQuery": SQL}).json()

    assert created["workflowId"].startswith(expected)
    assert len(north.list_executions(workflowId="mine-1")) == int(keep)


def test_relative_windows_are_shown_once_they_run(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.clock(now="2026-06-15T12:00:00+00:00")
    relative_window = {
        "timeWindowStart": None,
        "timeWindowEnd": None,
        "timeWindowType": "PREVIOUS_MONTH",
    }

    created = north.post_execution(**relative_window).json()
    execution = north.get(created["workflowExecutionId"])

    assert not [name for name in created if name.startswith("timeWindow")]
    assert execution["timeWindowStart"] == "2026-05-01T00:00:00Z"
    assert execution["timeWindowEnd"] == "2026-06-01T00:00:00Z"


def test_lists_run_newest_first_in_pages_of_a_limit(north: EmulatorClient) -> None:
    ids = [north.create_execution(workflow={"workflowId": "w", "sqlQuery": SQL}) for _ in range(5)]

    pages: list[list[str]] = []
    query: dict[str, Any] = {"workflowId": "w", "limit": "2"}
    while True:
        body = north.call("GET", "/workflowExecutions", params=query).json()
        pages.append([one["workflowExecutionId"] for one in body["executions"]])
        if "nextToken" not in body:
            break
        query["nextToken"] = body["nextToken"]
        north.create_execution(workflow={"workflowId": "w", "sqlQuery": SQL})

    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    ascending = north.list_executions(workflowId="w", sortAscending="true")
    assert [one["workflowExecutionId"] for one in ascending[:5]] == ids


def test_a_page_goes_on_after_an_item_that_has_left_the_list(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.progression("per_poll", polls=100)
    ids = [north.create_execution(workflow={"workflowId": "w", "sqlQuery": SQL}) for _ in range(3)]
    first = north.call(
        "GET", "/workflowExecutions", params={"workflowId": "w", "limit": "2"}
    ).json()

    north.cancel(ids[1])
    rest = north.list_executions(workflowId="w", nextToken=first["nextToken"])

    assert [one["workflowExecutionId"] for one in rest] == [ids[0]]


def test_lists_filter_by_creation_time_in_a_zone(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.clock(now="2026-06-01T12:00:00+00:00")
    early = north.create_execution()
    emulator.clock(now="2026-06-01T12:45:00+00:00")
    late = north.create_execution()

    after = north.list_executions(minCreationTime="2026-06-01T14:30:00", timeZone="Europe/Berlin")
    until = north.list_executions(
        minCreationTime="2026-06-01T00:00:00", maxCreationTime="2026-06-01T12:00:00"
    )

    assert [one["workflowExecutionId"] for one in after] == [late]
    assert [one["workflowExecutionId"] for one in until] == [early]


def test_lists_show_the_sql_when_asked(north: EmulatorClient) -> None:
    north.create_execution()

    assert "sqlQuery" not in north.list_executions()[0]
    asked = north.list_executions(minCreationTime="2020-01-01T00:00:00", includeWorkflow="true")
    assert asked[0]["sqlQuery"] == SQL


def test_cancelled_executions_are_hidden_from_lists_unless_asked_for(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.progression("per_second", pending_seconds=100, running_seconds=100)
    execution_id = north.create_execution()

    answer = north.cancel(execution_id)

    assert (answer.status_code, answer.json()) == (200, {})
    assert north.get(execution_id)["status"] == "CANCELLED"
    assert north.list_executions() == []
    shown = north.list_executions(minCreationTime="2020-01-01T00:00:00", includeCancelled="true")
    assert [one["status"] for one in shown] == ["CANCELLED"]


def test_what_ends_at_once_has_ended_whoever_asks_first(north: EmulatorClient) -> None:
    ids = [north.create_execution() for _ in range(5)]
    assert [north.cancel(one).status_code for one in ids] == [400] * 5


def test_an_ended_execution_cannot_be_cancelled(north: EmulatorClient) -> None:
    execution_id = north.create_execution()
    assert north.get(execution_id)["status"] == "SUCCEEDED"

    assert north.cancel(execution_id).status_code == 400


def test_instances_do_not_see_each_others_executions(
    north: EmulatorClient, europe: EmulatorClient
) -> None:
    execution_id = north.create_execution()

    assert europe.list_executions() == []
    assert europe.call("GET", f"/workflowExecutions/{execution_id}").status_code == 404


def test_a_dry_run_succeeds_without_output(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(max_running=1)
    emulator.progression("per_second", pending_seconds=0, running_seconds=100)
    north.create_execution()

    dry = north.create_execution(dryRun=True)

    assert north.get(dry)["status"] == "SUCCEEDED"
    assert north.links(dry) == []


def test_results_that_are_not_published_cannot_be_downloaded(north: EmulatorClient) -> None:
    execution_id = north.create_execution(skipPublish=True)

    assert north.get(execution_id)["status"] == "SUCCEEDED"
    assert north.links(execution_id) == []


def test_a_saved_workflow_runs_by_its_id(north: EmulatorClient) -> None:
    saved = north.call("POST", "/workflows", json={"workflowId": "kept.1", "sqlQuery": SQL})

    created = north.post_execution(workflow=None, workflowId="kept.1").json()

    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.content == b"{}"
    assert created["workflowId"] == "kept.1"
    assert north.get(created["workflowExecutionId"])["status"] == "SUCCEEDED"


def test_saved_workflows_are_listed_replaced_and_deleted(north: EmulatorClient) -> None:
    workflow = {"workflowId": "kept", "sqlQuery": SQL}
    north.call("POST", "/workflows", json={**workflow, "unheardOf": 1})

    again = north.call("POST", "/workflows", json=workflow)
    listed = north.call("GET", "/workflows").json()
    nameless = north.call("PUT", "/workflows/kept", json={"sqlQuery": SQL})
    replaced = north.call(
        "PUT", "/workflows/kept", json={**workflow, "privacyFilteringBehavior": "REMOVE_VALUES"}
    )
    shown = north.call("GET", "/workflows/kept").json()
    north.call("DELETE", "/workflows/kept")

    assert again.status_code == 400
    assert again.json()["details"] == "Workflow with ID kept already exists."
    assert listed == {"workflows": [workflow]}
    assert nameless.status_code == 400
    assert (replaced.status_code, replaced.json()) == (200, {})
    assert shown == {**workflow, "privacyFilteringBehavior": "REMOVE_VALUES"}
    assert north.call("GET", "/workflows/kept").status_code == 404


def test_a_workflow_with_a_schedule_cannot_be_deleted(north: EmulatorClient) -> None:
    north.call("POST", "/workflows", json={"workflowId": "kept", "sqlQuery": SQL})
    schedule = {
        "scheduleId": "nightly",
        "workflowId": "kept",
        "aggregationPeriod": "Daily",
        "aggregationHourUtc": 3,
        "scheduleEnabled": True,
    }
    assert north.call("POST", "/schedules", json=schedule).json() == {}

    assert north.call("GET", "/schedules").json() == {"schedules": [schedule]}
    assert north.call("DELETE", "/workflows/kept").status_code == 400
    assert north.call("DELETE", "/schedules/nightly").status_code == 200
    assert north.call("DELETE", "/workflows/kept").status_code == 200


def test_data_sources_are_described(north: EmulatorClient) -> None:
    listed = north.call("GET", "/dataSources")
    names = [one["dataSourceId"] for one in listed.json()["dataSources"]]
    one = north.call("GET", "/dataSources/dsp_impressions")

    assert listed.headers["content-type"] == "application/vnd.amcdatasources.v1+json"
    assert "dsp_impressions" in names
    assert one.json()["dataSourceId"] == "dsp_impressions"
    assert north.call("GET", "/dataSources/nothing").status_code == 404
