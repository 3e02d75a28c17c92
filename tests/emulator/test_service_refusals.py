"""What the reporting API refuses, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import SQL, EmulatorClient

UNDECLARED = (
    "SELECT campaign, SUM(impressions) AS impressions FROM dsp_impressions"
    " WHERE campaign = CUSTOM_PARAMETER('name') GROUP BY campaign"
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timeWindowStart": "2026-05-04"}, "yyyy-MM-dd'T'HH:mm:ss"),
        ({"timeWindowStart": "2026-05-04T00:00:00+02:00"}, "yyyy-MM-dd'T'HH:mm:ss"),
        ({"timeWindowStart": "2026-02-30T00:00:00"}, "is not a date"),
        ({"timeWindowStart": None}, "Both timeWindowStart and timeWindowEnd"),
        ({"timeWindowEnd": None}, "Both timeWindowStart and timeWindowEnd"),
        ({"timeWindowEnd": "2026-05-04T00:00:00"}, "must be before"),
        ({"timeWindowTimeZone": "Mars/Olympus"}, "not a known time zone"),
        ({"timeWindowType": "YESTERDAY"}, "Invalid timeWindowType"),
        ({"timeWindowType": "MOST_RECENT_DAY"}, "when timeWindowType is EXPLICIT"),
        ({"workflowId": "both"}, "Exactly one of workflowId and workflow"),
        ({"workflow": None}, "Exactly one of workflowId and workflow"),
        ({"workflow": {"sqlQuery": SQL, "workflowId": "with space"}}, "Invalid workflowId"),
        ({"workflow": {"sqlQuery": " "}}, "must have a sqlQuery"),
        ({"workflowExecutionTimeoutSeconds": 899}, "at least 900"),
        ({"workflowExecutionTimeoutSeconds": 86401}, "at most 86400"),
        ({"parameterValues": {"nobody": "1"}}, "does not declare: nobody"),
        ({"dryRun": "yes"}, "dryRun must be true or false"),
    ],
)
def test_a_wrong_execution_is_refused_with_400(
    north: EmulatorClient, changes: dict[str, Any], words: str
) -> None:
    rejection = north.post_execution(**changes)

    assert rejection.status_code == 400, rejection.text
    assert rejection.json()["code"] == "400"
    assert words in rejection.json()["details"]
    assert north.list_executions() == []


@pytest.mark.parametrize("seconds", [900, 86400])
def test_timeouts_on_the_bounds_are_accepted(north: EmulatorClient, seconds: int) -> None:
    created = north.post_execution(workflowExecutionTimeoutSeconds=seconds)

    assert created.json()["workflowExecutionTimeoutSeconds"] == seconds


def test_unknown_fields_are_ignored(north: EmulatorClient) -> None:
    assert north.post_execution(whatIsThis=True).status_code == 200


def test_an_unknown_saved_workflow_is_not_found(north: EmulatorClient) -> None:
    rejection = north.post_execution(workflow=None, workflowId="never-saved")

    assert rejection.status_code == 404
    assert rejection.json()["details"] == "Workflow with ID never-saved does not exist."


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "Either workflowId or minCreationTime"),
        ({"workflowId": "w", "limit": "101"}, "limit"),
        ({"workflowId": "w", "limit": "0"}, "limit"),
        ({"workflowId": "w", "limit": "many"}, "limit"),
        ({"workflowId": "w", "nextToken": "made-up"}, "nextToken"),
        ({"workflowId": "w", "sortAscending": "maybe"}, "sortAscending"),
        ({"minCreationTime": "2026-05-04"}, "minCreationTime"),
        ({"minCreationTime": "2026-05-04T00:00:00", "timeZone": "Nowhere"}, "time zone"),
    ],
)
def test_a_wrong_list_call_is_refused_with_400(
    north: EmulatorClient, query: dict[str, str], words: str
) -> None:
    rejection = north.call("GET", "/workflowExecutions", params=query)

    assert rejection.status_code == 400
    assert words in rejection.json()["details"]


def test_sql_that_does_not_compile_is_refused_at_once(north: EmulatorClient) -> None:
    embedded = north.post_execution(
        workflow={"workflowId": "w1", "sqlQuery": "SELECT * FROM dsp_impressions"}
    )
    saved = north.call(
        "POST", "/workflows", json={"workflowId": "w1", "sqlQuery": "SELECT * FROM dsp_impressions"}
    )

    for rejection in (embedded, saved):
        assert rejection.status_code == 400
        assert rejection.json()["details"].startswith(
            "Was unable to compile workflow w1 because it was found to be invalid: "
        )


def test_an_undeclared_parameter_is_refused_at_once_or_rejected_later(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    workflow = {"workflowId": "w1", "sqlQuery": UNDECLARED}
    rejection = north.post_execution(workflow=workflow)

    emulator.settings(undeclared_parameter="reject")
    saved = north.call("POST", "/workflows", json=workflow)
    execution = north.get(north.create_execution(workflow=workflow))

    assert rejection.status_code == 400
    assert "undeclared parameter name" in rejection.json()["details"]
    assert saved.status_code == 200
    assert execution["status"] == "REJECTED"
    assert "undeclared parameter name" in execution["statusReason"]


def test_an_unknown_execution_is_not_found(north: EmulatorClient) -> None:
    rejection = north.call("GET", "/workflowExecutions/nothing")

    assert rejection.status_code == 404
    assert rejection.json()["code"] == "404"


def test_downloads_before_success_are_unavailable(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.progression("per_poll", polls=5)
    execution_id = north.create_execution()

    rejection = north.call("GET", f"/workflowExecutions/{execution_id}/downloadUrls")

    assert rejection.status_code == 400
    assert (
        rejection.json()["details"]
        == f"Execution with ID {execution_id} is unavailable for download."
    )


def test_bodies_and_media_types_are_checked(north: EmulatorClient) -> None:
    path = "/workflowExecutions"
    headers = north.headers()

    broken = north.call("POST", path, content=b"{", headers=headers)
    listed = north.call("POST", path, json=[])
    wrong_type = north.call("POST", path, content=b"x", headers={**headers, "Content-Type": "a/b"})
    wrong_accept = north.call("POST", path, json={}, headers={**headers, "Accept": "text/csv"})

    assert [one.status_code for one in (broken, listed, wrong_type, wrong_accept)] == [
        400,
        400,
        415,
        406,
    ]


def test_an_execution_can_only_be_set_to_cancelled(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.progression("per_poll", polls=5)
    execution_id = north.create_execution()

    rejection = north.call("PUT", f"/workflowExecutions/{execution_id}", json={"status": "RUNNING"})

    assert rejection.status_code == 400


@pytest.mark.parametrize(
    ("value", "is_refused"),
    [("x" * 20, False), ("x" * 21, True), (["x" * 5] * 2, False), (["x" * 7] * 2, True)],
)
def test_values_longer_than_the_setting_says_are_refused(
    north: EmulatorClient, emulator: RunningEmulator, value: Any, is_refused: bool
) -> None:
    kind = {"type": "ARRAY", "elementDataType": "STRING"} if isinstance(value, list) else "STRING"
    order = {
        "workflow": {"sqlQuery": SQL, "inputParameters": [{"name": "x", "dataType": kind}]},
        "parameterValues": {"x": value},
    }
    assert north.post_execution(**order).status_code == 200
    emulator.settings(max_parameter_chars=20)
    answer = north.post_execution(**order)
    assert (answer.status_code == 400) is is_refused
    assert ("The value of parameter x has" in answer.text) is is_refused
