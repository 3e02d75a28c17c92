"""Rows of ``maintenance_findings``: what the maintenance found for a person to check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import Row, execute_returning, fetch_all


class FindingKind(StrEnum):
    """What was found (constraint ``chk_maintenance_finding_kind``)."""

    UNUSED_INDEX = "UNUSED_INDEX"
    SLOW_QUERY = "SLOW_QUERY"
    TABLE_LOCKED = "TABLE_LOCKED"
    RESULT_FILES = "RESULT_FILES"  # not what their document says


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing to look at: which, and what is the matter with it."""

    kind: FindingKind
    subject: str
    detail: str


def replace_findings(
    connection: Connection,
    *,
    dag_run_id: str,
    task_id: str,
    at: datetime,
    findings: Sequence[Finding],
) -> None:
    """Keep what a task found, instead of what an earlier try of it found."""
    execute_returning(connection, "delete_task_findings", dag_run_id=dag_run_id, task_id=task_id)
    for finding in findings:
        execute_returning(
            connection,
            "insert_finding",
            dag_run_id=dag_run_id,
            task_id=task_id,
            at=at,
            **asdict(finding),
        )


def select_findings(connection: Connection, *, dag_run_id: str) -> list[Row]:
    """Return what one run of the maintenance found, task by task."""
    return fetch_all(connection, "select_findings", dag_run_id=dag_run_id)
