"""Wait for the end of an execution without a worker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import psycopg2

from recomamp.pipeline import settings
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.triggers.base import BaseExecutionTrigger
from recomamp.pipeline.triggers.batched_lookup import ExecutionRowBatcher
from recomamp.pipeline.triggers.status_fetcher import ONE_TRY
from recomamp.pipeline.triggers.status_poller import InstancePoller


class ExecutionTrigger(BaseExecutionTrigger):
    """Fires once when AMC has ended the execution, or its deadline has passed."""

    async def wait_for_event(self, database: DatabaseHook) -> str:
        """Read the row, and wait for AMC as long as the row's deadline allows."""
        row = await ExecutionRowBatcher.shared().ask(UUID(self.execution_id), database, self.sleep)
        if row is None:
            return "the row is gone"
        if not row.is_open or row.amc_execution_id is None:
            return "the row has ended"
        self._submitted_at = row.submitted_at
        seconds_left = (row.deadline_at - datetime.now(UTC)).total_seconds()
        try:
            async with (
                asyncio.timeout(max(0.0, seconds_left)),
                InstancePoller.shared(
                    row.instance_key,
                    row.user_id,
                    lambda: AmcHook(database=database).client_at(row, retry=ONE_TRY),
                    settings.poll_seconds(),
                    passing_errors=(psycopg2.Error,),
                ) as poller,
            ):
                ended = await poller.wait_until_ended(row.amc_execution_id, row.submitted_at)
        except TimeoutError:
            return "the deadline has passed"
        return f"AMC says {ended.status}"
