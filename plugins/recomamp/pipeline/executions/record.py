"""The task ``record``: write how the run ended to the tables that the application reads."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from airflow.sdk import Context, TaskInstanceState
from pydantic import JsonValue

from recomamp.domain import metrics
from recomamp.domain.definition_ref import DefinitionKind
from recomamp.domain.definitions import Schedule
from recomamp.domain.execution_states import (
    REFUSED_RESULTS,
    RUN_FAILED,
    Actor,
    AmcStatus,
    ExecutionStatus,
    given_up_as,
)
from recomamp.domain.executions import Execution
from recomamp.domain.restatement import is_restatement
from recomamp.domain.scheduling.windows import Window
from recomamp.domain.text import one_line
from recomamp.errors import AmazonError, ConfigurationError, InvalidDefinition
from recomamp.pipeline.executions.adoption import adopt
from recomamp.pipeline.executions.base import (
    LOAD_TASK_ID,
    SUBMIT_TASK_ID,
    ExecutionOperator,
    task_state,
)
from recomamp.pipeline.executions.cancellation import cancel_at_amc
from recomamp.pipeline.executions.run_context import tick_or_start_of, window_of
from recomamp.pipeline.metrics import count, count_ended
from recomamp.pipeline.retry_policy import next_retry_at
from recomamp.store import run_records
from recomamp.store.executions import cancel_next_attempt, end_execution, select_execution
from recomamp.store.loaded_windows import LoadedWindow


class RecordRun(ExecutionOperator):
    """Write how the run ended where the application reads it.

    For a schedule: its row of ``schedule_runs``, last and next run (a trigger in the database
    keeps the counters). For a collection: its week. An execution that is still open although all
    steps are over is cancelled at AMC and ended.
    """

    ui_color = "#eeeaf6"
    writes_retries = False  # what the step that failed has left in the row is why the run failed

    def execute(self, context: Context) -> dict[str, JsonValue]:
        """Record the run's latest attempt, and return the DAG run's result."""
        with self.error_handling(context):
            status, execution = self._record(context)
            count(metrics.RUNS_ENDED, status=status)
            return _result(status, execution)

    def _record(self, context: Context) -> tuple[str, Execution | None]:
        """Return how the run ended, and its execution."""
        execution = self.latest_execution(context)
        is_loaded = execution is not None and self._is_loaded(context, execution)
        if not is_loaded and self._is_skipped_as_loaded(context):
            loaded = self._loaded_before(context)
            # None: the row was edited after submit was skipped, so its records stay as they are
            if loaded is None or loaded.is_recorded:
                self._show_next_run()
                earlier = self._execution(loaded) if loaded else None
                return "SUCCESS" if loaded else "SKIPPED", earlier
            execution, is_loaded = self._execution(loaded), True
        if execution is not None and execution.status.is_open:
            execution = self._end(context, execution)
        elif execution is not None and execution.status is not ExecutionStatus.SUCCESS:
            self._cancel_next_attempt(execution)
        if self.definition_ref.kind is DefinitionKind.SCHEDULE:
            self._record_schedule_run(context, execution, is_loaded)
        else:
            self._finish_week(context, execution, is_loaded)
        return self._status(context, execution, is_loaded), execution

    def _status(self, context: Context, execution: Execution | None, is_loaded: bool) -> str:
        """Return how the run ended: as its execution did, unless its results are not loaded."""
        if is_loaded:
            return "SUCCESS"
        if execution is not None and execution.status is not ExecutionStatus.SUCCESS:
            return execution.status.value
        is_skipped = task_state(context, SUBMIT_TASK_ID) == TaskInstanceState.SKIPPED
        return "SKIPPED" if execution is None and is_skipped else "FAILED"

    def _is_skipped_as_loaded(self, context: Context) -> bool:
        """Return whether submit was skipped because the results of the window exist."""
        if task_state(context, SUBMIT_TASK_ID) != TaskInstanceState.SKIPPED:
            return False
        window = self._window(context)
        return window is None or not self._is_week_skipped(window)

    def _loaded_before(self, context: Context) -> LoadedWindow | None:
        """Return the results for whose sake submit was skipped; None where the row was edited."""
        try:
            return self.loaded_window(self.run_spec(context))
        except InvalidDefinition as err:
            self.log.warning("The row was edited since submit was skipped: %s", one_line(err))
            return None

    def _show_next_run(self) -> None:
        schedule_id = self.definition_ref.schedule_id
        if schedule_id is None:
            return
        next_run_at = self._next_run_at(datetime.now(UTC))
        with self.database.transaction() as connection:
            run_records.show_next_run(connection, schedule_id, next_run_at=next_run_at)

    def _is_week_skipped(self, window: Window) -> bool:
        """Return whether the week is SKIPPED. It stays so, even with results."""
        collection_id = self.definition_ref.collection_id
        if collection_id is None:
            return False
        with self.database.transaction() as connection:
            return run_records.is_week_skipped(
                connection, collection_id=collection_id, window=window
            )

    def _execution(self, loaded: LoadedWindow) -> Execution | None:
        if loaded.execution_id is None:
            return None
        with self.database.transaction() as connection:
            return select_execution(connection, loaded.execution_id)

    def _is_loaded(self, context: Context, execution: Execution) -> bool:
        """Return whether the row has results, and no clear has asked for them again since.

        The row decides, and not the XCom of ``load``: ``airflow db clean`` deletes it.
        """
        if execution.status is not ExecutionStatus.SUCCESS:
            return False
        # A cleared load has another state until it has loaded again. A load in any other state, or
        # in none, counts as FAILED. Where Airflow does not answer, the try fails and the next asks
        # again: to guess FAILED would send a mail about a run that went well
        return task_state(context, LOAD_TASK_ID) == TaskInstanceState.SUCCESS

    def _cancel_next_attempt(self, execution: Execution) -> None:
        """Clear the time of an attempt that the run will not make."""
        with self.database.transaction() as connection:
            cancel_next_attempt(connection, execution.id)

    def _end(self, context: Context, execution: Execution) -> Execution:
        """End an execution whose run is over, at AMC too."""
        amc_status, found = AmcStatus.parse(execution.amc_status), None
        reason = "the run ended before the execution's results were loaded"
        if execution.last_error:
            reason = f"{reason}: {execution.last_error}"
        try:
            if not amc_status.is_terminal:
                found = self.step_time.run_step(cancel_at_amc(execution, self.amazon))
                amc_status = found.status if found else amc_status
        except (AmazonError, InvalidDefinition, ConfigurationError) as err:
            if next_retry_at(err, context):
                raise
            amc_status = AmcStatus.UNKNOWN  # whatever it was when AMC last answered
            is_known = str(err) in reason or err.error_type == execution.error_type
            why = "" if is_known else f": {err}"
            reason = f"{reason}; AMC could not be asked to cancel{why}"
        status, kind = given_up_as(execution.error_type, amc_status)
        is_sent = found is not None or execution.amc_execution_id is not None
        with self.database.transaction() as connection:
            # AMC's id leads a later run of the same query to its results
            is_adopted = (
                found is not None
                and execution.amc_execution_id is None
                and adopt(connection, execution.id, found, now=datetime.now(UTC))
            )
            is_ended = end_execution(
                connection,
                execution.id,
                actor=Actor.RECORD,
                status=status,
                amc_status=amc_status if is_sent else None,
                error_type=kind,
                error_message=reason,
                completed_at=datetime.now(UTC),
            )
            ended = select_execution(connection, execution.id)
        if is_adopted:
            count(metrics.SUBMITTED)
        if is_ended:
            count_ended(status)
        return ended or execution

    def _record_schedule_run(
        self, context: Context, execution: Execution | None, is_loaded: bool
    ) -> None:
        run, now = context["dag_run"], datetime.now(UTC)
        status = "SUCCESS" if is_loaded else "FAILED"
        began_at, ended_at = run.start_date or now, now
        if execution is not None and (is_loaded or execution.status is not ExecutionStatus.SUCCESS):
            # A clear of the last steps alone moves the run's start in Airflow, and runs no query
            began_at = execution.run_began_at or began_at
            ended_at = execution.completed_at or now
        next_run_at = self._next_run_at(now)
        reason = None if is_loaded else self._reason(context, execution)
        with self.database.transaction() as connection:
            is_there = run_records.record_schedule_run(
                connection,
                schedule_id=self.definition_ref.id,
                dag_run_id=run.run_id,
                execution_id=self._linked_id(execution),
                status=status,
                error_message=reason,
                duration_seconds=max(0, round((ended_at - began_at).total_seconds())),
                window=execution.window if execution else None,
            )
            if is_restatement(run.run_id):  # it says nothing of the schedule's last tick
                run_records.show_next_run(
                    connection, self.definition_ref.id, next_run_at=next_run_at
                )
            else:
                run_records.update_schedule_after_run(
                    connection,
                    schedule_id=self.definition_ref.id,
                    due_at=tick_or_start_of(context),
                    last_run_at=ended_at,
                    last_run_status=status,
                    next_run_at=next_run_at,
                )
        self.log.info(
            "Schedule run %s: %s", run.run_id, status if is_there else "the schedule is gone"
        )

    def _linked_id(self, execution: Execution | None) -> UUID | None:
        """Return the id that the row of a run or week may name: only of its definition's own.

        An execution from before its definition was deleted, and inserted again, names none.
        """
        if execution is None or execution.definition != self.definition_ref:
            return None
        return execution.id

    def _next_run_at(self, now: datetime) -> datetime | None:
        """Return the schedule's next tick, None where its row no longer says one."""
        try:
            definition = self.definition()
        except InvalidDefinition as err:
            self.log.warning("next_run_at stays as it is: %s", one_line(err))
            return None
        return definition.windows.next(now).due_at if isinstance(definition, Schedule) else None

    def _finish_week(self, context: Context, execution: Execution | None, is_loaded: bool) -> None:
        status = "SUCCESS" if is_loaded else "FAILED"
        window = execution.window if execution else self._window(context)
        if window is None:
            return
        run = context["dag_run"]
        reason = None if is_loaded else self._reason(context, execution)
        with self.database.transaction() as connection:
            is_week = run_records.finish_week(
                connection,
                collection_id=self.definition_ref.id,
                window=window,
                dag_id=run.dag_id,
                dag_run_id=run.run_id,
                execution_id=self._linked_id(execution),
                status=status,
                error_message=reason,
                completed_at=datetime.now(UTC),
            )
        self.log.info("%s %s: %s", "Week" if is_week else "Shown by no week:", window, status)

    def _window(self, context: Context) -> Window | None:
        """Return the window of a run that never came to an execution, if it is known."""
        try:
            return window_of(context, self.definition())
        except InvalidDefinition as err:
            self.log.warning("No week is marked: the run's window is not known: %s", one_line(err))
            return None

    def _reason(self, context: Context, execution: Execution | None) -> str:
        if execution is None:
            return self._why_nothing_was_submitted(context)
        if execution.status is ExecutionStatus.SUCCESS:
            if execution.error_message and execution.error_type in REFUSED_RESULTS:
                return execution.error_message
            return (
                f"execution {execution.id} has results, but load has not succeeded since the run "
                "was cleared; the log of the task that failed says why"
            )
        return execution.error_message or f"execution {execution.id} is {execution.status}"

    def _why_nothing_was_submitted(self, context: Context) -> str:
        """Ask the row and the run again: no row keeps why a run never came to an execution."""
        try:
            self.run_spec(context).query  # noqa: B018  (it is asked for its error)
        except InvalidDefinition as err:
            return f"nothing was submitted: {one_line(err)}"
        return "nothing was submitted; the log of the task submit says why"


def _result(status: str, execution: Execution | None) -> dict[str, JsonValue]:
    """Return what Airflow's REST API shows as the result of the DAG run."""
    is_loaded = status == "SUCCESS"
    window = execution.window if execution else None
    error_type = execution.error_type if execution else None
    return {
        "execution_id": str(execution.id) if execution else None,
        "status": status,
        "rows": execution.result_rows if execution and is_loaded else None,
        "window_start": window.start.isoformat() if window else None,
        "window_end": window.end.isoformat() if window else None,
        "error_type": (error_type or RUN_FAILED) if status not in ("SUCCESS", "SKIPPED") else None,
    }
