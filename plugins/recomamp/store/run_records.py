"""What the application reads of runs: schedule runs, a schedule's last and next run, weeks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.domain.execution_states import ExecutionStatus
from recomamp.domain.executions import Execution
from recomamp.domain.restatement import is_restatement
from recomamp.domain.scheduling.windows import Window
from recomamp.store.statements import execute_returning, fetch_one


def record_schedule_run(
    connection: Connection,
    *,
    schedule_id: UUID,
    dag_run_id: str,
    execution_id: UUID | None,
    status: str,
    error_message: str | None,
    duration_seconds: int | None,
    window: Window | None,
) -> bool:
    """Write the run's one row of ``schedule_runs``, again after a clear.

    False where the schedule is gone.
    """
    return execute_returning(
        connection,
        "record_schedule_run",
        schedule_id=schedule_id,
        dag_run_id=dag_run_id,
        execution_id=execution_id,
        status=status,
        error_message=error_message,
        duration_seconds=duration_seconds,
        window_start=window.start if window else None,
        window_end=window.end if window else None,
    )


def update_schedule_after_run(
    connection: Connection,
    *,
    schedule_id: UUID,
    due_at: datetime,
    last_run_at: datetime,
    last_run_status: str,
    next_run_at: datetime | None,
) -> bool:
    """Show the schedule's last run and its next one; False where the schedule is gone.

    :param due_at: the run's tick: a run with an earlier tick than the last one's is not the last.
    :param last_run_at: when it ended.
    """
    return execute_returning(
        connection,
        "update_schedule_after_run",
        schedule_id=schedule_id,
        due_at=due_at,
        last_run_at=last_run_at,
        last_run_status=last_run_status,
        next_run_at=next_run_at,
    )


def show_next_run(
    connection: Connection, schedule_id: UUID, *, next_run_at: datetime | None
) -> bool:
    """Show the next run of a schedule after a run that had nothing to do.

    :param next_run_at: None leaves the stored one.
    """
    return execute_returning(
        connection, "show_next_run", schedule_id=schedule_id, next_run_at=next_run_at
    )


def start_week(
    connection: Connection,
    *,
    collection_id: UUID,
    window: Window,
    execution_id: UUID,
    execution_status: ExecutionStatus,
    retry_count: int,
    started_at: datetime,
) -> bool:
    """Show a week as running; False where the window is not a week of the collection.

    One that has results keeps showing them until there are new ones; a skipped one stays skipped.

    :param execution_status: as it was read. If it has changed since, the week stays as it is.
    """
    return window.is_whole_days and execute_returning(
        connection,
        "start_week",
        collection_id=collection_id,
        week_start_date=window.first_date,
        week_end_date=window.last_date,
        execution_id=execution_id,
        execution_status=execution_status.value,
        retry_count=retry_count,
        started_at=started_at,
    )


def is_week_skipped(connection: Connection, *, collection_id: UUID, window: Window) -> bool:
    """Return whether somebody has decided that the week is not to be collected."""
    if not window.is_whole_days:
        return False
    row = fetch_one(
        connection,
        "select_week_status",
        collection_id=collection_id,
        week_start_date=window.first_date,
        week_end_date=window.last_date,
    )
    return row is not None and row["status"] == "SKIPPED"


def finish_week(
    connection: Connection,
    *,
    collection_id: UUID,
    window: Window,
    dag_id: str,
    dag_run_id: str,
    execution_id: UUID | None,
    status: str,
    error_message: str | None,
    completed_at: datetime,
) -> bool:
    """Show how a week's run ended; False where the window is not a week, or not the run's to end.

    Results are shown unless the week has later ones. A failure is not where the week has results
    or was skipped, while it runs for another DAG run, or where the run restates the week.
    """
    if not window.is_whole_days:
        return False
    week = {
        "collection_id": collection_id,
        "week_start_date": window.first_date,
        "week_end_date": window.last_date,
    }
    if fetch_one(connection, "lock_week", **week) is None:
        return False
    return execute_returning(
        connection,
        "finish_week",
        **week,
        dag_id=dag_id,
        dag_run_id=dag_run_id,
        is_restatement=is_restatement(dag_run_id),
        execution_id=execution_id,
        status=status,
        error_message=error_message,
        completed_at=completed_at,
    )


def record_failure(
    connection: Connection,
    execution: Execution,
    *,
    reason: str,
    now: datetime,
    ended_at: datetime | None = None,
) -> None:
    """Record the failure of a run whose task ``record`` did not run.

    :param ended_at: when its run ended, if that was before now.
    """
    definition = execution.definition
    if definition is None:
        return
    if definition.kind is DefinitionKind.SCHEDULE:
        # A week shows an execution, which ends now. A schedule shows a run, which may have ended
        # before. Of the run's start no more is known than the executions' own
        run_ended_at = ended_at or now
        began_at = execution.run_began_at or execution.created_at
        record_schedule_run(
            connection,
            schedule_id=definition.id,
            dag_run_id=execution.dag_run_id,
            execution_id=execution.id,
            status="FAILED",
            error_message=reason,
            # Its run may have been deleted as it began
            duration_seconds=max(0, round((run_ended_at - began_at).total_seconds())),
            window=execution.window,
        )
        if is_restatement(execution.dag_run_id):  # the schedule's last run is that of a tick
            return
        update_schedule_after_run(
            connection,
            schedule_id=definition.id,
            due_at=execution.due_at,
            last_run_at=run_ended_at,
            last_run_status="FAILED",
            next_run_at=None,
        )
    else:
        finish_week(
            connection,
            collection_id=definition.id,
            window=execution.window,
            dag_id=execution.dag_id,
            dag_run_id=execution.dag_run_id,
            execution_id=execution.id,
            status="FAILED",
            error_message=reason,
            completed_at=now,
        )
