"""Wait for AMC without a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from airflow.triggers.base import BaseTrigger, TriggerEvent

from recomamp.domain.text import one_line
from recomamp.errors import ConsentRevoked, PipelineError
from recomamp.pipeline.partial_failures import log_failure
from recomamp.pipeline.triggers.status_fetcher import ONE_TRY
from recomamp.pipeline.triggers.status_poller import InstancePoller
from recomamp.pipeline.triggers.task_state import EARLIEST_EVENT_SECONDS, GIVEN_UP, state_of_task
from recomamp.provider.hooks import AmcHook

POLL_SECONDS = 15.0
UNWATCHED_SECONDS = 60.0  # before the task looks itself, where this triggerer cannot


class AmcExecutionTrigger(BaseTrigger):
    """Fires once when AMC has ended an execution, its deadline has passed, or nobody can watch it.

    The event only wakes the task, which asks AMC. All triggers of one connection and instance
    share one poller. Arguments are ids and times: they lie in Airflow's database in the clear.

    :param deadline_at: ISO text in UTC.
    :param submitted_at: ISO text in UTC, at or before AMC created the execution.
    :param cancels_for: ``dag_id``, ``run_id``, ``task_id`` and ``map_index`` of the task whose
        failure by hand cancels the execution; None to leave it alone, as a sensor does.
    """

    sleep = staticmethod(asyncio.sleep)

    def __init__(
        self,
        *,
        amc_conn_id: str,
        instance_id: str | None,
        amc_execution_id: str,
        submitted_at: str,
        deadline_at: str,
        cancels_for: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.amc_conn_id = amc_conn_id
        self.instance_id = instance_id
        self.amc_execution_id = amc_execution_id
        self.submitted_at = submitted_at
        self.deadline_at = deadline_at
        self.cancels_for = cancels_for

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", {
            "amc_conn_id": self.amc_conn_id,
            "instance_id": self.instance_id,
            "amc_execution_id": self.amc_execution_id,
            "submitted_at": self.submitted_at,
            "deadline_at": self.deadline_at,
            "cancels_for": self.cancels_for,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, however often the triggerer is restarted meanwhile."""
        await self.sleep(EARLIEST_EVENT_SECONDS)
        event = {"amc_execution_id": self.amc_execution_id, "deadline_at": self.deadline_at}
        try:
            event["text"] = await self._wait_for_event()
        except PipelineError as err:
            log_failure(f"execution {self.amc_execution_id} can no longer be watched", err)
            if not isinstance(err, ConsentRevoked):  # then the task fails at once
                await self.sleep(UNWATCHED_SECONDS)
            event["text"] = f"not watched: {one_line(err)}"
        self.log.info("Execution %s: %s", self.amc_execution_id, event["text"])
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _wait_for_event(self) -> str:
        left = datetime.fromisoformat(self.deadline_at) - datetime.now(UTC)
        # Here and not on the poller's thread: Airflow answers on this event loop alone
        hook = AmcHook(self.amc_conn_id)
        connection = await hook.aget_conn()
        shared_by = uuid5(NAMESPACE_URL, f"{self.amc_conn_id} {self.instance_id}")
        try:
            async with (
                asyncio.timeout(max(0.0, left.total_seconds())),
                InstancePoller.shared(
                    shared_by,
                    shared_by,
                    lambda: hook.client(self.instance_id, connection=connection, retry=ONE_TRY),
                    POLL_SECONDS,
                ) as poller,
            ):
                ended = await poller.wait_until_ended(
                    self.amc_execution_id, datetime.fromisoformat(self.submitted_at)
                )
        except TimeoutError:
            return "the deadline has passed"
        return f"AMC says {ended.status}"

    async def on_kill(self) -> None:
        """Cancel the execution when somebody marked the waiting task, or its run, failed.

        Airflow calls this, too, where the task was cleared, and where a triggerer that had lost
        its heartbeat comes back. The execution then goes on.
        """
        if self.cancels_for is None:
            return
        state = await state_of_task(**self.cancels_for)
        if state not in GIVEN_UP:
            self.log.info("Execution %s goes on: its task is %s", self.amc_execution_id, state)
            return
        hook = AmcHook(self.amc_conn_id)
        connection = await hook.aget_conn()
        async with hook.client(self.instance_id, connection=connection) as amc:
            status = (await amc.cancel_execution(self.amc_execution_id)).status
        self.log.info(
            "Execution %s: its task is %s; AMC says %s", self.amc_execution_id, state, status
        )
