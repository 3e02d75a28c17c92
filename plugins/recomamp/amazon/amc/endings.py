"""The error that says how AMC has ended an execution without results."""

from __future__ import annotations

from datetime import datetime

from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution
from recomamp.errors import (
    ExecutionCancelled,
    ExecutionEnded,
    ExecutionFailed,
    ExecutionRejected,
    ExecutionTimedOut,
)

_ENDINGS: dict[AmcStatus, type[ExecutionEnded]] = {
    AmcStatus.REJECTED: ExecutionRejected,
    AmcStatus.CANCELLED: ExecutionCancelled,
    AmcStatus.TIMED_OUT: ExecutionTimedOut,
}


def ending_of(
    amc: AmcExecution, *, failed: type[ExecutionFailed] = ExecutionFailed
) -> ExecutionEnded:
    """Return the error of an execution that AMC has ended without results, with AMC's reason.

    :param failed: the class of the error after AMC's FAILED.
    """
    return _ENDINGS.get(amc.status, failed)(
        f"AMC execution {amc.amc_execution_id} ended as {amc.amc_status}: "
        f"{amc.status_reason or 'AMC gives no reason'} (request id {amc.request_id})"
    )


def late_ending_of(amc: AmcExecution, deadline: datetime) -> ExecutionTimedOut:
    """Return the error of an execution that was cancelled at its deadline."""
    return ExecutionTimedOut(
        f"AMC execution {amc.amc_execution_id} had not ended by its deadline, "
        f"{deadline:%F %T} UTC, and was cancelled; AMC says {amc.amc_status}"
    )
