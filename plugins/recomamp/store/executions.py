"""Rows of ``workflow_executions``: the durable state of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.errors import UniqueViolation
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from recomamp.domain.amc_names import amc_workflow_id
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.execution_states import Actor, AmcStatus, ExecutionStatus, allowed_from
from recomamp.domain.executions import Execution, WaitingExecution
from recomamp.domain.hidden_rows import HiddenRows
from recomamp.domain.instance_health import HealthStatus
from recomamp.domain.run_spec import DagRunKey, RunSpec
from recomamp.domain.scheduling.windows import Window, WindowType
from recomamp.errors import SubmissionUnknown
from recomamp.store.statements import Row, execute_returning, fetch_all, fetch_one


def insert_execution(
    connection: Connection,
    run: DagRunKey,
    spec: RunSpec,
    *,
    execution_id: UUID,
    attempt: int,
    retry_count: int,
    deadline_at: datetime,
) -> bool:
    """Insert an attempt as PENDING; False where the run has this attempt, or an open one, already.

    :param spec: what the run asks for; its query is bound.
    """
    workflow, query, window = spec.definition.workflow, spec.query, spec.window
    return execute_returning(
        connection,
        "insert_execution",
        execution_id=execution_id,
        workflow_id=workflow.id,
        user_id=workflow.user_id,
        instance_key=workflow.instance_key,
        schedule_id=spec.definition.ref.schedule_id,
        collection_id=spec.definition.ref.collection_id,
        dag_id=run.dag_id,
        dag_run_id=run.dag_run_id,
        attempt=attempt,
        clear_number=spec.clear_number,
        retry_count=retry_count,
        parameters=Json(dict(query.parameter_values)),
        window_type=window.type.value,
        window_start=window.start,
        window_end=window.end,
        window_time_zone=window.time_zone,
        amc_workflow_id=amc_workflow_id(execution_id),
        submitted_sql=query.sql,
        input_parameters=Json(list(query.input_parameters)),
        amc_options=Json(spec.amc_options),
        deadline_at=deadline_at,
        due_at=spec.due_at,
    )


def select_latest_execution(
    connection: Connection, *, dag_id: str, dag_run_id: str
) -> Execution | None:
    """Return the latest attempt of a DAG run, None before the first, or without its definition."""
    return _select_execution(
        connection, dag_id=dag_id, dag_run_id=dag_run_id, of=DefinitionRef.of_dag(dag_id)
    )


def select_execution(connection: Connection, execution_id: UUID) -> Execution | None:
    """Return one execution, None where there is none of that id."""
    return _select_execution(connection, execution_id=execution_id)


def _select_execution(
    connection: Connection,
    *,
    execution_id: UUID | None = None,
    dag_id: str | None = None,
    dag_run_id: str | None = None,
    of: DefinitionRef | None = None,
) -> Execution | None:
    row = fetch_one(
        connection,
        "select_execution",
        execution_id=execution_id,
        dag_id=dag_id,
        dag_run_id=dag_run_id,
        of_schedule_id=of.schedule_id if of else None,
        of_collection_id=of.collection_id if of else None,
    )
    return _execution(row) if row else None


def count_failed_attempts(
    connection: Connection, *, dag_id: str, dag_run_id: str, clear_number: int, began_at: datetime
) -> int:
    """Count the attempts that AMC has FAILED, of those opened since the run was last cleared.

    :param began_at: when Airflow started the run: attempts before belong to a run of the same id
        that was deleted.
    """
    row = fetch_one(
        connection,
        "count_failed_attempts",
        dag_id=dag_id,
        dag_run_id=dag_run_id,
        clear_number=clear_number,
        began_at=began_at,
    )
    return int(row["failed"]) if row else 0


def select_execution_by_amc_id(
    connection: Connection, amc_instance_id: str, amc_execution_id: str
) -> UUID | None:
    """Return the execution of any user that AMC's id belongs to; None where it is free.

    :param amc_instance_id: AMC's own name of the instance.
    """
    row = fetch_one(
        connection,
        "select_execution_by_amc_id",
        amc_instance_id=amc_instance_id,
        amc_execution_id=amc_execution_id,
    )
    return row["id"] if row else None


def select_last_result_columns(connection: Connection, execution_id: UUID) -> Any:
    """Return how the document of the latest result of the same query describes its columns.

    None where none was loaded of the execution's workflow, instance, query text and parameters'
    types.
    """
    row = fetch_one(connection, "select_last_result_columns", execution_id=execution_id)
    return row["fields"] if row else None


def mark_submitted(
    connection: Connection,
    execution_id: UUID,
    *,
    amc_execution_id: str,
    amc_status: AmcStatus,
    amazon_request_id: str | None,
    submitted_at: datetime,
    deadline_at: datetime,
) -> bool:
    """Store the id AMC gave; False where one is stored or the execution has ended.

    :raises SubmissionUnknown: when another row was quicker to adopt it. The transaction is lost.
    """
    try:
        return execute_returning(
            connection,
            "mark_submitted",
            execution_id=execution_id,
            amc_execution_id=amc_execution_id,
            amc_status=amc_status.value,
            amazon_request_id=amazon_request_id,
            submitted_at=submitted_at,
            deadline_at=deadline_at,
        )
    except UniqueViolation as err:
        raise SubmissionUnknown(
            f"execution {execution_id}: another execution of the same query has adopted "
            f"{amc_execution_id} of AMC; look for one that is free before asking again"
        ) from err


def mark_submitting(
    connection: Connection, execution_id: UUID, *, submission_started_at: datetime
) -> bool:
    """Say that AMC is being asked; False where an earlier try has said so."""
    return execute_returning(
        connection,
        "mark_submitting",
        execution_id=execution_id,
        submission_started_at=submission_started_at,
    )


def set_amc_status(connection: Connection, execution_id: UUID, amc_status: str) -> bool:
    """Store AMC's latest status of an execution; False where it was final, or has not changed."""
    return execute_returning(
        connection, "set_amc_status", execution_id=execution_id, amc_status=amc_status
    )


def end_execution(
    connection: Connection,
    execution_id: UUID,
    *,
    actor: Actor,
    status: ExecutionStatus,
    amc_status: AmcStatus | None,
    error_type: str,
    error_message: str,
    completed_at: datetime,
    next_retry_at: datetime | None = None,
) -> bool:
    """End an open execution without results; False where it has ended already.

    :param actor: who ends it: what the table of states does not let them do is not done.
    :param amc_status: None leaves the stored one.
    :param next_retry_at: when the next attempt comes, None where none does.
    """
    return execute_returning(
        connection,
        "end_execution",
        execution_id=execution_id,
        sources=[one.value for one in allowed_from(actor, status)],
        status=status.value,
        amc_status=amc_status.value if amc_status else None,
        error_type=error_type,
        error_message=error_message,
        completed_at=completed_at,
        next_retry_at=next_retry_at,
    )


def mark_succeeded(
    connection: Connection,
    execution_id: UUID,
    *,
    result_data: str,
    result_rows: int,
    result_size_bytes: int,
    execution_duration_seconds: int | None,
    completed_at: datetime,
    column_changes: str | None = None,
    error_type: str | None = None,
    error_message: str | None = None,
    hidden: HiddenRows | None = None,
) -> bool:
    """End an execution with its results; False where AMC is not known to have them.

    :param result_data: JSON text, every digit of its numbers kept.
    :param column_changes: how its columns differ from those of the result before.
    :param error_type: where a rule of the user refuses the results; their run fails.
    :param hidden: what privacy has hidden, None where it was not counted.
    """
    return execute_returning(
        connection,
        "mark_succeeded",
        execution_id=execution_id,
        sources=[one.value for one in allowed_from(Actor.LOAD, ExecutionStatus.SUCCESS)],
        result_data=result_data,
        result_rows=result_rows,
        result_size_bytes=result_size_bytes,
        execution_duration_seconds=execution_duration_seconds,
        completed_at=completed_at,
        column_changes=column_changes,
        error_type=error_type,
        error_message=error_message,
        hidden_rows=hidden.removed if hidden else None,
        blanked_rows=hidden.blanked if hidden else None,
        hidden_reasons=Json(hidden.reasons) if hidden and hidden.reasons is not None else None,
    )


def set_try_error(
    connection: Connection,
    execution_id: UUID,
    *,
    next_retry_at: datetime | None,
    error_message: str,
    error_type: str | None = None,
) -> bool:
    """Say why a try failed and when the next one comes; False where the execution has ended.

    :param next_retry_at: None where no try will come.
    :param error_type: of the error, where the step has failed for good; else None.
    """
    return execute_returning(
        connection,
        "set_try_error",
        execution_id=execution_id,
        next_retry_at=next_retry_at,
        error_type=error_type,
        error_message=error_message,
    )


def clear_try_error(connection: Connection, execution_id: UUID, *, clear_number: int = 0) -> bool:
    """Say that an open execution goes on; False where nothing changes or it has ended.

    :param clear_number: of the run. The execution counts as an attempt since that clear.
    """
    return execute_returning(
        connection, "clear_try_error", execution_id=execution_id, clear_number=clear_number
    )


def increment_retry_count(
    connection: Connection, execution_id: UUID, *, clear_number: int = 0
) -> bool:
    """Count a further try of an open execution, which goes on; False where it has ended.

    :param clear_number: of the run. The execution counts as an attempt since that clear.
    """
    return execute_returning(
        connection, "increment_retry_count", execution_id=execution_id, clear_number=clear_number
    )


def cancel_next_attempt(connection: Connection, execution_id: UUID) -> bool:
    """Say that no attempt follows an ended one; False where none was said to."""
    return execute_returning(connection, "cancel_next_attempt", execution_id=execution_id)


def set_load_error(
    connection: Connection, execution_id: UUID, *, error_type: str, error_message: str
) -> bool:
    """Say why the results of an ended execution were not loaded; False where they have been."""
    return execute_returning(
        connection,
        "set_load_error",
        execution_id=execution_id,
        error_type=error_type,
        error_message=error_message,
    )


def select_waiting_executions(
    connection: Connection, execution_ids: Iterable[UUID]
) -> dict[UUID, WaitingExecution]:
    """Return those of the executions that exist, by id, with one statement."""
    rows = fetch_all(connection, "select_waiting_executions", execution_ids=list(execution_ids))
    return {
        row["id"]: WaitingExecution(**{**row, "status": ExecutionStatus.parse(row["status"])})
        for row in rows
    }


def _execution(row: Row) -> Execution:
    window = Window(
        start=row.pop("window_start"),
        end=row.pop("window_end"),
        time_zone=row.pop("window_time_zone"),
        type=WindowType(row.pop("window_type")),
    )
    row["status"] = ExecutionStatus(row["status"])
    row["instance_health"] = HealthStatus(row["instance_health"])
    ids = {kind: row.pop(f"{kind}_id") for kind in DefinitionKind}
    refs = [DefinitionRef(kind, key) for kind, key in ids.items() if key is not None]
    return Execution(window=window, definition=refs[0] if refs else None, **row)
