"""One execution: its row in ``workflow_executions``, and AMC's view of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from recomamp.domain.amc_target import AmcTarget
from recomamp.domain.definition_ref import DefinitionRef
from recomamp.domain.execution_states import AmcStatus, ExecutionStatus
from recomamp.domain.instance_health import HealthStatus
from recomamp.domain.scheduling.windows import Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution(AmcTarget):
    """One attempt to run one workflow over one window, and where it runs."""

    id: UUID
    status: ExecutionStatus
    dag_id: str
    dag_run_id: str
    attempt: int
    clear_number: int  # times the run had been cleared when a task last inserted or continued it
    retry_count: int  # tries after the first, those of earlier attempts that AMC FAILED included
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
    run_began_at: datetime | None  # when the first attempt since the last clear was inserted
    slot_granted_at: datetime | None
    submission_started_at: datetime | None
    submitted_at: datetime | None
    deadline_at: datetime
    workflow_id: UUID
    definition: DefinitionRef | None  # None where the schedule or collection was deleted
    result_rows: int | None
    result_size_bytes: int | None
    execution_duration: int | None  # seconds
    instance_type: str | None  # None until Amazon was asked
    instance_health: HealthStatus
    amc_options: Mapping[str, Any] = field(default_factory=dict)  # in AMC's own names

    @property
    def last_error(self) -> str | None:
        """The error of the last try, with its type where no further try follows."""
        if self.error_message is None or self.error_type is None:
            return self.error_message
        return f"{self.error_type}: {self.error_message}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingExecution(AmcTarget):
    """The columns of an execution that a triggerer keeps while it waits for thousands of them."""

    id: UUID
    status: ExecutionStatus | None  # None: a status that the pipeline does not know
    amc_execution_id: str | None
    slot_granted_at: datetime | None
    submitted_at: datetime  # when the row was created, before it is submitted
    deadline_at: datetime
    account_key: UUID

    @property
    def is_open(self) -> bool:
        """Whether the execution may still run at AMC."""
        return self.status is not None and self.status.is_open


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenExecution:
    """The columns of an open execution that the reconciliation compares with AMC's list.

    Two reads of a row are equal while the row has not changed.
    """

    id: UUID
    status: ExecutionStatus
    amc_workflow_id: str
    amc_execution_id: str | None
    dag_id: str
    dag_run_id: str
    updated_at: datetime | None
    orphaned_at: datetime | None  # since when its DAG run has not been alive
    has_definition: bool  # False: its DAG is deleted, and its run stands still


@dataclass(frozen=True, kw_only=True, slots=True)
class AmcExecution:
    """An execution as AMC describes it. What AMC leaves out is None or empty.

    ``amc_status`` is AMC's own word, also where ``status`` is UNKNOWN. ``status_reason`` holds all
    texts of AMC about it, without secrets. ``request_id`` is that of the answer. AMC gives
    ``sql_query`` only where the request asks for the workflow too.
    """

    amc_execution_id: str
    workflow_id: str | None = None
    status: AmcStatus
    amc_status: str = ""
    status_reason: str | None = None
    create_time: datetime | None = None
    last_updated_time: datetime | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    parameter_values: Mapping[str, Any] = field(default_factory=dict)
    output_columns: tuple[Mapping[str, Any], ...] = ()
    execution_time_seconds: float | None = None
    sql_query: str | None = None
    request_id: str | None = None
