"""Failed calls in the database: kept, read by the owner of the instance, forgotten in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.errors import InsufficientPrivilege

from fixtures.postgres import Database, Row, Rows
from recomamp.store.api_errors import insert_api_error
from recomamp.store.statements import delete_oldest

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def keep(database: Database, instance: Row, role: str | None = None, **columns: Any) -> None:
    values = {
        "instance_key": instance["id"],
        "user_id": instance["user_id"],
        "execution_id": None,
        "at": NOW,
        "method": "GET",
        "path": "/amc/reporting/amc1/workflowExecutions",
        "operation": "list_executions",
        "status": 429,
        "code": None,
        "request_id": "R1",
        "message": "slow down",
        "attempt": 1,
    }
    with database.connect(role) as connection:
        insert_api_error(connection, **{**values, **columns})


@pytest.fixture
def instance(rows: Rows) -> Row:
    return rows.instance()


def seen(database: Database, role: str, user_id: str | None = None) -> int:
    with database.connect(role, user_id) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(id) FROM amc_api_errors")
        return int(cursor.fetchall()[0][0])


def test_the_owner_of_the_instance_reads_its_errors_and_nobody_else(
    database: Database, rows: Rows, instance: Row
) -> None:
    keep(database, instance)
    keep(database, rows.instance())

    assert seen(database, "recomamp_analyst", instance["user_id"]) == 1
    assert seen(database, "recomamp_analyst", rows.user()["id"]) == 0
    assert seen(database, "recomamp_analyst") == 0
    assert seen(database, "recomamp_pipeline") == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE amc_api_errors SET message = 'x'",
        "DELETE FROM amc_api_errors",
        "INSERT INTO amc_api_errors (instance_id, user_id, method, path, operation, message)"
        " SELECT id, user_id, 'GET', '/', 'token', 'x' FROM amc_instances",
    ],
)
def test_an_analyst_changes_none(database: Database, instance: Row, statement: str) -> None:
    keep(database, instance)
    connection = database.connect("recomamp_analyst", instance["user_id"])
    with pytest.raises(InsufficientPrivilege), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE amc_api_errors SET message = 'x'", "SELECT message FROM amc_api_errors"],
)
def test_the_pipeline_changes_and_reads_none(
    database: Database, instance: Row, statement: str
) -> None:
    keep(database, instance, "recomamp_pipeline")
    connection = database.connect("recomamp_pipeline")
    with pytest.raises(InsufficientPrivilege), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_oldest_are_forgotten_first_so_many_at_a_time(
    database: Database, instance: Row
) -> None:
    for days in (5, 95, 91, 93, 89):
        keep(database, instance, at=NOW - timedelta(days=days), message=str(days))
    connection = database.connect("recomamp_pipeline", autocommit=True)
    before = NOW - timedelta(days=90)

    counts = [delete_oldest(connection, "delete_api_errors", before=before, limit=2)]
    after_first = database.query("SELECT message FROM amc_api_errors ORDER BY at")
    counts += [
        delete_oldest(connection, "delete_api_errors", before=before, limit=2) for _ in range(2)
    ]

    assert counts == [2, 1, 0]
    assert [row["message"] for row in after_first] == ["91", "89", "5"]
    left = database.query("SELECT message FROM amc_api_errors ORDER BY at")
    assert [row["message"] for row in left] == ["89", "5"]


def test_errors_outlive_their_execution_and_go_with_their_instance(
    database: Database, rows: Rows, instance: Row
) -> None:
    execution = rows.execution(workflow=rows.workflow(instance=instance), status="FAILED")
    keep(database, instance, execution_id=execution["id"])

    database.query("DELETE FROM workflow_executions")
    (error,) = database.query("SELECT * FROM amc_api_errors")
    assert (error["execution_id"], error["instance_id"]) == (None, instance["id"])
    database.query("DELETE FROM amc_instances")
    assert database.query("SELECT * FROM amc_api_errors") == []
