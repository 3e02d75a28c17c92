"""Wait until AMC has ended the execution, without holding a worker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from recomamp.amazon.responses import AmcExecution
from recomamp.domain.errors import (
    ExecutionCancelled,
    ExecutionEnded,
    ExecutionFailed,
    ExecutionRejected,
    ExecutionTimedOut,
    Refused,
    error_type,
)
from recomamp.domain.states import AmcStatus, ended_as
from recomamp.pipeline.cancelling import KILLED
from recomamp.pipeline.links import AmcExecutionLink
from recomamp.pipeline.operators import ExecutionOperator
from recomamp.pipeline.trigger import ExecutionTrigger
from recomamp.store.executions import Execution, end_execution, note_amc_status

# Tries of this task, since it was last cleared, within which AMC's FAILED opens another attempt:
# AMC's quota is dear. Airflow's retries are more, for they also outlast an absent database.
FAILED_TRIES = 4

_TRIED_AGAIN = (None, error_type(ExecutionFailed()), KILLED)

_NOT_FOUND = 404
_APPEARS_WITHIN = timedelta(minutes=5)  # an execution just created may not be found at once

_ENDINGS: dict[AmcStatus, type[ExecutionEnded]] = {
    AmcStatus.FAILED: ExecutionFailed,
    AmcStatus.REJECTED: ExecutionRejected,
    AmcStatus.CANCELLED: ExecutionCancelled,
    AmcStatus.TIMED_OUT: ExecutionTimedOut,
}


class WaitForExecution(ExecutionOperator):
    """Wait for AMC's end of the execution and return its UUID when it has results.

    A retry after AMC's FAILED submits the next attempt; every other retry, and Airflow's own
    restarts of this task, find the attempt still open and wait on.
    """

    operator_extra_links = (AmcExecutionLink(),)
    ui_color = "#fdf3dc"

    def execute(self, context: Context) -> str:
        """Wait for the open attempt; open the next one where the last has ended."""
        with self.trying(context):
            execution = self.latest_execution(context)
            if execution is not None and _tries(context) > 1:
                self._respect_end(execution)
            if (
                execution is None
                or not execution.status.is_open
                or execution.amc_execution_id is None
            ):
                execution = self.submit(context)
            return self._settle(context, execution)

    def _respect_end(self, execution: Execution) -> None:
        """Fail for good where an earlier try of this task was about to.

        A worker may die between writing the end and telling Airflow. Clearing the task counts its
        tries anew, and opens the next attempt whatever the last one ended as.
        """
        is_ended = not execution.status.is_open
        if is_ended and execution.error_type not in _TRIED_AGAIN:
            raise AirflowFailException(execution.error_message)

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Go on after the trigger's event, which says only that it is worth looking."""
        self.log.info("Woken up: %s", event)
        with self.trying(context):
            execution = self.latest_execution(context)
            if execution is None or not execution.status.is_open:
                raise ExecutionFailed("the execution was ended while this task waited for it")
            return self._settle(context, execution)

    def _settle(self, context: Context, execution: Execution) -> str:
        """Return, fail or wait on, as AMC says."""
        amc = self._ask_amc(execution)
        if amc is not None and amc.status is AmcStatus.SUCCEEDED:
            self._note(execution, amc)
            self.log.info("Execution %s: %s has SUCCEEDED", execution.id, amc.amc_execution_id)
            return str(execution.id)
        is_late = datetime.now(UTC) >= execution.deadline_at
        is_ours = is_late and amc is not None and amc.status is AmcStatus.CANCELLED  # by a lost try
        if amc is not None and amc.status.is_terminal and not is_ours:
            error = self._end(execution, amc)
            if isinstance(error, ExecutionFailed) and _tries(context) >= FAILED_TRIES:
                raise AirflowFailException(str(error)) from error
            raise error
        if is_late:
            return self._time_out(execution)
        if amc is not None:
            self._note(execution, amc)
        self.log.info(
            "Execution %s: AMC says %s of %s; waiting until %s at the latest",
            execution.id,
            amc.amc_status if amc else "nothing yet",
            execution.amc_execution_id,
            execution.deadline_at,
        )
        self.defer(trigger=ExecutionTrigger(execution_id=str(execution.id)), method_name="resume")

    def _ask_amc(self, execution: Execution) -> AmcExecution | None:
        """Return what AMC says of the execution, None while it is too new to be found."""

        async def ask() -> AmcExecution:
            async with self.amazon.client_for(execution) as amc:
                return await amc.get_execution(execution.amc_execution_id or "")

        try:
            return asyncio.run(ask())
        except Refused as err:
            submitted_at = execution.submitted_at or execution.created_at
            if err.status == _NOT_FOUND and datetime.now(UTC) - submitted_at < _APPEARS_WITHIN:
                return None
            raise

    def _note(self, execution: Execution, amc: AmcExecution) -> None:
        with self.database.transaction() as connection:
            note_amc_status(connection, execution.id, amc.amc_status)

    def _end(self, execution: Execution, amc: AmcExecution) -> ExecutionEnded:
        reason = amc.status_reason or "AMC gives no reason"
        error = _ENDINGS[amc.status](
            f"AMC execution {amc.amc_execution_id} ended as {amc.amc_status}: {reason}"
            f" (request id {amc.request_id})"
        )
        if not self._write_end(execution, error, amc.status):
            return ExecutionFailed("the execution was ended while this task asked about it")
        return error

    def _time_out(self, execution: Execution) -> str:
        """Cancel at AMC, and fail unless it has just succeeded."""

        async def cancel() -> AmcExecution:
            async with self.amazon.client_for(execution) as amc:
                return await amc.cancel_execution(execution.amc_execution_id or "")

        amc = asyncio.run(cancel())
        if amc.status is AmcStatus.SUCCEEDED:
            self._note(execution, amc)
            return str(execution.id)
        error = ExecutionTimedOut(
            f"AMC execution {amc.amc_execution_id} had not ended by its deadline, "
            f"{execution.deadline_at:%F %T} UTC, and was cancelled; AMC says {amc.amc_status}"
        )
        self._write_end(execution, error, AmcStatus.TIMED_OUT)
        raise error

    def _write_end(
        self, execution: Execution, error: ExecutionEnded, amc_status: AmcStatus
    ) -> bool:
        with self.database.transaction() as connection:
            return end_execution(
                connection,
                execution.id,
                status=ended_as(amc_status),
                amc_status=amc_status,
                error_type=error_type(error),
                error_message=str(error),
                completed_at=datetime.now(UTC),
            )


def _tries(context: Context) -> int:
    """Count the tries of the task since it was last cleared, this one included."""
    ti = context["ti"]
    cleared_after = (ti.max_tries or 0) - (ti.task.retries or 0)
    return int(ti.try_number - cleared_after)
