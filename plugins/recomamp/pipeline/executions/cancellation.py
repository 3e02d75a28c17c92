"""Stop an execution whose run was ended: in its row first, then at AMC."""

from __future__ import annotations

from datetime import UTC, datetime

from recomamp.domain.execution_states import KILLED, Actor, ExecutionStatus
from recomamp.domain.executions import AmcExecution, Execution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.metrics import count_ended
from recomamp.store import run_records
from recomamp.store.executions import end_execution


async def cancel_at_amc(execution: Execution, amazon: AmcHook) -> AmcExecution | None:
    """Cancel what goes by the execution's id or name at AMC, and return what AMC then says of it.

    None where AMC knows nothing of it. What has ended stays as it ended.

    :raises AmazonError: when AMC cannot be asked, or refuses.
    """
    async with amazon.client_for(execution) as amc:
        if execution.amc_execution_id is not None:
            return await amc.cancel_execution(execution.amc_execution_id)
        found = None
        if execution.submission_started_at is not None:
            name = execution.amc_workflow_id
            async for sent in amc.list_executions(workflow_id=name):
                if sent.workflow_id == name:  # other executions may be listed too
                    found = await amc.cancel_execution(sent.amc_execution_id)
        return found


def end_cancelled(database: DatabaseHook, execution: Execution, reason: str) -> bool:
    """End the row as CANCELLED and record the failure of its run; False where it has ended already.

    The row comes first: if AMC cannot be reached afterwards, the reconciliation cancels there what
    an ended row names.
    """
    now = datetime.now(UTC)
    with database.transaction() as connection:
        is_ours = end_execution(
            connection,
            execution.id,
            actor=Actor.ON_KILL,
            status=ExecutionStatus.CANCELLED,
            amc_status=None,
            error_type=KILLED,
            error_message=reason,
            completed_at=now,
        )
        if is_ours:
            run_records.record_failure(connection, execution, reason=reason, now=now)
    if is_ours:
        count_ended(ExecutionStatus.CANCELLED)
    return is_ours
