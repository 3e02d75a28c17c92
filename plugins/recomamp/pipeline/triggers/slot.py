"""Wait for a slot without a worker."""

from __future__ import annotations

from uuid import UUID

from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.triggers.base import BaseExecutionTrigger
from recomamp.pipeline.triggers.batched_lookup import SlotWaiters


class SlotTrigger(BaseExecutionTrigger):
    """Fires once when the execution has got a slot, or has ended without."""

    async def wait_for_event(self, database: DatabaseHook) -> str:
        """Wait for the execution's turn."""
        return await SlotWaiters.shared().ask(UUID(self.execution_id), database, self.sleep)
