"""The AMC reporting API of one instance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from recomamp.amazon import requests
from recomamp.amazon.account import AmcAccount
from recomamp.amazon.observing import Observe, Try, failed
from recomamp.amazon.requests import Call, NewExecution
from recomamp.amazon.responses import (
    AmcExecution,
    Page,
    read_acknowledgement,
    read_data_sources,
    read_download_urls,
    read_execution,
    read_executions,
)
from recomamp.amazon.retrying import RetryPolicy, Sleep
from recomamp.amazon.wire import TIMEOUT, exchange, open_client
from recomamp.domain.errors import AmazonError, ContractBroken, Refused

T = TypeVar("T")

# AMC answers 400; its description also has 422 for calls that change something.
_ALREADY_ENDED = (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY)


class AmcClient:
    """Asks AMC about one instance; use as ``async with``.

    Calls that may be repeated are, on 429, 5xx and network trouble, as ``retry`` says; what is
    raised in the end is an error of ``recomamp.domain.errors``.

    :param observe: hears of every failed try, also of token calls and downloads. What it raises
        reaches the caller.
    """

    def __init__(
        self,
        account: AmcAccount,
        auth: httpx.Auth,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        retry: RetryPolicy | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        observe: Observe | None = None,
    ) -> None:
        self.account = account
        self.observe = observe
        self.sleep = sleep
        self.retry = retry or RetryPolicy()
        self._http = open_client(
            transport,
            timeout=timeout,
            auth=auth,
            base_url=account.endpoint.api_url,
            headers=requests.account_headers(account),
        )
        # Signed links refuse an Authorization header, and must not be shown one.
        self.links = open_client(
            transport, timeout=timeout, headers={"Accept-Encoding": "identity"}
        )

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

    async def create_execution(self, execution: NewExecution) -> AmcExecution:
        """Submit a query once. Only a call that Amazon certainly did not process is repeated.

        :raises SubmissionInDoubt: when it may or may not have been accepted: look for it with
            ``list_executions`` before asking again.
        """
        call = requests.create_execution(self.account.instance_id, execution)
        return await self._ask(call, lambda answer: read_execution(answer, repeatable=False))

    async def list_executions(
        self,
        *,
        workflow_id: str | None = None,
        min_creation_time: datetime | None = None,
        include_cancelled: bool = True,
        include_workflow: bool = False,
    ) -> AsyncIterator[AmcExecution]:
        """Yield executions, newest first, by name or by time of creation."""

        def call(next_token: str | None) -> Call:
            return requests.list_executions(
                self.account.instance_id,
                workflow_id=workflow_id,
                min_creation_time=min_creation_time,
                include_cancelled=include_cancelled,
                include_workflow=include_workflow,
                next_token=next_token,
            )

        async for execution in self._items(call, read_executions):
            yield execution

    async def get_execution(self, amc_execution_id: str) -> AmcExecution:
        """Return one execution. One just created may be ``Refused`` with 404 for a moment."""
        call = requests.get_execution(self.account.instance_id, amc_execution_id)
        return await self._ask(call, read_execution)

    async def cancel_execution(self, amc_execution_id: str) -> AmcExecution:
        """Cancel an execution and return what AMC then says of it; one that has ended stays so.

        :raises Refused: when AMC refuses to cancel an execution that still runs.
        """
        call = requests.cancel_execution(self.account.instance_id, amc_execution_id)
        try:
            await self._ask(call, read_acknowledgement)
        except Refused as refusal:
            if refusal.status not in _ALREADY_ENDED:
                raise
            execution = await self.get_execution(amc_execution_id)
            if not execution.status.is_terminal:
                raise
            return execution
        return await self.get_execution(amc_execution_id)

    async def download_urls(self, amc_execution_id: str) -> tuple[str, ...]:
        """Return signed links to the parts of a result, in order; they live ten minutes."""

        def call(next_token: str | None) -> Call:
            return requests.download_urls(
                self.account.instance_id, amc_execution_id, next_token=next_token
            )

        return tuple([url async for url in self._items(call, read_download_urls)])

    async def list_data_sources(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the instance's tables, each as AMC describes it."""

        def call(next_token: str | None) -> Call:
            return requests.data_sources(self.account.instance_id, next_token=next_token)

        async for source in self._items(call, read_data_sources):
            yield source

    async def _items(
        self, call: Callable[[str | None], Call], read: Callable[[httpx.Response], Page[T]]
    ) -> AsyncIterator[T]:
        """Yield the items of all pages."""
        seen: set[str | None] = {None}
        next_token: str | None = None
        while True:
            page = await self._ask(call(next_token), read)
            for item in page.items:
                yield item
            next_token = page.next_token
            if next_token is None:
                return
            if next_token in seen:
                raise ContractBroken(f"{call(None).path} repeats a page: its nextToken goes round")
            seen.add(next_token)

    async def _ask(self, call: Call, read: Callable[[httpx.Response], T]) -> T:
        """Send a call and read the answer, again and again as ``retry`` allows."""
        return await self.retry.call(lambda number: self._ask_once(call, read, number), self.sleep)

    async def _ask_once(self, call: Call, read: Callable[[httpx.Response], T], number: int) -> T:
        this = Try(operation=call.operation, number=number, observe=self.observe)
        request = self._http.build_request(
            call.method,
            call.path,
            params=dict(call.query),
            json=call.body,
            headers={"Content-Type": call.content_type} if call.body is not None else None,
            extensions=this.extension,
        )
        response = await exchange(self._http, request, repeatable=call.repeatable)
        try:
            return read(response)
        except AmazonError as err:
            await failed(request, err, response)
            raise
