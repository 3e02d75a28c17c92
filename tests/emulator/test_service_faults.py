"""Ordered trouble, and the log that tells what a client did about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from amc_emulator.faults import OPERATIONS, FaultKind
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient


def workflows(north: EmulatorClient) -> httpx.Response:
    return north.call("GET", "/workflows")


@pytest.mark.parametrize(
    ("fault", "options", "status", "body"),
    [
        ("throttle", {}, 429, {"code": "429", "details": "Too Many Requests"}),
        ("server_error", {}, 500, {"code": "500", "details": "Internal Error"}),
        ("server_error", {"status": 503}, 503, {"code": "503", "details": "Internal Error"}),
        ("unauthorized", {}, 401, {"code": "401", "details": "Unauthorized"}),
        ("forbidden", {}, 403, {"code": "403", "details": "Unauthorized request"}),
        ("forbidden", {"status": 400, "body": [{"message": "a"}]}, 400, [{"message": "a"}]),
        ("throttle", {"body": {"errors": ["a", "b"]}}, 429, {"errors": ["a", "b"]}),
        ("server_error", {"body": "only a text"}, 500, "only a text"),
        (
            "timeout_before",
            {"gateway_timeout": True},
            504,
            {"message": "Endpoint request timed out"},
        ),
    ],
)
def test_an_ordered_answer_comes_once(
    emulator: RunningEmulator,
    north: EmulatorClient,
    fault: str,
    options: dict[str, Any],
    status: int,
    body: dict[str, str] | list[Any] | str,
) -> None:
    emulator.fault("list_workflows", fault, **options)

    first, second = workflows(north), workflows(north)

    assert (first.status_code, first.json()) == (status, body)
    assert second.status_code == 200


def test_throttling_may_say_when_to_come_back(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    for retry_after in (7, "http-date", None):
        emulator.fault("list_workflows", "throttle", retry_after=retry_after)

    seconds, moment, silent = (workflows(north).headers.get("retry-after") for _ in range(3))

    assert seconds == "7"
    assert moment is not None
    assert abs((parsedate_to_datetime(moment) - datetime.now(UTC)).total_seconds()) < 30
    assert silent is None


def test_html_may_come_instead_of_json(emulator: RunningEmulator, north: EmulatorClient) -> None:
    emulator.fault("list_workflows", "server_error", status=502, html=True)
    emulator.fault("list_workflows", "html_body")

    gateway, page = workflows(north), workflows(north)

    assert (gateway.status_code, page.status_code) == (502, 200)
    for one in (gateway, page):
        assert one.headers["content-type"] == "text/html"
        assert one.text.startswith("<html>")


@pytest.mark.parametrize(("fault", "status"), [("unauthorized", 401), ("throttle", 429)])
def test_what_was_carried_out_may_be_refused_all_the_same(
    emulator: RunningEmulator, north: EmulatorClient, fault: str, status: int
) -> None:
    emulator.fault("create_execution", fault, after=True)

    answer = north.post_execution()

    assert answer.status_code == status
    assert len(emulator.executions()) == 1


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [("timeout_before", 0), ("timeout_after", 1), ("reset_before", 0), ("reset_after", 1)],
)
def test_no_answer_comes_before_or_after_the_work(
    emulator: RunningEmulator, north: EmulatorClient, fault: str, accepted: int
) -> None:
    north.headers()
    emulator.fault("create_execution", fault)
    expected = httpx.ReadTimeout if "timeout" in fault else httpx.NetworkError

    read_seconds = 0.3 if "timeout" in fault else 30
    timeout = httpx.Timeout(30, read=read_seconds)  # who waits for a reset, slow or not, gets it
    north.http, patient = httpx.Client(timeout=timeout), north.http
    with north.http, pytest.raises(expected):
        north.post_execution()
    north.http = patient

    while len(emulator.executions()) < accepted:  # a slow machine may accept after the client left
        pass
    assert len(emulator.executions()) == accepted
    assert [one["status"] for one in emulator.calls("create_execution")] == [None]


def test_a_gateway_time_out_after_accepting_leaves_the_execution(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.fault("create_execution", "timeout_after", gateway_timeout=True)

    assert north.post_execution().status_code == 504
    assert len(north.list_executions()) == 1


def test_answers_may_be_wrapped_as_in_the_published_description(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    execution_id = north.create_execution()
    emulator.fault("*", "wrapped", times=2)

    one = north.get(execution_id)
    listed = north.call(
        "GET", "/workflowExecutions", params={"minCreationTime": "2020-01-01T00:00:00"}
    )

    assert one["workflowExecution"]["workflowExecutionId"] == execution_id
    assert listed.json()["nextToken"] is None


def test_a_file_may_end_inside_a_row(emulator: RunningEmulator, north: EmulatorClient) -> None:
    link = finished(north)
    whole = httpx.get(link).text
    emulator.fault("download", "truncated_csv")

    cut = httpx.get(link).text

    assert whole.startswith(cut)
    assert cut.count("\n") >= 1
    assert cut.splitlines()[-1].count(",") < whole.splitlines()[0].count(",")


def test_a_file_may_be_shorter_than_announced(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    link = finished(north)
    emulator.fault("download", "truncated_csv", short=True)

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        httpx.get(link)


def test_a_part_may_be_gone_or_unlisted(emulator: RunningEmulator, north: EmulatorClient) -> None:
    emulator.settings(result_parts=3)
    finished(north)
    execution_id = emulator.executions()[0]["workflowExecutionId"]
    emulator.fault("download_urls", "missing_part")
    emulator.fault("download_urls", "missing_part", unlisted=True)

    with_gap, fewer = north.links(execution_id), north.links(execution_id)
    statuses = [httpx.get(link).status_code for link in with_gap]
    emulator.fault("download", "missing_part")

    assert statuses == [200, 200, 404]
    assert len(fewer) == 2
    assert "<Code>NoSuchKey</Code>" in httpx.get(fewer[0]).text


@pytest.mark.parametrize(("status", "words"), [(404, "Still at work"), (None, "being prepared")])
def test_files_may_be_refused_although_the_execution_has_succeeded(
    emulator: RunningEmulator, north: EmulatorClient, status: int | None, words: str
) -> None:
    finished(north)
    execution_id = emulator.executions()[0]["workflowExecutionId"]
    reason = {"reason": words} if status else {}
    emulator.fault("download_urls", "not_ready", status=status, **reason)

    rejection = north.call("GET", f"/workflowExecutions/{execution_id}/downloadUrls")

    assert rejection.status_code == (status or 400)
    assert words in rejection.json()["details"]
    assert len(north.links(execution_id)) == 1


def test_columns_may_be_left_out(emulator: RunningEmulator, north: EmulatorClient) -> None:
    finished(north)
    execution_id = emulator.executions()[0]["workflowExecutionId"]
    emulator.fault("get_execution", "no_output_columns")

    without, usual = north.get(execution_id), north.get(execution_id)

    assert without == {name: usual[name] for name in usual if name != "outputColumns"}
    assert len(usual["outputColumns"]) == 2


@pytest.mark.parametrize("operation", ["download_urls", "download"])
def test_a_link_may_be_expired(
    emulator: RunningEmulator, north: EmulatorClient, operation: str
) -> None:
    finished(north)
    execution_id = emulator.executions()[0]["workflowExecutionId"]
    emulator.fault(operation, "expired_link")

    first = httpx.get(north.links(execution_id)[0])
    second = httpx.get(north.links(execution_id)[0])

    assert (first.status_code, second.status_code) == (403, 200)


def test_a_token_may_be_revoked_at_login_or_in_use(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.fault("token", "token_revoked")
    rejection = north.login()
    emulator.fault("list_workflows", "token_revoked")
    revoked = workflows(north)
    still = workflows(north)
    north.forget_token()

    assert rejection.json()["error"] == "invalid_grant"
    assert (revoked.status_code, still.status_code) == (401, 401)
    assert workflows(north).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status"), [("fail_execution", "FAILED"), ("reject_execution", "REJECTED")]
)
def test_an_execution_may_be_bound_to_end_badly(
    emulator: RunningEmulator, north: EmulatorClient, fault: str, status: str
) -> None:
    emulator.fault("create_execution", fault, reason="Because of the test.")

    execution = north.get(north.create_execution())

    assert execution["status"] == status
    assert execution["statusReason"] == "Because of the test."
    assert "outputColumns" not in execution


def test_an_execution_that_ends_badly_may_say_why_in_any_shape(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    said = {"message": "Query failed", "details": [{"column": "x"}]}
    emulator.fault("create_execution", "fail_execution", body=said)

    execution = north.get(north.create_execution())

    assert {**execution, **said} == execution
    assert "statusReason" not in execution


def test_a_status_may_be_unheard_of_for_one_look_or_for_good(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    usual = north.create_execution()
    emulator.fault("get_execution", "unknown_status", status="HIBERNATING")
    emulator.fault("create_execution", "unknown_status", status="ASLEEP")
    stuck = north.create_execution()

    assert [north.get(usual)["status"] for _ in range(2)] == ["HIBERNATING", "SUCCEEDED"]
    assert {north.get(stuck)["status"] for _ in range(5)} == {"ASLEEP"}
    assert north.cancel(stuck).status_code == 200
    assert north.get(stuck)["status"] == "CANCELLED"


def test_faults_wait_skip_match_and_can_be_dropped(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.fault("list_workflows", "server_error", skip=1)
    assert [workflows(north).status_code for _ in range(3)] == [200, 500, 200]

    emulator.fault("get_workflow", "server_error", matching="unlucky", times=None)
    answers = [north.call("GET", f"/workflows/{one}") for one in ("lucky", "unlucky", "unlucky")]
    assert [one.status_code for one in answers] == [404, 500, 500]

    emulator.clear_faults()
    assert north.call("GET", "/workflows/unlucky").status_code == 404


@pytest.mark.parametrize(("fault", "accepted"), [("hold_before", 0), ("hold_after", 1)])
def test_a_request_may_be_held_before_or_after_the_work(
    emulator: RunningEmulator, north: EmulatorClient, fault: str, accepted: int
) -> None:
    north.headers()
    emulator.fault("create_execution", fault)
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(north.post_execution)
        while not emulator.held():
            assert not answer.done()
        assert len(emulator.executions()) == accepted
        emulator.clear_faults()
        assert answer.result().status_code == 200

    assert emulator.held() == []
    assert len(emulator.executions()) == 1


def test_a_held_request_is_forgotten_when_its_client_has_gone(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    north.headers()
    emulator.fault("create_execution", "hold_before")
    north.http, patient = httpx.Client(timeout=0.3), north.http
    with north.http, pytest.raises(httpx.ReadTimeout):
        north.post_execution()
    north.http = patient
    while not emulator.calls("create_execution") or emulator.held():
        pass
    emulator.clear_faults()

    assert emulator.executions() == []


def test_trouble_may_befall_a_share_of_the_requests(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.fault("list_workflows", "server_error", times=None, probability=0.2)

    statuses = [workflows(north).status_code for _ in range(200)]

    assert 20 <= statuses.count(500) <= 60
    assert statuses.count(200) + statuses.count(500) == 200


@pytest.mark.parametrize(
    "order",
    [
        {"operation": "list_workflows", "fault": "truncated_csv"},
        {"operation": "token", "fault": "throttle", "probability": 1.5},
        {"operation": "made_up", "fault": "throttle"},
        {"operation": "token", "fault": "made_up"},
        {"operation": "token", "fault": "throttle", "typo": 1},
        {"operation": "token", "fault": "server_error", "status": 418},
        {"operation": "download_urls", "fault": "not_ready", "status": 403},
        {"operation": "download", "fault": "not_ready"},
        {"operation": "create_execution", "fault": "no_output_columns"},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    emulator: RunningEmulator, order: dict[str, Any]
) -> None:
    rejection = emulator.http.post(f"{emulator.url}/_emulator/faults", json=order)

    assert rejection.status_code == 422


def test_the_log_tells_every_call_but_no_secret(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    token = north.login().json()["access_token"]
    north.login(client_secret="a-wrong-secret")
    link = finished(north)
    httpx.get(link)
    emulator.http.post(f"{emulator.url}/auth/o2/token", content=b"raw Atzr|demo-north")

    log = emulator.http.get(f"{emulator.url}/_emulator/calls").text
    created = emulator.calls("create_execution")[0]

    signature = link.rsplit("=", 1)[1]
    for secret in (token, "Atza|", "Atzr|", "demo-client-secret", "a-wrong-secret", signature):
        assert secret not in log
    assert created["status"] == 200
    assert created["method"] == "POST"
    assert created["path"] == "/amc/reporting/amcdemonorth/workflowExecutions"
    assert "amazon-advertising-api-advertiserid" in created["headers"]
    assert created["body"]["timeWindowType"] == "EXPLICIT"
    assert created["execution_id"] == emulator.executions()[0]["workflowExecutionId"]


def test_every_operation_has_a_route_and_every_kind_a_test(emulator: RunningEmulator) -> None:
    known = emulator.http.get(f"{emulator.url}/_emulator/faults").json()["operations"]
    files = Path(__file__).parent.glob("test_*.py")
    here = "".join(path.read_text(encoding="utf-8") for path in files)

    assert set(known) == OPERATIONS
    assert [kind.value for kind in FaultKind if f'"{kind.value}"' not in here] == []


def test_not_found_may_come_first_for_a_new_execution(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    execution_id = north.create_execution()
    emulator.fault("get_execution", "not_found")

    assert north.call("GET", f"/workflowExecutions/{execution_id}").status_code == 404
    assert north.get(execution_id)["status"] == "SUCCEEDED"


def finished(north: EmulatorClient) -> str:
    """Run an execution to its end and return its first link."""
    execution_id = north.create_execution()
    assert north.get(execution_id)["status"] == "SUCCEEDED"
    return north.links(execution_id)[0]
