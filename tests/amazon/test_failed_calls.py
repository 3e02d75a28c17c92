"""Who watches a client hears of every failed try, and of nothing secret."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import httpx
import pytest

from fixtures.amazon import (
    MemoryTokenStore,
    listed,
    long_lived,
    make_account,
    make_execution,
    make_tokens,
)
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.auth import LwaAuth
from recomamp.amazon.download import download_parts
from recomamp.domain.credentials import ClientCredentials
from recomamp.errors import (
    AmazonError,
    ConfigurationError,
    ConsentRevoked,
    InvalidResults,
    RequestRejected,
    SubmissionUnknown,
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

    with pytest.raises(SubmissionUnknown):
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

    with pytest.raises(ConfigurationError):
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
    created = amazon.submit_and_finish()
    emulator.fault("download", fault, **options)

    amazon.ask(lambda client: download_parts(client, created.amc_execution_id, tmp_path))

    (call,) = amazon.failed_calls
    assert (call.operation, call.status, call.attempt) == ("download", status, 1)
    assert "?" not in call.path
    assert "X-Amz" not in repr(call)


def test_a_truncated_download_is_told(amazon, emulator, tmp_path):
    created = amazon.submit_and_finish()
    emulator.fault("download", "truncated_csv", short=True)

    with pytest.raises(InvalidResults):
        amazon.ask(lambda client: download_parts(client, created.amc_execution_id, tmp_path))

    assert [call.operation for call in amazon.failed_calls] == ["download"]


CREDENTIALS = ClientCredentials(client_id="our-client", client_secret="VERY+secret/1")
SENT = {"refresh_token": "Atzr|long+lived/1", "client_secret": CREDENTIALS.client_secret}
FORMS = {
    "raw": str,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "lower case": lambda secret: quote(secret, safe="").lower(),
    "in a form": lambda secret: urlencode({"s": secret}),
    "bar escaped": lambda secret: secret.replace("|", r"\u007c"),
    "JSON in JSON": lambda secret: json.dumps(secret).replace("/", r"\/"),
}


def token_answers(said: str) -> dict[str, httpx.Response]:
    """All the ways in which a token endpoint may repeat a request."""
    return {
        "description": httpx.Response(
            400, json={"error": "invalid_grant", "error_description": said}
        ),
        "code": httpx.Response(400, json={"error": said, "requestId": said, "code": said}),
        "wrong client": httpx.Response(401, json={"error": "invalid_client", "message": said}),
        "page": httpx.Response(502, html=f"<h1>Bad request</h1>{said}"),
        "success": httpx.Response(200, text=said),
        "no token": httpx.Response(200, json={"token": said}),
        "request id": httpx.Response(500, headers={"x-amz-request-id": said.replace(" and ", "/")}),
    }


@pytest.mark.parametrize("place", list(token_answers("")))
@pytest.mark.parametrize("form", list(FORMS))
def test_nothing_that_amazon_repeats_of_a_request_for_tokens_goes_anywhere(
    amazon, caplog, form, place
):
    caplog.set_level(logging.DEBUG)
    said = " and ".join(FORMS[form](secret) for secret in SENT.values())
    store = MemoryTokenStore(make_tokens(refresh_token=SENT["refresh_token"]))
    transport = httpx.MockTransport(lambda _: token_answers(said)[place])
    auth = LwaAuth(CREDENTIALS, f"{amazon.url}/auth/o2/token", store, transport=transport)

    with pytest.raises((AmazonError, ConfigurationError)) as caught:
        amazon.ask(lambda client: listed(client, workflow_id="x"), auth=auth)

    texts = f"{caught.getrepr()} {amazon.failed_calls!r} {caplog.text}".lower()
    assert {call.operation for call in amazon.failed_calls} == {"token"}
    for part in ("long", "lived", "very", "secret/1", "secret%2f1", "atzr"):
        assert part not in texts, part


def test_the_query_of_a_refused_execution_is_told_without_tokens(amazon):
    said = "cannot run SELECT 1; near 'x': least=Atza|whisper \x00\ud800"

    def server(request: httpx.Request) -> httpx.Response:
        body = json.dumps({"message": said, "code": "400"}).encode()
        return httpx.Response(400, content=body, headers={"x-amz-request-id": "R1"})

    async def submit() -> None:
        transport = httpx.MockTransport(server)
        account = make_account(amazon.url)
        async with AmcClient(
            account, httpx.Auth(), transport=transport, observe=amazon.observe
        ) as client:
            await client.create_execution(make_execution())

    with pytest.raises(RequestRejected):
        asyncio.run(submit())

    message = amazon.failed_calls[0].message
    assert "cannot run SELECT 1; near 'x': least=[token]" in message
    assert "request id R1" in message
    message.encode()
