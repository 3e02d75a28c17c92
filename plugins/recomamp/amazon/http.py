"""How the pipeline speaks HTTP: time-outs, limits, name, no secret logged."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx

from recomamp.amazon.call_telemetry import traced_call
from recomamp.amazon.failed_calls import report_failure
from recomamp.amazon.redaction import without_sent_secrets
from recomamp.domain.limits import Limits
from recomamp.errors import (
    SubmissionUnknown,
    TransientError,
    UnexpectedResponse,
)
from recomamp.version import read_version

USER_AGENT = f"recomamp-pipeline/{read_version()}"
TIMEOUT = httpx.Timeout(60.0, connect=10.0)

# What a storage repeats from an upload, and what is no coding of the content
_NO_CODINGS = ("", "identity", "aws-chunked", "utf-8", "utf8", "none")
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _WithoutQuery(logging.Filter):
    """Cut the query off addresses that httpx logs: a signed link's signature stands there."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(arg) for arg in record.args)
        return True


def _without_query(arg: object) -> object:
    return arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg


logging.getLogger("httpx").addFilter(_WithoutQuery())


@cache
def certificates() -> ssl.SSLContext:
    """Load the certificates once per process: it takes 30 ms, longer than many a call."""
    return httpx.create_ssl_context()


class _OutOfBounds(httpx.RequestError):
    """An answer is not read to its end: it is too long, or compressed."""


class _BoundedStream(httpx.AsyncByteStream):
    """The body of an answer up to a limit.

    The body of an error ends at the limit, because its status says enough. Any other is given up.
    """

    def __init__(
        self, stream: httpx.AsyncByteStream, limit_bytes: int, *, is_error: bool = False
    ) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._is_error = is_error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit_bytes
        async for chunk in self._stream:
            left -= len(chunk)
            if left >= 0:
                yield chunk
            elif self._is_error:
                return
            else:
                raise _OutOfBounds(
                    f"answered more than {self._limit_bytes} bytes, "
                    "which is all that RECOMAMP_ANSWER_LIMIT_BYTES allows"
                )

    async def aclose(self) -> None:
        await self._stream.aclose()


def _bounding(
    limits: Limits, is_file: Callable[[httpx.Response], bool]
) -> Callable[[httpx.Response], Awaitable[None]]:
    """Return a hook that bounds answers before anybody reads them, also while signing in.

    A file is bounded by the caller, who writes it to a disk and may unpack it. An error keeps its
    status: a 429 is a 429 also without its body.
    """

    async def bound(response: httpx.Response) -> None:
        is_error = response.status_code >= 400
        said = response.headers.get("Content-Encoding", "").lower()
        codings = [one for one in map(str.strip, said.split(",")) if one not in _NO_CODINGS]
        is_packed_file = codings in (["gzip"], ["x-gzip"]) and is_file(response)
        if codings and not is_packed_file:
            # A few kilobytes may hold gigabytes, which httpx would unpack in one go
            if not is_error:
                raise _OutOfBounds(f"answered with Content-Encoding {said[:40]!r} unasked")
            del response.headers["Content-Encoding"]
            await _drop_body(response)
        if not is_file(response) and isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _BoundedStream(
                response.stream, limits.answer_limit_bytes, is_error=is_error
            )

    return bound


async def _drop_body(response: httpx.Response) -> None:
    if isinstance(response.stream, httpx.AsyncByteStream):
        await response.stream.aclose()
    response.stream = httpx.ByteStream(b"")


def open_client(
    transport: httpx.AsyncBaseTransport | None,
    *,
    timeout: httpx.Timeout = TIMEOUT,
    limits: Limits | None = None,
    is_file: Callable[[httpx.Response], bool] = lambda _: False,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> httpx.AsyncClient:
    """Make a client with our time-outs and name. It follows no redirects; the caller closes it.

    :param limits: of the answers, save those that ``is_file`` says to be files.
    """
    return httpx.AsyncClient(
        transport=transport,
        verify=certificates(),
        timeout=timeout,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **(headers or {})},
        follow_redirects=False,
        event_hooks={"response": [_bounding(limits or Limits(), is_file)]},
        **options,
    )


async def send(
    http: httpx.AsyncClient,
    request: httpx.Request,
    *,
    limits: Limits | None = None,
    repeatable: bool = True,
    stream: bool = False,
) -> httpx.Response:
    """Send a request and return its answer; with ``stream`` its body is still to read.

    :raises TransientError: when no answer came and the request may be sent again.
    :raises SubmissionUnknown: when no answer came to a request that is not ``repeatable``, save
        when not even a connection was made.
    :raises UnexpectedResponse: when the answer to a ``repeatable`` request passes a limit and is
        not an error.
    """
    async with _explaining(request, limits or Limits(), repeatable=repeatable):
        with traced_call(request) as answered:
            response = await http.send(request, stream=stream)
            answered(response)
        return response


async def read_answer(response: httpx.Response, *, limits: Limits | None = None) -> None:
    """Read the body of an answer that was asked for with ``stream``, but is not a file.

    :raises AmazonError: as ``send``.
    """
    async with _explaining(response.request, limits or Limits()):
        await response.aread()


@asynccontextmanager
async def _explaining(
    request: httpx.Request, limits: Limits, *, repeatable: bool = True
) -> AsyncIterator[None]:
    """Bound an exchange in time, and turn what httpx raises into errors of ours."""
    try:
        async with asyncio.timeout(limits.answer_limit_seconds):
            yield
    except TimeoutError as err:
        said = (
            f"got no whole answer within {limits.answer_limit_seconds} seconds, "
            "which are all that RECOMAMP_ANSWER_LIMIT_SECONDS allows"
        )
        silent = TransientError if repeatable else SubmissionUnknown
        raise await report_failure(request, silent(f"{_place(request)} {said}")) from err
    except _OutOfBounds as err:
        broken = UnexpectedResponse if repeatable else SubmissionUnknown
        raise await report_failure(request, broken(f"{_place(request)} {err}")) from err
    except _UNSENT as err:
        raise await report_failure(request, TransientError(_no_answer(request, err))) from err
    except httpx.RequestError as err:
        kind = TransientError if repeatable else SubmissionUnknown
        raise await report_failure(request, kind(_no_answer(request, err))) from err


def _place(request: httpx.Request) -> str:
    return f"{request.method} {request.url.path} at {request.url.host}"


def _no_answer(request: httpx.Request, err: httpx.RequestError) -> str:
    # A LocalProtocolError quotes a header, which may be the one with the token
    text = "" if isinstance(err, httpx.LocalProtocolError) else str(err)
    said = without_sent_secrets(f"{type(err).__name__} {text}".rstrip(), request)
    return f"{_place(request)} got no answer: {said}"
