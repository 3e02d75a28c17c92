"""One call to Amazon, as a value, and how every client sends it: repeated, observed, paged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar

import httpx

from recomamp.amazon.download_links import is_file
from recomamp.amazon.failed_calls import CallAttempt, Measure, Observe, report_failure
from recomamp.amazon.http import TIMEOUT, open_client, send
from recomamp.amazon.regions import Endpoint
from recomamp.amazon.retry import RetryPolicy, Sleep
from recomamp.domain.limits import Limits
from recomamp.errors import AmazonError, ConfigurationError, InvalidDefinition, UnexpectedResponse

T = TypeVar("T")
Clock: TypeAlias = Callable[[], float]

MAX_PAGES = 10_000  # of one list
CLIENT_ID = "Amazon-Advertising-API-ClientId"
ADS_CLIENT_ID = "Amazon-Ads-ClientId"
_SHOWN_CHARS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiRequest:
    """One request to Amazon. ``repeatable`` is False where sending it twice would do harm.

    ``headers`` are those of this call alone; ``content_type`` is sent where there is a body.
    """

    operation: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ListPage(Generic[T]):
    """A page of a list; ``next_token`` is None on the last one."""

    items: tuple[T, ...]
    next_token: str | None


class AmazonClient:
    """Asks one of Amazon's hosts in the name of one user; use as ``async with``.

    A call that may be repeated is sent again after 429, 5xx and network errors, as ``retry`` says.
    In the end an error of ``recomamp.errors`` is raised.

    :param headers: what every call says, save Authorization.
    :param limits: how much Amazon may send; ``clock`` gives seconds for those of time.
    :param observe: hears of every failed try, also of token calls and downloads. What it raises
        reaches the caller.
    :param measure: hears of every try and its duration, likewise.
    :raises InvalidDefinition: when a header of a row's value holds what HTTP does not allow.
    :raises ConfigurationError: when the client id does.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        auth: httpx.Auth,
        *,
        headers: Mapping[str, str],
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        retry: RetryPolicy | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        limits: Limits | None = None,
        clock: Clock = time.monotonic,
        observe: Observe | None = None,
        measure: Measure | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.observe = observe
        self.measure = measure
        self.sleep = sleep
        self.clock = clock
        self.limits = limits or Limits()
        self.retry = retry or RetryPolicy()
        _require_sendable(headers)
        bounds: dict[str, Any] = {"timeout": timeout, "limits": self.limits}
        self._http = open_client(
            transport, auth=auth, base_url=endpoint.api_url, headers=headers, **bounds
        )
        # Signed links refuse an Authorization header, and must not be shown one.
        self.links = open_client(transport, is_file=is_file, **bounds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()
        await self.links.aclose()

    async def send(self, call: ApiRequest, read: Callable[[httpx.Response], T]) -> T:
        """Send a call and read the answer, again and again as ``retry`` allows."""
        return await self.retry.call(lambda number: self._ask_once(call, read, number), self.sleep)

    async def pages(
        self,
        call: Callable[[str | None], ApiRequest],
        read: Callable[[httpx.Response], ListPage[T]],
    ) -> AsyncIterator[ListPage[T]]:
        """Yield all pages of a list, the first asked for without a token.

        :raises UnexpectedResponse: when a token comes a second time, or pages come without end.
        """
        seen: set[str | None] = {None}
        next_token: str | None = None
        while True:
            page = await self.send(call(next_token), read)
            yield page
            next_token = page.next_token
            if next_token is None:
                return
            if next_token in seen:
                raise UnexpectedResponse(f"{call(None).path} repeats a page: its nextToken repeats")
            if len(seen) >= MAX_PAGES:
                raise UnexpectedResponse(f"{call(None).path} has more than {MAX_PAGES} pages")
            seen.add(next_token)

    async def items(
        self,
        call: Callable[[str | None], ApiRequest],
        read: Callable[[httpx.Response], ListPage[T]],
    ) -> AsyncIterator[T]:
        """Yield the items of all pages."""
        async for page in self.pages(call, read):
            for item in page.items:
                yield item

    async def _ask_once(
        self, call: ApiRequest, read: Callable[[httpx.Response], T], number: int
    ) -> T:
        request = self._build(call, number)
        response = await send(self._http, request, limits=self.limits, repeatable=call.repeatable)
        try:
            return read(response)
        except AmazonError as err:
            await report_failure(request, err, response)
            raise

    def _build(self, call: ApiRequest, number: int) -> httpx.Request:
        this = CallAttempt(
            operation=call.operation,
            number=number,
            observe=self.observe,
            measure=self.measure,
            repeatable=call.repeatable,
        )
        content_type = {"Content-Type": call.content_type} if call.body is not None else {}
        headers = {**call.headers, **content_type}
        _require_sendable(headers)
        try:
            return self._http.build_request(
                call.method,
                call.path,
                params=dict(call.query),
                json=call.body,
                headers=headers,
                extensions=this.extension,
            )
        except (httpx.InvalidURL, ValueError) as err:  # UnicodeError is a ValueError
            raise InvalidDefinition(f"{call.operation} cannot be sent to Amazon: {err}") from err


def _require_sendable(headers: Mapping[str, str]) -> None:
    """Refuse a value that no header may hold. The client id is a setting; all others are rows'."""
    for name, value in headers.items():
        if (value.isascii() and value.isprintable()) and value == value.strip():
            continue
        if name in (CLIENT_ID, ADS_CLIENT_ID):
            # Not quoted: it may be the secret, put into the wrong place
            raise ConfigurationError(
                "AIRFLOW_CONN_AMAZON_ADS: its login, the client id, begins or ends with a blank or "
                "holds a character that no header may hold"
            )
        raise InvalidDefinition(
            f"{value[:_SHOWN_CHARS]!a} cannot be sent to Amazon as the header {name}: "
            "correct it in the row"
        )
