"""Rows of ``workflow_dry_runs``: what AMC says of a workflow before it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.amc_target import AmcTarget
from recomamp.domain.dry_runs import DryRunAnswer, DryRunStatus, next_try_at
from recomamp.domain.text import MAX_NAME, one_line
from recomamp.store.statements import execute_returning, fetch_all, fetch_one

MOST_PER_HOUR = 60  # of an instance


@dataclass(frozen=True, kw_only=True, slots=True)
class DueDryRun(AmcTarget):
    """A version of a workflow that AMC has not answered on an instance."""

    workflow_id: UUID
    name: str
    sql_query: str
    query_md5: str
    definition_md5: str  # of all that is sent
    parameters: Any  # the JSON of workflows.parameters
    privacy_filtering: str
    counts_hidden_rows: bool
    disable_aggregation_controls: bool
    instance_type: str | None
    attempts: int  # of this version so far

    def __str__(self) -> str:
        """Name it for people; several rows may have one name."""
        return f"{one_line(self.name, MAX_NAME)} ({self.workflow_id}) on {self.instance_id}"


def select_due_dry_runs(
    connection: Connection, *, now: datetime, most_per_user: int
) -> list[DueDryRun]:
    """Return the dry runs that are due, of each user those of the latest changes.

    Instances in ERROR, those with ``MOST_PER_HOUR`` already, and users who have to sign in again
    are left out.
    """
    rows = fetch_all(
        connection,
        "select_due_dry_runs",
        now=now,
        most_per_user=most_per_user,
        most_per_hour=MOST_PER_HOUR,
    )
    return [DueDryRun(**row) for row in rows]


def is_any_dry_run_due(connection: Connection, *, now: datetime) -> bool:
    """Return whether AMC has still to be asked about a workflow of anybody."""
    row = fetch_one(connection, "select_dry_run_is_due", now=now, most_per_hour=MOST_PER_HOUR)
    return row is not None and bool(row["is_due"])


def count_dry_run(connection: Connection, due: DueDryRun, *, now: datetime) -> bool:
    """Count a dry run of an instance; False where it has had ``MOST_PER_HOUR`` in this hour."""
    return execute_returning(
        connection,
        "count_dry_run",
        instance_key=due.instance_key,
        now=now,
        most_per_hour=MOST_PER_HOUR,
    )


def mark_dry_run_sent(
    connection: Connection, due: DueDryRun, *, amc_execution_id: str, sent_at: datetime
) -> None:
    """Store AMC's id of a dry run that AMC has not ended. Its answer is UNKNOWN until then."""
    attempts = due.attempts + 1
    unknown = DryRunAnswer(status=DryRunStatus.UNKNOWN)
    execute_returning(
        connection,
        "mark_dry_run_sent",
        workflow_id=due.workflow_id,
        instance_key=due.instance_key,
        definition_md5=due.definition_md5,
        amc_execution_id=amc_execution_id,
        attempts=attempts,
        sent_at=sent_at,
        next_try_at=next_try_at(unknown, attempts, sent_at),
    )


def record_dry_run(
    connection: Connection, due: DueDryRun, answer: DryRunAnswer, *, checked_at: datetime
) -> None:
    """Store AMC's answer, and make a refusal the finding of this query alone."""
    attempts = due.attempts + 1
    fetch_all(
        connection,
        "record_dry_run",
        workflow_id=due.workflow_id,
        instance_key=due.instance_key,
        definition_md5=due.definition_md5,
        query_md5=due.query_md5,
        status=answer.status.value,
        message=answer.message,
        attempts=attempts,
        checked_at=checked_at,
        next_try_at=next_try_at(answer, attempts, checked_at),
    )


def delete_unused_dry_runs(connection: Connection) -> int:
    """Delete the answers of instances that a workflow does not run on; return how many."""
    return len(fetch_all(connection, "delete_unused_dry_runs"))
