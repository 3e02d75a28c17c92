"""Who watches a client hears of every failed try, and of nothing secret."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fixtures.amazon import (
    MemoryTokenStore,
    listed,
    long_lived,
    make_account,
    make_execution,
)
from recomamp.amazon.client import AmcClient
from recomamp.amazon.download import download_parts
from recomamp.domain.errors import (
    ConsentRevoked,
    MissingSetting,
    Refused,
    ResultsBroken,
    SubmissionInDoubt,
)


def look(amazon):
    return amazon.ask(lambda client: listed(client, workflow_id="x"))


def told(amazon):
    return [(call.operation, call.status, call.attempt) for call in amazon.failed_calls]


def test_nothing_is_told_of_calls_that_succeed(amazon, tmp_path):
    created = amazon.submit()
    amazon.ask(lambda client: client.get_execution(created.amc_execution_id))
    amazon.ask(lambda client: download_parts(client, created.amc_execution_id, tmp_path))

    assert amazon.failed_calls == []


def test_every_failed_try_is_told_with_its_number_and_request_id(amazon, emulator):
    emulator.fault("list_executions", "throttle", times=2)

    look(amazon)

    assert told(amazon) == [("list_executions", 429, 1), ("list_executions", 429, 2)]
    ids = {call.request_id for call in amazon.failed_calls}
    assert None not in ids
    assert len(ids) == 2
    first = amazon.failed_calls[0]
    assert (first.method, first.path) == ("GET", "/amc/reporting/amcdemonorth/workflowExecutions")
    assert datetime.now(UTC) - first.at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("fault", "options", "status"),
    [
        ("server_error", {"status": 503, "html": True}, 503),
        ("html_body", {}, 200),
        ("reset_after", {}, None),
        ("reset_before", {}, None),
        ("unauthorized", {}, 401),
    ],
)
def test_what_is_repeated_with_success_is_told_once(amazon, emulator, fault, options, status):
    emulator.fault("list_executions", fault, **options)

    look(amazon)

    assert told(amazon) == [("list_executions", status, 1)]
    assert "<" not in amazon.failed_calls[0].message


def test_a_submission_in_doubt_is_told_once(amazon, emulator):
    emulator.fault("create_execution", "reset_after")

    with pytest.raises(SubmissionInDoubt):
        amazon.submit()

    assert told(amazon) == [("create_execution", None, 1)]


def test_no_connection_is_told_too(amazon):
    amazon.store = MemoryTokenStore(long_lived("Atza|good"))
    amazon.url = "http://127.0.0.1:9"

    with pytest.raises(Exception, match="got no answer"):
        look(amazon)

    assert told(amazon) == [("list_executions", None, number) for number in range(1, 6)]


def test_failed_renewals_of_a_token_are_told(amazon, emulator):
    emulator.fault("token", "server_error", times=2, status=500)

    look(amazon)

    assert told(amazon) == [("token", 500, 1), ("token", 500, 2)]
    assert amazon.failed_calls[0].path == "/auth/o2/token"


def test_a_second_401_is_told_as_well(amazon, emulator):
    emulator.fault("list_executions", "unauthorized", times=2)

    with pytest.raises(Exception, match="401"):
        look(amazon)

    assert told(amazon) == [("list_executions", 401, 1)] * 2


def test_a_revoked_consent_is_told_in_amazons_code(amazon, emulator):
    emulator.revoke("ENTITYDEMONORTH")

    with pytest.raises(ConsentRevoked):
        look(amazon)

    assert told(amazon) == [("token", 400, 1)]
    assert amazon.failed_calls[0].code == "invalid_grant"


def test_a_client_that_amazon_does_not_know_is_told_with_status_and_code(amazon):
    amazon.credentials = replace(amazon.credentials, client_id="nobody")

    with pytest.raises(MissingSetting):
        look(amazon)

    (call,) = amazon.failed_calls
    assert (call.status, call.code) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("fault", "options", "status"),
    [("expired_link", {}, 403), ("server_error", {"status": 503}, 503)],
)
def test_failed_downloads_are_told_without_the_link(
    amazon, emulator, tmp_path, fault, options, status
):
    created = amazon.submit()
    amazon.ask(lambda client: client.get_execution(created.amc_execution_id))
    emulator.fault("download", fault, **options)

    amazon.ask(lambda client: download_parts(client, created.amc_execution_id, tmp_path))

    (call,) = amazon.failed_calls
    assert (call.operation, call.status, call.attempt) == ("download", status, 1)
    assert "?" not in call.path
    assert "X-Amz" not in repr(call)


def test_a_truncated_download_is_told(amazon, emulator, tmp_path):
    created = amazon.submit()
    amazon.ask(lambda client: client.get_execution(created.amc_execution_id))
    emulator.fault("download", "truncated_csv", short=True)

    with pytest.raises(ResultsBroken):
        amazon.ask(lambda client: download_parts(client, created.amc_execution_id, tmp_path))

    assert [call.operation for call in amazon.failed_calls] == ["download"]


def test_the_query_and_its_values_are_not_told(amazon):
    sql = "SELECT campaign, SUM(impressions) AS n FROM dsp_impressions WHERE x = 'Hush Ltd'"
    execution = make_execution(
        sql=sql,
        input_parameters=[{"name": "least", "dataType": "STRING", "defaultValue": "whisper"}],
        parameter_values={"least": "Atza|whisper", "more": ["hidden-one", 4711]},
    )
    answer = {
        "message": f"cannot run {sql!r}; near SUM(impressions) AS n FROM dsp_impr: Object 'X' not"
        " found; least=whisper, more=[hidden-one, 4711] Hush Ltd \x00\ud800",
        "code": "400",
    }

    def server(request: httpx.Request) -> httpx.Response:
        body = json.dumps(answer).encode()
        return httpx.Response(400, content=body, headers={"x-amz-request-id": "R1"})

    async def submit() -> None:
        transport = httpx.MockTransport(server)
        account = make_account(amazon.url)
        async with AmcClient(
            account, httpx.Auth(), transport=transport, observe=amazon.observe
        ) as client:
            await client.create_execution(execution)

    with pytest.raises(Refused):
        asyncio.run(submit())

    message = amazon.failed_calls[0].message
    for secret in ("campaign", "Hush", "whisper", "hidden-one", "4711", "FROM", "\x00"):
        assert secret not in message, secret
    assert "Object 'X' not found" in message
    assert "request id R1" in message
    message.encode()
