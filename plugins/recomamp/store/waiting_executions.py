"""Rows of ``workflow_executions`` as those see them who only wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.executions import ExecutionStatus
from recomamp.store.statements import fetch_all


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingExecution:
    """An execution that is waited for: without its query, parameters and results."""

    id: UUID
    status: ExecutionStatus | None  # None: a word that is none of ours
    amc_execution_id: str | None
    slot_granted_at: datetime | None
    submitted_at: datetime  # or, before that, when the intention was written
    deadline_at: datetime
    user_id: UUID
    instance_key: UUID
    instance_id: str
    region: str | None
    account_key: UUID
    entity_id: str
    country_code: str | None
    marketplace_id: str | None

    @property
    def is_open(self) -> bool:
        """Whether there is anything to wait for."""
        return self.status is not None and self.status.is_open


def select_waiting_executions(
    connection: Connection, execution_ids: Iterable[UUID]
) -> dict[UUID, WaitingExecution]:
    """Return those of the executions that exist, by id, with one statement."""
    rows = fetch_all(connection, "select_waiting_executions", execution_ids=list(execution_ids))
    return {
        row["id"]: WaitingExecution(**{**row, "status": ExecutionStatus.parse(row["status"])})
        for row in rows
    }
