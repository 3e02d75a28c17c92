"""Each call to Amazon is one span, which holds nothing secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from fixtures.amazon import Amazon, finished, make_account, make_execution
from fixtures.emulator import RunningEmulator
from recomamp.amazon import call_telemetry
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.download import download_parts
from recomamp.amazon.failed_calls import CallOutcome
from recomamp.errors import RequestRejected, TransientError

Spans: TypeAlias = Callable[[], Sequence[ReadableSpan]]

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
ALLOWED = {
    "aws.request_id",
    "error.type",
    "http.request.method",
    "http.request.resend_count",
    "http.response.status_code",
    "recomamp.operation",
    "server.address",
}


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def answering(
    amazon: Amazon, answer: Callable[[httpx.Request], httpx.Response], **options: Any
) -> AmcClient:
    """Open a client that signs in at the emulator and gets all other answers from a function."""
    transport = httpx.MockTransport(answer)
    account = make_account(amazon.url)
    return AmcClient(account, amazon.auth(), transport=transport, sleep=amazon.pauses, **options)


def test_without_a_test_the_tracer_is_that_of_the_global_provider() -> None:
    assert isinstance(call_telemetry._tracer, trace.ProxyTracer)


def test_a_whole_execution_is_traced_call_by_call_without_secrets(
    amazon: Amazon, emulator: RunningEmulator, spans: Spans, tmp_path: Path
) -> None:
    emulator.progression("at_once")

    async def run_all() -> None:
        async with amazon.client() as amc:
            execution = await finished(amc, await amc.create_execution(make_execution()))
            await download_parts(amc, execution.amc_execution_id, tmp_path)

    asyncio.run(run_all())

    found = spans()
    names = [span.name for span in found]
    assert names[:3] == ["amazon.token", "amazon.create_execution", "amazon.get_execution"]
    assert {"amazon.download_urls", "amazon.download"} <= set(names)
    for span in found:
        assert span.kind is SpanKind.CLIENT
        assert span.status.status_code is StatusCode.UNSET
        assert span.events == ()
        assert set(attributes(span)) <= ALLOWED
        assert attributes(span)["server.address"] == "127.0.0.1"
        assert attributes(span)["recomamp.operation"] == span.name.removeprefix("amazon.")
        assert attributes(span)["http.response.status_code"] == 200
    create = attributes(found[1])
    (call,) = emulator.calls("create_execution")
    assert create["aws.request_id"]
    assert create["http.request.method"] == call["method"]


def test_the_call_for_a_token_is_part_of_the_call_that_needed_it(
    amazon: Amazon, spans: Spans
) -> None:
    async def create() -> None:
        async with amazon.client() as amc:
            await amc.create_execution(make_execution())

    asyncio.run(create())

    token, call = spans()
    assert token.parent is not None
    assert call.context is not None
    assert token.parent.span_id == call.context.span_id


def test_each_try_is_a_span_with_its_own_request_id(
    amazon: Amazon, emulator: RunningEmulator, spans: Spans
) -> None:
    emulator.fault("list_executions", "throttle", times=1, retry_after=1)

    async def ask() -> None:
        async with amazon.client() as amc:
            await amc.list_page(min_creation_time=SINCE)

    asyncio.run(ask())

    first, second = [attributes(one) for one in spans() if one.name == "amazon.list_executions"]
    assert first["http.response.status_code"] == 429
    assert first["error.type"] == "429"
    assert "http.request.resend_count" not in first
    assert second["http.request.resend_count"] == 1
    assert "error.type" not in second
    assert first["aws.request_id"] != second["aws.request_id"]


def test_an_error_whose_text_has_the_token_leaves_none_of_it(amazon: Amazon, spans: Spans) -> None:
    secret = "Atza|secret-in-the-header"

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value b'Bearer {secret}'")

    outcomes: list[CallOutcome] = []

    async def ask() -> None:
        async with answering(amazon, refuse, measure=outcomes.append) as amc:
            await amc.list_page(min_creation_time=SINCE)

    with pytest.raises(TransientError):
        asyncio.run(ask())

    failed = [one for one in spans() if one.name == "amazon.list_executions"]
    assert failed
    for span in failed:
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None
        assert attributes(span)["error.type"] == "LocalProtocolError"
        assert span.events == ()
        assert secret not in span.to_json()
    assert {one.status for one in outcomes if one.operation == "list_executions"} == {None}


def test_a_request_id_that_is_none_is_not_kept(amazon: Amazon, spans: Spans) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"x-amz-request-id": "Atza|token of somebody"}
        return httpx.Response(400, headers=headers, json={"message": "no"})

    async def ask() -> None:
        async with answering(amazon, answer) as amc:
            await amc.list_page(min_creation_time=SINCE)

    with pytest.raises(RequestRejected):
        asyncio.run(ask())

    (span,) = (one for one in spans() if one.name == "amazon.list_executions")
    assert attributes(span)["http.response.status_code"] == 400
    assert "aws.request_id" not in attributes(span)
