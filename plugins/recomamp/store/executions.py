"""Rows of ``workflow_executions``: the durable state of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.errors import UniqueViolation
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from recomamp.domain.executions import Actor, AmcStatus, ExecutionStatus, sources
from recomamp.domain.instance_health import HealthStatus
from recomamp.domain.scheduling.windows import Window, WindowType
from recomamp.errors import SubmissionUnknown
from recomamp.store.statements import Row, execute_returning, fetch_one


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One attempt to run one workflow over one window, and where it runs."""

    id: UUID
    status: ExecutionStatus
    dag_id: str
    dag_run_id: str
    attempt: int
    clear_number: int  # how often the run had been cleared when the attempt was opened
    retry_count: int  # how often it was tried again, earlier attempts that AMC FAILED included
    next_retry_at: datetime | None
    amc_execution_id: str | None
    amc_workflow_id: str
    amc_status: str | None
    error_type: str | None
    error_message: str | None
    submitted_sql: str
    input_parameters: Sequence[Mapping[str, Any]]
    parameters: Mapping[str, Any]
    window: Window
    created_at: datetime
    completed_at: datetime | None
    due_at: datetime  # the tick of its run
    run_began_at: datetime | None  # when the run's first attempt was opened, before this clear none
    slot_granted_at: datetime | None
    sending_at: datetime | None
    submitted_at: datetime | None
    deadline_at: datetime
    workflow_id: UUID
    schedule_id: UUID | None
    collection_id: UUID | None
    user_id: UUID
    result_rows: int | None
    result_size_bytes: int | None
    execution_duration: int | None  # seconds
    instance_key: UUID
    instance_id: str
    region: str | None
    entity_id: str
    country_code: str | None
    marketplace_id: str | None
    instance_type: str | None  # None until Amazon was asked
    instance_health: HealthStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionRequest:
    """What is about to be asked of AMC, written down first."""

    execution_id: UUID
    workflow_id: UUID
    user_id: UUID
    instance_key: UUID
    schedule_id: UUID | None
    collection_id: UUID | None
    dag_id: str
    dag_run_id: str
    attempt: int
    clear_number: int
    retry_count: int
    parameters: Mapping[str, Any]
    window: Window
    amc_workflow_id: str
    submitted_sql: str
    input_parameters: Sequence[Mapping[str, Any]]
    deadline_at: datetime
    due_at: datetime


def insert_execution(connection: Connection, intention: ExecutionRequest) -> bool:
    """Write the intention; False where the DAG run has this attempt, or an open one, already."""
    values = {
        field.name: getattr(intention, field.name)
        for field in fields(ExecutionRequest)
        if field.name not in ("window", "parameters", "input_parameters")
    }
    return execute_returning(
        connection,
        "insert_execution",
        **values,
        parameters=Json(dict(intention.parameters)),
        input_parameters=Json(list(intention.input_parameters)),
        window_type=intention.window.type.value,
        window_start=intention.window.start,
        window_end=intention.window.end,
        window_time_zone=intention.window.time_zone,
    )


def select_latest_execution(
    connection: Connection, *, dag_id: str, dag_run_id: str
) -> Execution | None:
    """Return the latest attempt of a DAG run, None before the first."""
    row = fetch_one(
        connection, "select_execution", execution_id=None, dag_id=dag_id, dag_run_id=dag_run_id
    )
    return _execution(row) if row else None


def select_execution(connection: Connection, execution_id: UUID) -> Execution | None:
    """Return one execution, None where there is none of that id."""
    row = fetch_one(
        connection, "select_execution", execution_id=execution_id, dag_id=None, dag_run_id=None
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
            f"execution {execution_id}: another one, which asks the same, was quicker to adopt "
            f"{amc_execution_id} of AMC; look for one that is free before asking again"
        ) from err


def mark_submitting(connection: Connection, execution_id: UUID, *, sending_at: datetime) -> bool:
    """Say that AMC is being asked; False where an earlier try has said so."""
    return execute_returning(
        connection, "mark_submitting", execution_id=execution_id, sending_at=sending_at
    )


def set_amc_status(connection: Connection, execution_id: UUID, amc_status: str) -> bool:
    """Keep AMC's last word of an execution; False where it was final, or has not changed."""
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
        sources=[one.value for one in sources(actor, status)],
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
) -> bool:
    """End an execution with its results; False where AMC is not known to have them.

    :param result_data: JSON text, every digit of its numbers kept.
    """
    return execute_returning(
        connection,
        "mark_succeeded",
        execution_id=execution_id,
        sources=[one.value for one in sources(Actor.LOAD, ExecutionStatus.SUCCESS)],
        result_data=result_data,
        result_rows=result_rows,
        result_size_bytes=result_size_bytes,
        execution_duration_seconds=execution_duration_seconds,
        completed_at=completed_at,
    )


def _execution(row: Row) -> Execution:
    window = Window(
        start=row.pop("window_start"),
        end=row.pop("window_end"),
        time_zone=row.pop("window_time_zone"),
        type=WindowType(row.pop("window_type")),
    )
    row["status"] = ExecutionStatus(row["status"])
    row["instance_health"] = HealthStatus(row["instance_health"])
    return Execution(window=window, **row)
