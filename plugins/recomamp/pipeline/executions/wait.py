"""The task ``wait``: wait until AMC has ended the execution, without holding a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NoReturn

from airflow.sdk import Context

from recomamp.amazon.amc.endings import ending_of, late_ending_of
from recomamp.domain.execution_states import Actor, AmcStatus, ExecutionStatus, ended_as
from recomamp.domain.executions import AmcExecution, Execution
from recomamp.errors import (
    ExecutionEnded,
    ExecutionFailed,
    ExecutionNoLongerOpen,
    FinalAttemptFailed,
    RequestRejected,
)
from recomamp.pipeline.executions.base import (
    FAILED_ATTEMPTS,
    ExecutionOperator,
    began_at,
    clear_number,
    has_own_results,
)
from recomamp.pipeline.executions.earlier_results import are_at_amc, asks_the_same
from recomamp.pipeline.executions.links import AmcExecutionLink
from recomamp.pipeline.metrics import count_ended, observe_amc_end
from recomamp.pipeline.retry_policy import next_retry_at
from recomamp.pipeline.triggers.execution import ExecutionTrigger
from recomamp.store.executions import (
    clear_try_error,
    end_execution,
    set_amc_status,
    set_try_error,
)

_APPEARS_WITHIN = timedelta(minutes=5)  # an execution just created may not be found at once


class WaitForExecution(ExecutionOperator):
    """Wait for AMC's end of the execution and return its UUID when it has results.

    A retry after AMC's FAILED submits the next attempt; every other retry, and Airflow's own
    restarts of this task, find the attempt still open and wait on.
    """

    operator_extra_links = (AmcExecutionLink(),)
    ui_color = "#fdf3dc"

    def execute(self, context: Context) -> str:
        """Wait for the open attempt; open the next one where the last has ended."""
        with self.error_handling(context):
            execution = self.latest_execution(context)
            if execution is not None:
                self.fail_if_already_final(context, execution)
                if self._has_results_at_amc(context, execution):
                    return str(execution.id)
            if (
                execution is None
                or not execution.status.is_open
                or execution.amc_execution_id is None
            ):
                execution = self.submit_or_defer(context)
            return self._act_on_amc_status(context, execution)

    def _has_results_at_amc(self, context: Context, execution: Execution) -> bool:
        """Return whether AMC has results of the ended attempt that were never loaded."""
        return (
            not execution.status.is_open
            and execution.error_type is not None
            and asks_the_same(self.run_spec(context), execution)
            and are_at_amc(
                execution,
                database=self.database,
                amazon=self.amazon,
                step_time=self.step_time,
            )
        )

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Go on after the trigger's event, which says only that it is worth looking."""
        self.log.info("Woken up: %s", event)
        self._resumed = True
        with self.error_handling(context):
            execution = self.latest_execution(context)
            if execution is not None and has_own_results(context, execution):
                return str(execution.id)
            if execution is None or not execution.status.is_open:
                raise ExecutionNoLongerOpen("the execution was ended while this task waited for it")
            self._note_watch(execution, (event or {}).get("reason"))
            return self._act_on_amc_status(context, execution)

    def _note_watch(self, execution: Execution, reason: str | None) -> None:
        """Write why the triggerer could not watch the execution; take that back where it could."""
        if reason is None and execution.error_message is None:
            return
        with self.database.transaction() as connection:
            if reason is None:
                clear_try_error(connection, execution.id)
                return
            self.log.error("The triggerer cannot watch execution %s: %s", execution.id, reason)
            set_try_error(
                connection,
                execution.id,
                next_retry_at=None,
                error_message=f"it is checked less often, because the triggerer reports: {reason}",
            )

    def _act_on_amc_status(self, context: Context, execution: Execution) -> str:
        """Return, fail or defer, as AMC's status says."""
        amc = self._ask_amc(execution)
        if amc is not None and amc.status is AmcStatus.SUCCEEDED:
            self._store_amc_status(execution, amc)
            self.log.info("Execution %s: %s has SUCCEEDED", execution.id, amc.amc_execution_id)
            return str(execution.id)
        is_late = datetime.now(UTC) >= execution.deadline_at
        is_cancelled_by_us = is_late and amc is not None and amc.status is AmcStatus.CANCELLED
        if amc is not None and amc.status.is_terminal and not is_cancelled_by_us:
            self._fail(context, execution, amc)
        if is_late:
            return self._time_out(execution)
        if amc is not None:
            self._store_amc_status(execution, amc)
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
            amc = self.step_time.run_step(ask())
        except RequestRejected as err:
            submitted_at = execution.submitted_at or execution.created_at
            is_new = datetime.now(UTC) - submitted_at < _APPEARS_WITHIN
            if is_new and err.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        if amc.status.is_terminal:
            observe_amc_end(amc)
        return amc

    def _store_amc_status(self, execution: Execution, amc: AmcExecution) -> None:
        # AMC's own word only where it is not one of those that the statements know
        status = amc.amc_status if amc.status is AmcStatus.UNKNOWN else amc.status.value
        with self.database.transaction() as connection:
            set_amc_status(connection, execution.id, status)

    def _fail(self, context: Context, execution: Execution, amc: AmcExecution) -> NoReturn:
        """End the row as AMC has ended. Only FAILED may be followed by another attempt."""
        is_final = self._is_final_attempt(context, execution)
        failed = FinalAttemptFailed if is_final else ExecutionFailed
        error = ending_of(amc, failed=failed)
        retry_at = next_retry_at(error, context)
        if not self._write_end(execution, error, ended_as(amc.status), amc, retry_at):
            raise failed("the execution was ended while this task asked about it")
        raise error

    def _is_final_attempt(self, context: Context, execution: Execution) -> bool:
        is_since_clear = execution.clear_number == clear_number(context)
        is_counted = is_since_clear and execution.created_at >= began_at(context)
        return self.failed_attempts(context) + is_counted >= FAILED_ATTEMPTS

    def _time_out(self, execution: Execution) -> str:
        """Cancel at AMC, and fail unless it has just succeeded."""

        async def cancel() -> AmcExecution:
            async with self.amazon.client_for(execution) as amc:
                return await amc.cancel_execution(execution.amc_execution_id or "")

        amc = self.step_time.run_step(cancel())
        if amc.status is AmcStatus.SUCCEEDED:
            self._store_amc_status(execution, amc)
            return str(execution.id)
        error = late_ending_of(amc, execution.deadline_at)
        self._write_end(execution, error, ExecutionStatus.TIMEOUT, amc)
        raise error

    def _write_end(
        self,
        execution: Execution,
        error: ExecutionEnded,
        status: ExecutionStatus,
        amc: AmcExecution,
        next_retry_at: datetime | None = None,
    ) -> bool:
        """End the row, with AMC's own last word: while that is not final, the slot stays taken."""
        with self.database.transaction() as connection:
            is_ended = end_execution(
                connection,
                execution.id,
                actor=Actor.WAIT,
                status=status,
                amc_status=amc.status if amc.status is not AmcStatus.UNKNOWN else None,
                error_type=error.error_type,
                error_message=str(error),
                completed_at=datetime.now(UTC),
                next_retry_at=next_retry_at,
            )
        if is_ended:
            count_ended(status)
        return is_ended
