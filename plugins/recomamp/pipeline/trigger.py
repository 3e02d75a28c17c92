"""Wait for an execution without a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg2
from airflow.triggers.base import BaseTrigger, TriggerEvent

from recomamp.domain.errors import PipelineError
from recomamp.pipeline import settings
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.polling import InstancePoller
from recomamp.store.executions import Execution, select_execution

# A trigger that fires before the scheduler has seen the task defer makes Airflow 3.3.2 fail the
# task (quick-resume race). Nothing fires earlier than this after the deferral.
EARLIEST_EVENT_SECONDS = 10.0
DATABASE_PAUSE_SECONDS = 15.0


class ExecutionTrigger(BaseTrigger):
    """Fires once when AMC has ended the execution, or its deadline has passed.

    The event only wakes the task, which asks AMC and the row for the truth. Arguments are ids:
    they lie in Airflow's database in the clear.

    :param execution_id: UUID of the row of ``workflow_executions``.
    """

    sleep = staticmethod(asyncio.sleep)

    def __init__(self, *, execution_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.execution_id = execution_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", {"execution_id": self.execution_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, however often the triggerer is restarted meanwhile."""
        database = DatabaseHook()
        await self.sleep(EARLIEST_EVENT_SECONDS)
        execution = await self._execution(database)
        outcome = "gone" if execution is None else await self._outcome(execution, database)
        self.log.info("Execution %s: %s", self.execution_id, outcome)
        event = {"execution_id": self.execution_id, "outcome": outcome}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _execution(self, database: DatabaseHook) -> Execution | None:
        """Read the row, as soon as the database can be reached."""
        while True:
            try:
                return await asyncio.to_thread(_read, database, UUID(self.execution_id))
            except psycopg2.OperationalError as err:
                self.log.warning("Execution %s cannot be read yet: %s", self.execution_id, err)
                await self.sleep(DATABASE_PAUSE_SECONDS)

    async def _outcome(self, execution: Execution, database: DatabaseHook) -> str:
        if not execution.status.is_open or execution.amc_execution_id is None:
            return "ended"
        seconds_left = (execution.deadline_at - datetime.now(UTC)).total_seconds()
        amazon = AmcHook(database=database)
        try:
            async with (
                asyncio.timeout(max(0.0, seconds_left)),
                InstancePoller.shared(
                    execution.instance_key,
                    lambda: amazon.client_for(execution),
                    settings.poll_seconds(),
                ) as poller,
            ):
                ended = await poller.ended(
                    execution.amc_execution_id, execution.submitted_at or execution.created_at
                )
        except TimeoutError:
            return "deadline passed"
        except PipelineError as err:
            self.log.warning("Execution %s can no longer be watched: %s", self.execution_id, err)
            return "not to be watched"
        return ended.status.value


def _read(database: DatabaseHook, execution_id: UUID) -> Execution | None:
    with database.transaction() as connection:
        return select_execution(connection, execution_id)
