"""A user who keeps executions locked in an open transaction delays no other user's work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.execution_states import AmcStatus
from recomamp.store.reconciliations import set_listed_statuses
from recomamp.store.slots import grant_slots
from recomamp.store.statements import delete_oldest, execute_returning

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def pipeline(database: Database) -> Connection:
    """Return a connection whose statements fail when they wait."""
    connection = database.connect("recomamp_pipeline")
    with connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '3s'")
    return connection


@pytest.fixture
def instances(rows: Rows) -> tuple[Row, Row]:
    """Return the rows of Ann and of Bob for one AMC instance, which has room for one execution."""
    account = rows.account(max_concurrent_executions=1)
    own = {"account": account, "instance_id": "amcshared"}
    return rows.instance(**own), rows.instance(**own)


@contextmanager
def deleting(database: Database, schedule: Row) -> Iterator[None]:
    """Have the owner of a schedule delete it, and leave the transaction open."""
    session = database.connect("recomamp_analyst", str(schedule["user_id"]))
    session.cursor().execute("SELECT delete_own_row('workflow_schedules', %s)", [schedule["id"]])
    yield
    session.rollback()


def waiting(rows: Rows, instance: Row, **columns: object) -> Row:
    """Insert an execution of a schedule of the instance's owner."""
    workflow = rows.workflow(instance=instance)
    schedule = rows.schedule(workflow=workflow)
    return rows.execution(
        workflow=workflow,
        instance_id=instance["id"],
        schedule_id=schedule["id"],
        dag_run_id="scheduled__1",
        **columns,
    )


def schedule_of(rows: Rows, execution: Row) -> Row:
    return rows.get("workflow_schedules", str(execution["schedule_id"]))


def test_a_locked_execution_keeps_no_slot_from_another_user(
    database: Database, rows: Rows, pipeline: Connection, instances: tuple[Row, Row]
) -> None:
    first = waiting(rows, instances[0], created_at=NOW - timedelta(hours=2))
    second = waiting(rows, instances[1], created_at=NOW - timedelta(hours=1))
    with deleting(database, schedule_of(rows, first)), pipeline:
        granted = grant_slots(pipeline, instances[1]["id"], now=NOW)
    assert {str(key) for key in granted} == {second["id"]}


def test_a_locked_execution_gets_its_slot_when_it_is_free_again(
    database: Database, rows: Rows, pipeline: Connection, instances: tuple[Row, Row]
) -> None:
    execution = waiting(rows, instances[0])
    with deleting(database, schedule_of(rows, execution)), pipeline:
        assert grant_slots(pipeline, instances[0]["id"], now=NOW) == set()
    with pipeline:
        granted = grant_slots(pipeline, instances[0]["id"], now=NOW)
    assert {str(key) for key in granted} == {execution["id"]}


def test_statuses_of_a_list_are_stored_next_to_a_locked_row(
    database: Database, rows: Rows, pipeline: Connection, instances: tuple[Row, Row]
) -> None:
    ended = [
        waiting(
            rows, instance, status="FAILED", amc_status="RUNNING", amc_execution_id=f"amc {number}"
        )
        for number, instance in enumerate(instances)
    ]
    listed = {str(row["amc_execution_id"]): AmcStatus.CANCELLED for row in ended}
    with deleting(database, schedule_of(rows, ended[0])), pipeline:
        set_listed_statuses(pipeline, "amcshared", listed)
    stored = [rows.get("workflow_executions", row)["amc_status"] for row in ended]
    assert stored == ["RUNNING", "CANCELLED"]


def test_lost_runs_are_noted_next_to_a_locked_row(
    database: Database, rows: Rows, pipeline: Connection, instances: tuple[Row, Row]
) -> None:
    both = [waiting(rows, instance) for instance in instances]
    keys = [row["id"] for row in both]
    with deleting(database, schedule_of(rows, both[0])), pipeline:
        execute_returning(
            pipeline, "set_orphaned_at", execution_ids=keys, orphan_ids=keys, seen_at=NOW
        )
    assert [rows.get("workflow_executions", key)["orphaned_at"] for key in keys] == [None, NOW]


def test_old_failed_calls_are_deleted_next_to_a_locked_one(
    database: Database, rows: Rows, pipeline: Connection, instances: tuple[Row, Row]
) -> None:
    ended = [waiting(rows, instance, status="FAILED") for instance in instances]
    for execution in ended:
        rows.insert(
            "amc_api_errors",
            at=NOW - timedelta(days=91),
            instance_id=execution["instance_id"],
            user_id=execution["user_id"],
            execution_id=execution["id"],
            method="GET",
            path="/amc",
            operation="list",
            message="x",
        )
    session = database.connect("recomamp_analyst", str(ended[0]["user_id"]))
    session.cursor().execute(
        "SELECT delete_own_row('workflows', %s)", [str(ended[0]["workflow_id"])]
    )
    with pipeline:
        before = NOW - timedelta(days=90)
        assert delete_oldest(pipeline, "delete_api_errors", before=before, limit=10) == 1
    session.rollback()
    (left,) = database.query("SELECT user_id FROM amc_api_errors")
    assert left["user_id"] == ended[0]["user_id"]
