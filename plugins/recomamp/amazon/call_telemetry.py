"""A span around each try of a call to Amazon, and its outcome for the metrics.

Spans go to OpenTelemetry's global tracer provider, which Airflow sets up (``[traces] otel_on``).
Without it they cost nothing and go nowhere. A span holds no header, body, query, path or text of
an error: a token, a signature or a user's data may be in each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from recomamp.amazon.error_mapping import request_id_of
from recomamp.amazon.failed_calls import CallOutcome, attempt_of
from recomamp.amazon.redaction import without_sent_secrets

_tracer = trace.get_tracer("recomamp.amazon")


@contextmanager
def traced_call(request: httpx.Request) -> Iterator[Callable[[httpx.Response], None]]:
    """Trace and measure one try of a call; call what is given with the answer."""
    this = attempt_of(request)
    began_at, status = time.monotonic(), None
    attributes: dict[str, str | int] = {
        "http.request.method": request.method,
        "server.address": request.url.host,
        "recomamp.operation": this.operation,
    }
    if this.number > 1:
        attributes["http.request.resend_count"] = this.number - 1

    def note(response: httpx.Response) -> None:
        nonlocal status
        status = response.status_code
        _describe(span, response)

    with _tracer.start_as_current_span(
        f"amazon.{this.operation}",
        kind=SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield note
        except BaseException as err:
            span.set_attribute("error.type", type(err).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            if this.measure is not None:
                this.measure(
                    CallOutcome(
                        operation=this.operation,
                        status=status,
                        duration_seconds=time.monotonic() - began_at,
                    )
                )


def _describe(span: Span, response: httpx.Response) -> None:
    span.set_attribute("http.response.status_code", response.status_code)
    if request_id := request_id_of(response):
        shown = without_sent_secrets(request_id, response.request)
        span.set_attribute("aws.request_id", shown)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        span.set_attribute("error.type", str(response.status_code))
        span.set_status(StatusCode.ERROR)
