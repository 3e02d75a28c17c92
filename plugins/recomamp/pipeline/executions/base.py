"""What the four tasks of a run share: where they find their rows, and what becomes of an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from time import monotonic
from typing import Any, ClassVar, NoReturn
from uuid import UUID

import psycopg2
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout

from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.definitions import Collection, Schedule
from recomamp.domain.execution_states import KILLED, ExecutionStatus
from recomamp.domain.executions import Execution
from recomamp.domain.run_spec import DagRunKey, RunSpec
from recomamp.errors import ExecutionFailed, FinalAttemptFailed, PipelineError, WeekSkipped
from recomamp.pipeline.executions.run_context import due_at_of, overrides_of, window_of
from recomamp.pipeline.executions.step_time import StepTime
from recomamp.pipeline.executions.submission import ensure_submitted
from recomamp.pipeline.generator.definitions import load_definition
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.log_context import bind_execution
from recomamp.pipeline.retry_policy import next_retry_at
from recomamp.pipeline.triggers.slot import SlotTrigger
from recomamp.store.executions import (
    clear_try_error,
    count_failed_attempts,
    increment_retry_count,
    select_latest_execution,
    set_try_error,
)
from recomamp.store.loaded_windows import LoadedWindow, select_loaded_window

# Attempts that AMC may FAIL, of those opened since the run was last cleared: AMC's quota is dear.
# Airflow's tries (TASK_DEFAULTS in generator/factory.py) are more: they also outlast an absent
# database, and most use up no attempt.
FAILED_ATTEMPTS = 4

_FAILED = ExecutionFailed.error_type
# Types of an ended attempt after which a later try opens the next one. None: the row has no type
_TRIED_AGAIN = (None, _FAILED, KILLED)

# Short, because a DAG that is deleted comes back with its runs in less than a minute
_CLOCK_SLACK = timedelta(seconds=10)

SUBMIT_TASK_ID, LOAD_TASK_ID = "submit", "load"  # whose states the task record reads
_TERMINATED = 143  # as a shell says that a process was ended by SIGTERM


class ExecutionOperator(BaseOperator):
    """A task in a run of a schedule or a collection.

    The row of ``workflow_executions`` is the state between tasks: each finds the run's latest
    attempt there by DAG id and run id. ``record`` also reads Airflow's states of other tasks.

    :param definition_kind: ``schedule`` or ``collection``.
    :param definition_id: UUID of the schedule or collection.
    """

    template_fields: Sequence[str] = ("definition_kind", "definition_id")
    ui_color = "#e8f1fa"
    clock = staticmethod(monotonic)  # of the step's time
    step_time: StepTime  # of the try
    writes_retries: ClassVar[bool] = True  # into the row

    def __init__(self, *, definition_kind: str, definition_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.definition_kind = definition_kind
        self.definition_id = definition_id
        self._resumed = False  # whether this try continues after a deferral

    @contextmanager
    def error_handling(self, context: Context) -> Iterator[None]:
        """Say in the row why the try fails, and when the next one comes."""
        self.step_time = StepTime(self.task_id, self.execution_timeout, clock=self.clock)
        with self.database.reuse_connection():
            try:
                if context["ti"].try_number > 1 and self.writes_retries:
                    self._note_continuation(context)
                yield
            except WeekSkipped as err:
                raise AirflowSkipException(str(err)) from err
            except AirflowSkipException:  # the row is already written
                raise
            except AirflowTaskTimeout as err:
                # Airflow calls on_kill for this error, and on_kill ends the process. So another
                # error takes its place. The next try continues with what the row says
                late = self.step_time.error()
                self._note_failure(context, late)
                raise late from err
            except Exception as err:
                self._note_failure(context, err)
                raise

    def _note_continuation(self, context: Context) -> None:
        """Say that the execution goes on, and count the try where it is a retry."""
        execution = self.latest_execution(context)
        if execution is None:
            return
        is_retry = tries_since_clear(context) > 1 and not self._resumed
        note = increment_retry_count if is_retry else clear_try_error
        with self.database.transaction() as connection:
            note(connection, execution.id, clear_number=clear_number(context))

    def _note_failure(self, context: Context, error: Exception) -> None:
        """Write why the try failed; only the kind where the text of an error may say anything."""
        if not self.writes_retries:
            return
        if isinstance(error, PipelineError):
            self.write_failure(context, error)
            return
        kind = type(error).__name__
        said = f"unexpected {kind}; the log of the task {self.task_id} says more"
        with suppress(psycopg2.Error):  # which may be the error itself
            self.write_failure(context, PipelineError(said))

    def write_failure(self, context: Context, error: PipelineError) -> None:
        """Write why the try failed, and the error's type where no further try follows.

        ``given_up_as`` reads the type when the run is over. Without a type, a person ended the run.
        """
        execution = self.latest_execution(context)
        if execution is None or not execution.status.is_open:
            return
        retry_at = next_retry_at(error, context)
        with self.database.transaction() as connection:
            set_try_error(
                connection,
                execution.id,
                next_retry_at=retry_at,
                error_message=str(error),
                error_type=None if retry_at else error.error_type,
            )

    def on_kill(self) -> NoReturn:
        """End the process, because its task was cleared or marked failed; no row changes."""
        # Airflow would kill it five seconds later, and temporary files would stay. SystemExit runs
        # the end of every with and finally block
        raise SystemExit(_TERMINATED)

    @cached_property
    def database(self) -> DatabaseHook:
        """The application's database; during a try with one connection for all transactions."""
        return DatabaseHook()

    @property
    def amazon(self) -> AmcHook:
        """Amazon."""
        return AmcHook(database=self.database)

    @property
    def definition_ref(self) -> DefinitionRef:
        """The schedule or collection that the run belongs to."""
        return DefinitionRef(DefinitionKind(self.definition_kind), UUID(self.definition_id))

    def definition(self) -> Schedule | Collection:
        """Read the schedule or collection as it is now."""
        return load_definition(self.definition_ref, self.database)

    def run_spec(self, context: Context) -> RunSpec:
        """Return what the run has to do."""
        definition = self.definition()
        return RunSpec(
            definition=definition,
            window=window_of(context, definition),
            overrides=overrides_of(context, definition),
            due_at=due_at_of(context),
            clear_number=clear_number(context),
        )

    def loaded_window(self, spec: RunSpec) -> LoadedWindow | None:
        """Return what the rows show as the results of the window, None where there are none."""
        workflow = spec.definition.workflow
        with self.database.transaction() as connection:
            return select_loaded_window(
                connection,
                spec.definition.ref,
                workflow_id=workflow.id,
                user_id=workflow.user_id,
                instance_key=workflow.instance_key,
                window=spec.window,
                due_at=spec.due_at,
                submitted_sql=spec.query.sql,
                parameters=spec.query.parameter_values,
                amc_options=spec.amc_options,
            )

    def latest_execution(self, context: Context) -> Execution | None:
        """Return the run's latest attempt, None before the first. Log lines name it from now on."""
        run = context["dag_run"]
        with self.database.transaction() as connection:
            latest = select_latest_execution(connection, dag_id=run.dag_id, dag_run_id=run.run_id)
        if latest is not None:
            bind_execution(latest.id)
        return latest

    def submit_or_defer(self, context: Context) -> Execution:
        """Bring the run's current attempt to AMC, opening the next one where the last has ended.

        An attempt of this run that has its results is returned as it is. While no slot is free the
        task is deferred. Afterwards it is executed again.
        """
        run = context["dag_run"]
        execution = ensure_submitted(
            DagRunKey(run.dag_id, run.run_id),
            lambda: self.run_spec(context),
            has_own_results=lambda latest: has_own_results(context, latest),
            fail_if_already_final=lambda latest: self.fail_if_already_final(context, latest),
            database=self.database,
            amazon=self.amazon,
            step_time=self.step_time,
        )
        if execution.slot_granted_at is None:
            self.defer(
                trigger=SlotTrigger(execution_id=str(execution.id)), method_name="execute_again"
            )
        return execution

    def fail_if_already_final(self, context: Context, execution: Execution) -> None:
        """Fail for good where an earlier try of this task was about to.

        A worker may die between writing the end and telling Airflow. Clearing the task restarts the
        counts of tries and attempts, and opens the next attempt.

        :raises FinalAttemptFailed: with what the earlier try has written.
        """
        if execution.status.is_open:
            return
        is_final = (
            tries_since_clear(context) > 1
            and execution.error_type not in _TRIED_AGAIN
            and is_of_this_run(context, execution)
        )
        is_enough = (
            execution.error_type == _FAILED and self.failed_attempts(context) >= FAILED_ATTEMPTS
        )
        if is_final or is_enough:
            raise FinalAttemptFailed(execution.error_message)

    def failed_attempts(self, context: Context) -> int:
        """Count the attempts that AMC has FAILED since the run was last cleared."""
        run = context["dag_run"]
        with self.database.transaction() as connection:
            return count_failed_attempts(
                connection,
                dag_id=run.dag_id,
                dag_run_id=run.run_id,
                clear_number=clear_number(context),
                began_at=began_at(context),
            )

    def execute_again(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Execute the task again after the event of ``SlotTrigger``.

        Its name is not ``resume``: ``wait`` has a method of that name for ``ExecutionTrigger``.
        """
        self.log.info("Woken up: %s", event)
        self._resumed = True
        return self.execute(context)


def task_state(context: Context, task_id: str) -> str | None:
    """Return Airflow's state of another task of the run, None while it has none."""
    run = context["dag_run"]
    states = context["ti"].get_task_states(
        dag_id=run.dag_id, run_ids=[run.run_id], task_ids=[task_id]
    )
    state: str | None = states.get(run.run_id, {}).get(task_id)
    return state


def has_own_results(context: Context, execution: Execution) -> bool:
    """Return whether the run has asked for these results itself, and nobody has cleared it since.

    Airflow has then forgotten the end of the run: its database is a backup, older than the rows. A
    run of the same id that is asked for again begins after the results.
    """
    return execution.status is ExecutionStatus.SUCCESS and is_of_this_run(context, execution)


def is_of_this_run(context: Context, execution: Execution) -> bool:
    """Return whether the run has opened the attempt itself, and nobody has cleared it since."""
    is_since_clear = execution.clear_number >= clear_number(context)
    return is_since_clear and execution.created_at >= began_at(context)


def began_at(context: Context) -> datetime:
    """Return since when attempts are of the run, and not of an earlier one with its id."""
    # The scheduler's clock says when the run began, the database's when an attempt was opened. Two
    # clears within the slack differ by their number
    start = context["dag_run"].start_date
    return start - _CLOCK_SLACK if start else datetime.fromtimestamp(0, tz=UTC)


def tries_since_clear(context: Context) -> int:
    """Count the tries of the task since it was last cleared, this one included."""
    ti = context["ti"]
    cleared_after = (ti.max_tries or 0) - (ti.task.retries or 0)
    return int(ti.try_number - cleared_after)


def clear_number(context: Context) -> int:
    """Return how often the run, or one of its tasks, has been cleared."""
    return context["dag_run"].clear_number or 0
