"""How the pipeline speaks HTTP: time-outs, name, no secret logged."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

from recomamp.amazon.observing import failed
from recomamp.domain.errors import SubmissionInDoubt, Transient

USER_AGENT = "recomamp-pipeline"
TIMEOUT = httpx.Timeout(60.0, connect=10.0)

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
    """Load the certificates once per process and its forks: it takes longer than many a call."""
    return httpx.create_ssl_context()


def open_client(
    transport: httpx.AsyncBaseTransport | None,
    *,
    timeout: httpx.Timeout = TIMEOUT,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> httpx.AsyncClient:
    """Make a client with our time-outs and name. It follows no redirects; the caller closes it."""
    return httpx.AsyncClient(
        transport=transport,
        verify=certificates(),
        timeout=timeout,
        headers={"User-Agent": USER_AGENT, **(headers or {})},
        follow_redirects=False,
        **options,
    )


async def exchange(
    http: httpx.AsyncClient,
    request: httpx.Request,
    *,
    repeatable: bool = True,
    stream: bool = False,
) -> httpx.Response:
    """Send a request and return whatever answer comes; with ``stream`` its body is still to read.

    :raises Transient: when no answer came and the request may be sent again.
    :raises SubmissionInDoubt: when no answer came to a request that is not ``repeatable``, save
        when not even a connection was made.
    """
    try:
        return await http.send(request, stream=stream)
    except _UNSENT as err:
        raise await failed(request, Transient(_no_answer(request, err))) from err
    except httpx.RequestError as err:
        kind = Transient if repeatable else SubmissionInDoubt
        raise await failed(request, kind(_no_answer(request, err))) from err


def _no_answer(request: httpx.Request, err: httpx.RequestError) -> str:
    place = f"{request.method} {request.url.path} at {request.url.host}"
    return f"{place} got no answer: {type(err).__name__} {err}".rstrip()
