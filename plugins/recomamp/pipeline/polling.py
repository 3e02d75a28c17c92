"""One poller per instance serves every execution that waits on it.

Calls grow with pages of AMC's list, not with executions. A failed poll is not a failed execution:
it is logged and the next poll comes. Polling slows down as the youngest waiting execution ages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg2

from recomamp.amazon.client import AmcClient
from recomamp.amazon.responses import AmcExecution
from recomamp.domain.errors import AmazonError, ConsentRevoked, Refused, Transient

log = logging.getLogger(__name__)

SLOWEST_FACTOR = 4  # of the shortest interval
AGE_FACTOR = 20  # an execution of 20 minutes is polled every minute
LIST_SLACK = timedelta(minutes=5)  # between our clock and Amazon's


def poll_interval_seconds(age_seconds: float, shortest_seconds: float) -> float:
    """Return the time until an execution of this age is polled again."""
    return min(max(shortest_seconds, age_seconds / AGE_FACTOR), shortest_seconds * SLOWEST_FACTOR)


@dataclass(eq=False)
class _Waiting:
    amc_execution_id: str
    submitted_at: datetime
    ended: asyncio.Future[AmcExecution] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class InstancePoller:
    """Watches the executions of one AMC instance for everybody who waits in this event loop."""

    _pollers: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, InstancePoller]]] = (
        WeakKeyDictionary()
    )

    def __init__(self, open_client: Callable[[], AmcClient], shortest_seconds: float) -> None:
        self._open_client = open_client
        self._shortest_seconds = shortest_seconds
        self._waiting: set[_Waiting] = set()
        self._task: asyncio.Task[None] | None = None
        self._users = 0

    @classmethod
    @asynccontextmanager
    async def shared(
        cls, instance_key: UUID, open_client: Callable[[], AmcClient], shortest_seconds: float
    ) -> AsyncIterator[InstancePoller]:
        """Give the instance's poller of this event loop; it ends with the last who uses it."""
        pollers = cls._pollers.setdefault(asyncio.get_running_loop(), {})
        poller = pollers.setdefault(instance_key, cls(open_client, shortest_seconds))
        poller._users += 1
        try:
            yield poller
        finally:
            poller._users -= 1
            if poller._users == 0:
                del pollers[instance_key]
                if poller._task is not None:
                    poller._task.cancel()

    async def ended(self, amc_execution_id: str, submitted_at: datetime) -> AmcExecution:
        """Wait until AMC has ended the execution.

        :raises ConsentRevoked: when AMC can no longer be asked in the user's name.
        :raises Refused: when AMC refuses to list the instance's executions.
        """
        waiting = _Waiting(amc_execution_id, submitted_at)
        self._waiting.add(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll_until_nobody_waits())
        try:
            return await waiting.ended
        finally:
            self._waiting.discard(waiting)

    async def _poll_until_nobody_waits(self) -> None:
        try:
            # In a thread: reading connections, keys and certificates would hold up the event loop
            async with await asyncio.to_thread(self._open_client) as amc:
                while self._waiting:
                    await self._try_to_poll(amc)
                    await amc.sleep(self._interval_seconds())
        except Exception as err:  # who waits must hear of it, whatever it is: they would wait on
            log.exception("Polling has ended")
            self._fail(err)

    async def _try_to_poll(self, amc: AmcClient) -> None:
        try:
            await self._poll(amc)
        except (ConsentRevoked, Refused) as err:
            self._fail(err)
        except (AmazonError, psycopg2.Error) as err:
            log.warning("Polling %s failed, will poll on: %s", amc.account.instance_id, err)

    def _interval_seconds(self) -> float:
        now = datetime.now(UTC)
        youngest = max((waiting.submitted_at for waiting in self._waiting), default=now)
        age_seconds = (now - youngest).total_seconds()
        return poll_interval_seconds(age_seconds, self._shortest_seconds)

    async def _poll(self, amc: AmcClient) -> None:
        """List the executions since the oldest that is waited for and tell who has ended."""
        missing = {waiting.amc_execution_id for waiting in self._waiting}
        oldest = min(waiting.submitted_at for waiting in self._waiting)
        try:
            async for execution in amc.list_executions(min_creation_time=oldest - LIST_SLACK):
                missing.discard(execution.amc_execution_id)
                self._tell(execution)
                if not missing:
                    return
        except Refused as err:
            log.warning("AMC refuses to list executions, asking for each: %s", err)
            self._tell(await amc.get_execution(missing.pop()))  # refused as well: nobody can watch
        for amc_execution_id in sorted(missing):  # AMC's list may lag, or leave some out
            try:
                self._tell(await amc.get_execution(amc_execution_id))
            except (Refused, Transient) as err:
                log.warning("Execution %s is not to be seen at AMC: %s", amc_execution_id, err)

    def _tell(self, execution: AmcExecution) -> None:
        if not execution.status.is_terminal:
            return
        for waiting in self._waiting:
            if waiting.amc_execution_id == execution.amc_execution_id and not waiting.ended.done():
                waiting.ended.set_result(execution)

    def _fail(self, error: Exception) -> None:
        for waiting in self._waiting:
            if not waiting.ended.done():
                waiting.ended.set_exception(error)
