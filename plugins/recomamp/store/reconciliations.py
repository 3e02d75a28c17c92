"""What reconciling reads of executions, and what it writes about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.amc_names import execution_id_of
from recomamp.domain.amc_target import AmcTarget
from recomamp.domain.execution_states import AmcStatus, ExecutionStatus
from recomamp.domain.executions import AmcExecution, OpenExecution
from recomamp.domain.reconciliation import Action, KnownExecutions, RunState, is_orphan
from recomamp.domain.text import MAX_NAME, one_line
from recomamp.store.statements import Row, execute_returning, fetch_all


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceToReconcile(AmcTarget):
    """An instance to compare with AMC, and who may ask AMC about it."""

    list_from: datetime

    def __str__(self) -> str:
        """Name it for people; several rows may be one instance of AMC."""
        return f"{one_line(self.instance_id, MAX_NAME)} ({self.instance_key})"


def select_instances_to_reconcile(
    connection: Connection, *, since: datetime
) -> list[InstanceToReconcile]:
    """Return the instances with executions, open or since a time, or with some to come."""
    found = fetch_all(connection, "select_instances_to_reconcile", since=since)
    return [InstanceToReconcile(**row) for row in found]


def set_reconcile_attempted_at(connection: Connection, instance_key: UUID, *, at: datetime) -> None:
    """Keep when an instance was last tried, even if the try fails: the others come first then."""
    execute_returning(
        connection, "set_reconcile_attempted_at", instance_key=instance_key, attempted_at=at
    )


def select_open_rows(connection: Connection, instance_key: UUID) -> list[OpenExecution]:
    """Return the open rows of an instance, oldest first."""
    found = fetch_all(
        connection, "select_open_executions", instance_key=instance_key, execution_id=None
    )
    return [_open_row(row) for row in found]


def is_unchanged(connection: Connection, instance_key: UUID, row: OpenExecution) -> bool:
    """Return whether an open row is as it was read."""
    found = fetch_all(
        connection, "select_open_executions", instance_key=instance_key, execution_id=row.id
    )
    return [_open_row(one) for one in found] == [row]


def select_known_execution_ids(
    connection: Connection, listed: Collection[AmcExecution]
) -> KnownExecutions:
    """Return what the database knows of the executions that AMC lists."""
    named = {execution_id_of(one.workflow_id) for one in listed} - {None}
    amc_execution_ids = [one.amc_execution_id for one in listed]
    found = fetch_all(
        connection,
        "select_known_execution_ids",
        execution_ids=list(named),
        amc_execution_ids=amc_execution_ids,
    )
    dry_runs = fetch_all(connection, "select_dry_run_ids", amc_execution_ids=amc_execution_ids)
    # A row whose status is none of our words says nothing, so that nothing is done about it
    statuses = {
        row["id"]: status for row in found if (status := ExecutionStatus.parse(row["status"]))
    }
    with_id = [row for row in found if row["amc_execution_id"] is not None]
    return KnownExecutions(
        statuses=statuses,
        held={
            row["id"]: row["amc_execution_id"]
            for row in with_id
            if row["id"] in statuses and statuses[row["id"]].is_open
        },
        ended={row["amc_execution_id"] for row in with_id if _is_terminal(row["amc_status"])},
        dry_runs={row["amc_execution_id"] for row in dry_runs},
    )


def set_listed_statuses(
    connection: Connection, amc_instance_id: str, statuses: Mapping[str, AmcStatus]
) -> None:
    """Keep what AMC says of executions, by its ids, in the ended rows that hold them.

    :param amc_instance_id: AMC's own name of the instance.
    """
    known = {key: status for key, status in statuses.items() if status is not AmcStatus.UNKNOWN}
    execute_returning(
        connection,
        "set_listed_amc_statuses",
        amc_instance_id=amc_instance_id,
        amc_execution_ids=list(known),
        amc_statuses=[status.value for status in known.values()],
    )


def mark_orphaned(
    connection: Connection,
    rows: Collection[OpenExecution],
    runs: Mapping[UUID, RunState],
    *,
    seen_at: datetime,
) -> None:
    """Keep since when rows have been without a living DAG run."""
    execute_returning(
        connection,
        "set_orphaned_at",
        execution_ids=[row.id for row in rows],
        orphan_ids=[row.id for row in rows if is_orphan(row, runs)],
        seen_at=seen_at,
    )


def count_external_executions(
    connection: Connection, instance_key: UUID, count: int, *, counted_at: datetime
) -> None:
    """Keep how many executions are in flight at an instance that no open row of ours stands for.

    :param counted_at: when AMC's list was begun: rows that end later are not in the count.
    """
    execute_returning(
        connection,
        "count_external_executions",
        instance_key=instance_key,
        external_executions=count,
        counted_at=counted_at,
    )


def insert_reconciliation(
    connection: Connection,
    instance_key: UUID,
    *,
    execution_id: UUID,
    amc_execution_id: str | None,
    action: Action,
    detail: str,
    at: datetime,
) -> None:
    """Keep what was done, for the owner of the instance to read."""
    execute_returning(
        connection,
        "insert_reconciliation",
        instance_key=instance_key,
        execution_id=execution_id,
        amc_execution_id=amc_execution_id,
        action=action.value,
        detail=detail,
        at=at,
    )


def _is_terminal(amc_status: str | None) -> bool:
    return AmcStatus.parse(amc_status).is_terminal


def _open_row(row: Row) -> OpenExecution:
    return OpenExecution(**{**row, "status": ExecutionStatus(row["status"])})
