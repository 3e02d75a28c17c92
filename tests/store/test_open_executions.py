"""What is said of open executions is never said of ended ones, whichever words a statement has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Rows
from recomamp.domain.execution_states import Actor, AmcStatus, ExecutionStatus
from recomamp.store.executions import (
    end_execution,
    increment_retry_count,
    mark_submitted,
    mark_submitting,
    set_try_error,
)
from recomamp.store.statements import execute_returning

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

Change = Callable[[Connection, UUID], bool]

OF_OPEN: dict[str, Change] = {
    "end": lambda connection, key: end_execution(
        connection,
        key,
        actor=Actor.RECORD,
        status=ExecutionStatus.FAILED,
        amc_status=None,
        error_type="KILLED",
        error_message="given up",
        completed_at=NOW,
    ),
    "count a retry": increment_retry_count,
    "note a retry": lambda connection, key: set_try_error(
        connection, key, next_retry_at=NOW, error_message="HTTP 503"
    ),
    "note an orphan": lambda connection, key: execute_returning(
        connection, "set_orphaned_at", execution_ids=[key], orphan_ids=[key], seen_at=NOW
    ),
}
OF_PENDING: dict[str, Change] = {
    "start sending": lambda connection, key: mark_submitting(
        connection, key, submission_started_at=NOW
    ),
    "accept": lambda connection, key: mark_submitted(
        connection,
        key,
        amc_execution_id="amc-1",
        amc_status=AmcStatus.RUNNING,
        amazon_request_id=None,
        submitted_at=NOW,
        deadline_at=NOW,
    ),
}


@pytest.mark.parametrize("status", ExecutionStatus)
@pytest.mark.parametrize("change", [*OF_OPEN, *OF_PENDING])
def test_only_what_is_open_is_changed(
    database: Database, rows: Rows, change: str, status: ExecutionStatus
) -> None:
    execution = rows.execution(status=status.value)
    concerns = status.is_open if change in OF_OPEN else status is ExecutionStatus.PENDING
    with database.connect() as connection:
        done = (OF_OPEN | OF_PENDING)[change](connection, execution["id"])
    assert done is concerns
    assert (rows.get("workflow_executions", execution) != execution) is concerns
