"""The AMC reporting API of one instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import httpx

from recomamp.amazon.amc import instances, requests
from recomamp.amazon.amc.account import AmcAccount
from recomamp.amazon.amc.instances import AmcInstance, read_instance
from recomamp.amazon.amc.requests import NewExecution
from recomamp.amazon.amc.responses import (
    read_acknowledgement,
    read_data_sources,
    read_download_urls,
    read_execution,
    read_executions,
)
from recomamp.amazon.base_client import AmazonClient, ApiRequest, ListPage
from recomamp.amazon.download_links import part_of
from recomamp.domain.executions import AmcExecution
from recomamp.errors import LimitExceeded, RequestRejected, UnexpectedResponse

# AMC answers 400; its description also has 422 for calls that change something.
_ALREADY_ENDED = (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY)


class AmcClient(AmazonClient):
    """Asks AMC about one instance; use as ``async with``.

    :param options: as of ``AmazonClient``: transport, sleep, retry, timeout, limits, observe …
    """

    def __init__(self, account: AmcAccount, auth: httpx.Auth, **options: Any) -> None:
        super().__init__(
            account.endpoint, auth, headers=requests.account_headers(account), **options
        )
        self.account = account

    async def create_execution(self, execution: NewExecution) -> AmcExecution:
        """Submit a query once. Only a call that Amazon certainly did not process is repeated.

        :raises SubmissionUnknown: when it may or may not have been accepted: look for it with
            ``list_executions`` before asking again.
        """
        call = requests.create_execution(self.account.instance_id, execution)
        return await self.send(call, lambda answer: read_execution(answer, repeatable=False))

    async def list_executions(
        self,
        *,
        workflow_id: str | None = None,
        min_creation_time: datetime | None = None,
        include_workflow: bool = False,
    ) -> AsyncIterator[AmcExecution]:
        """Yield executions, newest first, cancelled ones too, by name or by time of creation."""

        def call(next_token: str | None) -> ApiRequest:
            return requests.list_executions(
                self.account.instance_id,
                workflow_id=workflow_id,
                min_creation_time=min_creation_time,
                include_workflow=include_workflow,
                next_token=next_token,
            )

        async for execution in self.items(call, read_executions):
            yield execution

    async def list_page(
        self, *, min_creation_time: datetime, next_token: str | None = None
    ) -> ListPage[AmcExecution]:
        """Return one page of the executions created since then, newest first, cancelled ones too.

        :raises RequestRejected: also where AMC no longer knows the token.
        """
        call = requests.list_executions(
            self.account.instance_id,
            min_creation_time=min_creation_time,
            next_token=next_token,
        )
        return await self.send(call, read_executions)

    async def get_execution(self, amc_execution_id: str) -> AmcExecution:
        """Return one execution.

        :raises RequestRejected: with status 404 too, for a moment after it was created.
        """
        call = requests.get_execution(self.account.instance_id, amc_execution_id)
        return await self.send(call, read_execution)

    async def cancel_execution(self, amc_execution_id: str) -> AmcExecution:
        """Cancel an execution and return what AMC then says of it; one that has ended stays so.

        :raises RequestRejected: when AMC refuses to cancel an execution that still runs.
        """
        call = requests.cancel_execution(self.account.instance_id, amc_execution_id)
        try:
            await self.send(call, read_acknowledgement)
        except RequestRejected as refusal:
            if refusal.status not in _ALREADY_ENDED:
                raise
            execution = await self.get_execution(amc_execution_id)
            if not execution.status.is_terminal:
                raise
            return execution
        return await self.get_execution(amc_execution_id)

    async def download_urls(self, amc_execution_id: str) -> tuple[str, ...]:
        """Return signed links to the parts of a result, in order; they live ten minutes.

        :raises LimitExceeded: when there are more of them than the client's limits allow.
        :raises UnexpectedResponse: when two of them lead to the same part.
        """

        def call(next_token: str | None) -> ApiRequest:
            return requests.download_urls(
                self.account.instance_id, amc_execution_id, next_token=next_token
            )

        urls: list[str] = []
        async for url in self.items(call, read_download_urls):
            if len(urls) == self.limits.result_limit_parts:
                raise LimitExceeded(
                    f"AMC offers more than {len(urls)} files of execution {amc_execution_id}, "
                    "which is all that RECOMAMP_RESULT_LIMIT_PARTS allows"
                )
            urls.append(url)
        for part, times in Counter(map(part_of, urls)).items():
            if times > 1:  # its rows would be there twice
                raise UnexpectedResponse(
                    f"AMC lists a file of execution {amc_execution_id} twice: {part}; "
                    "the next try asks again"
                )
        return tuple(urls)

    async def list_data_sources(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the instance's tables, each as AMC describes it."""

        def call(next_token: str | None) -> ApiRequest:
            return requests.data_sources(self.account.instance_id, next_token=next_token)

        async for source in self.items(call, read_data_sources):
            yield source

    async def get_instance(self) -> AmcInstance:
        """Return what Amazon says of the instance itself."""
        call = instances.get_instance(self.account.instance_id)
        return await self.send(call, read_instance)

    async def ping(self) -> None:
        """Ask the reporting API for as little as it gives, to see whether it answers."""
        call = requests.data_sources(self.account.instance_id, limit=1)
        await self.send(call, read_data_sources)
