"""What the triggers of an execution share: when they fire, and what a killed task leaves."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from airflow.triggers.base import BaseTrigger, TriggerEvent

from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import Execution
from recomamp.domain.text import one_line
from recomamp.errors import ConsentRevoked, PipelineError
from recomamp.pipeline.executions.cancellation import cancel_at_amc, end_cancelled
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.log_context import bind_execution
from recomamp.pipeline.partial_failures import log_failure
from recomamp.pipeline.triggers.task_state import (
    EARLIEST_EVENT_SECONDS,
    GIVEN_UP,
    state_of_task,
)
from recomamp.store.executions import select_execution, set_amc_status

# How long a task sleeps whose execution this triggerer cannot watch, because its settings are wrong
# or AMC refuses. The task asks AMC itself and may find the execution RUNNING: without a pause the
# two would take turns every few seconds, for a day
MIN_EVENT_PAUSE_SECONDS = 60.0
MAX_EVENT_PAUSE_SECONDS = 900.0


class BaseExecutionTrigger(BaseTrigger):
    """Waits for one execution, fires once, and cancels the execution of a task that was ended.

    The event only wakes the task, which asks AMC and the row for the truth. It holds a text for
    the log or, where the execution cannot be watched from here, the reason. Arguments are ids:
    they lie in Airflow's database in the clear.

    :param execution_id: UUID of the row of ``workflow_executions``.
    """

    sleep = staticmethod(asyncio.sleep)

    def __init__(self, *, execution_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.execution_id = execution_id
        self._submitted_at: datetime | None = None  # to AMC, once that is read

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", {"execution_id": self.execution_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, however often the triggerer is restarted meanwhile."""
        bind_execution(self.execution_id)
        await self.sleep(EARLIEST_EVENT_SECONDS)
        event = {"execution_id": self.execution_id}
        try:
            event["text"] = await self.wait_for_event(DatabaseHook())
        except PipelineError as err:
            log_failure(f"execution {self.execution_id} can no longer be watched", err)
            await self.sleep(self._pause_seconds(err))
            event["reason"] = one_line(err)
        self.log.info("Execution %s: %s", self.execution_id, event.get("text", "not watched"))
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    def _pause_seconds(self, error: PipelineError) -> float:
        """Return the pause before the task goes on: as long as it has waited so far."""
        if isinstance(error, ConsentRevoked):
            return 0.0  # the task fails at once
        if self._submitted_at is None:
            return MAX_EVENT_PAUSE_SECONDS
        waited_seconds = (datetime.now(UTC) - self._submitted_at).total_seconds()
        return min(max(waited_seconds, MIN_EVENT_PAUSE_SECONDS), MAX_EVENT_PAUSE_SECONDS)

    @abstractmethod
    async def wait_for_event(self, database: DatabaseHook) -> str:
        """Wait until the task has something to do, and say in a few words what came.

        :raises PipelineError: where it cannot be watched from here.
        """

    async def on_kill(self) -> None:
        """Cancel the execution when somebody marked the waiting task, or its run, failed.

        Airflow calls this, too, where the task was cleared, and where a triggerer that had lost
        its heartbeat comes back: another one has taken over, and the task may have gone on, or
        even ended, since. The execution then goes on.
        """
        bind_execution(self.execution_id)
        database = DatabaseHook()
        execution = await asyncio.to_thread(_read, database, UUID(self.execution_id))
        if execution is None or not execution.status.is_open:
            return
        state = await state_of_task(execution.dag_id, execution.dag_run_id, self.task_id or "")
        # success: the task record ends an open execution
        # None, after a deletion: the reconciliation ends it
        if state not in GIVEN_UP:
            self.log.info("Execution %s goes on: its task is %s", execution.id, state or "cleared")
            return
        reason = f"cancelled: its waiting task was ended in Airflow (now {state})"
        if await asyncio.to_thread(end_cancelled, database, execution, reason):
            at_amc = await cancel_at_amc(execution, AmcHook(database=database))
            status = at_amc.status if at_amc else None
            self.log.info("Execution %s %s; AMC says %s", execution.id, reason, status)
            if status is not None:
                await asyncio.to_thread(_note, database, execution, status)


def _read(database: DatabaseHook, execution_id: UUID) -> Execution | None:
    with database.transaction() as connection:
        return select_execution(connection, execution_id)


def _note(database: DatabaseHook, execution: Execution, status: AmcStatus) -> None:
    with database.transaction() as connection:
        set_amc_status(connection, execution.id, status.value)
