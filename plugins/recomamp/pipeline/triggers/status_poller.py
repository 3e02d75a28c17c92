"""One poller per instance and user serves every execution that waits on it.

Calls grow with pages of AMC's list, not with executions. A failed poll is not a failed execution:
it is logged and the next poll, which is its only retry, comes at its time or when AMC asks for it.
Polling slows down as the youngest waiting execution ages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID
from weakref import WeakKeyDictionary

from recomamp.amazon.amc.client import AmcClient
from recomamp.domain import metrics
from recomamp.domain.executions import AmcExecution
from recomamp.domain.text import one_line
from recomamp.errors import AmazonError, ConsentRevoked, RequestRejected, retry_after_seconds
from recomamp.pipeline.log_context import unbind_execution
from recomamp.pipeline.metrics import count
from recomamp.pipeline.partial_failures import log_failure
from recomamp.pipeline.triggers.status_fetcher import StatusFetcher

log = logging.getLogger(__name__)

SLOWEST_FACTOR = 4  # of the shortest interval
AGE_FACTOR = 20  # an execution of 20 minutes is polled every minute


def poll_interval_seconds(age_seconds: float, shortest_seconds: float) -> float:
    """Return the time until an execution of this age is polled again."""
    return min(max(shortest_seconds, age_seconds / AGE_FACTOR), shortest_seconds * SLOWEST_FACTOR)


@dataclass(eq=False, slots=True)
class _Waiting:
    submitted_at: datetime
    users: int = 0
    ended: asyncio.Future[AmcExecution] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class InstancePoller:
    """Watches one user's executions on one AMC instance for all who wait in this event loop.

    AMC is asked in that user's name only: several users may use one instance.
    """

    _pollers: ClassVar[
        WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[UUID, UUID], InstancePoller]]
    ] = WeakKeyDictionary()

    def __init__(
        self,
        open_client: Callable[[], AmcClient],
        shortest_seconds: float,
        passing_errors: tuple[type[Exception], ...] = (),
    ) -> None:
        self._open_client = open_client
        self._shortest_seconds = shortest_seconds
        self._passing_errors: tuple[type[Exception], ...] = (AmazonError, *passing_errors)
        self._waiting: dict[str, _Waiting] = {}  # by AMC's id
        self._task: asyncio.Task[None] | None = None
        self._users = 0

    @classmethod
    @asynccontextmanager
    async def shared(
        cls,
        instance_key: UUID,
        user_id: UUID,
        open_client: Callable[[], AmcClient],
        shortest_seconds: float,
        *,
        passing_errors: tuple[type[Exception], ...] = (),
    ) -> AsyncIterator[InstancePoller]:
        """Give this event loop's poller of an instance for a user; it ends with its last use.

        :param open_client: opens a client that asks in the name of the user, as ``ONE_TRY`` says.
        :param passing_errors: after which the next poll may succeed, as after Amazon's: those of
            the store of tokens.
        """
        pollers = cls._pollers.setdefault(asyncio.get_running_loop(), {})
        key = (instance_key, user_id)
        poller = pollers.setdefault(key, cls(open_client, shortest_seconds, passing_errors))
        poller._users += 1
        try:
            yield poller
        finally:
            poller._users -= 1
            if poller._users == 0:
                del pollers[key]
                if poller._task is not None:
                    poller._task.cancel()

    async def wait_until_ended(self, amc_execution_id: str, submitted_at: datetime) -> AmcExecution:
        """Wait until AMC has ended the execution.

        :raises ConsentRevoked: when AMC can no longer be asked in the user's name.
        :raises RequestRejected: when AMC refuses to list the instance's executions.
        """
        waiting = self._waiting.setdefault(amc_execution_id, _Waiting(submitted_at))
        waiting.users += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll_until_nobody_waits())
        try:
            return await asyncio.shield(waiting.ended)
        finally:
            waiting.users -= 1
            if waiting.users == 0:
                self._waiting.pop(amc_execution_id, None)

    async def _poll_until_nobody_waits(self) -> None:
        unbind_execution()  # it began in the context of the first that waits
        try:
            # In a thread: reading connections, keys and certificates would hold up the event loop
            async with await asyncio.to_thread(self._open_client) as amc:
                fetcher = StatusFetcher(amc)
                while self._waiting:
                    asked_to_wait_seconds = await self._try_to_poll(amc, fetcher)
                    await amc.sleep(max(asked_to_wait_seconds, self._interval_seconds()))
        except Exception as err:  # noqa: BLE001 - who waits must hear of it: they would wait on
            log_failure("polling has ended", err)
            self._fail(err)

    async def _try_to_poll(self, amc: AmcClient, fetcher: StatusFetcher) -> float:
        """Poll once and return for how many seconds AMC wants to be left alone."""
        try:
            await self._poll(fetcher)
        except (ConsentRevoked, RequestRejected) as err:
            count(metrics.POLLS, outcome="failed")
            self._fail(err)
        except self._passing_errors as err:
            instance_id = one_line(amc.account.instance_id)
            log.warning("Polling %s failed, will poll on: %s", instance_id, one_line(err))
            count(metrics.POLLS, outcome="failed")
            return retry_after_seconds(err)
        else:
            count(metrics.POLLS, outcome="ok")
        return 0.0

    def _interval_seconds(self) -> float:
        now = datetime.now(UTC)
        youngest = max((one.submitted_at for one in self._waiting.values()), default=now)
        age_seconds = (now - youngest).total_seconds()
        return poll_interval_seconds(age_seconds, self._shortest_seconds)

    async def _poll(self, fetcher: StatusFetcher) -> None:
        """Ask AMC about the awaited executions and wake the tasks of those that have ended."""
        wanted = {key: waiting.submitted_at for key, waiting in self._waiting.items()}
        async for execution in fetcher.fetch(wanted):
            if execution.status.is_terminal:
                self._tell(execution)

    def _tell(self, execution: AmcExecution) -> None:
        waiting = self._waiting.get(execution.amc_execution_id)
        if waiting is not None and not waiting.ended.done():
            waiting.ended.set_result(execution)

    def _fail(self, error: Exception) -> None:
        for waiting in self._waiting.values():
            if not waiting.ended.done():
                waiting.ended.set_exception(error)
