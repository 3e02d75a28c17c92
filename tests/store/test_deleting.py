"""What runs at AMC keeps its row: nothing that holds an open execution is deleted."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest

from fixtures.postgres import Database, Row, Rows

OWNERS = ("workflows", "amc_instances", "amc_accounts", "users")


def execution(rows: Rows, status: str, **columns: Any) -> Row:
    workflow = rows.workflow()
    schedule = rows.schedule(workflow)
    own = {"instance_id": workflow["instance_id"], "schedule_id": schedule["id"]}
    return rows.execution(workflow, status=status, **{**own, "dag_run_id": "run 1", **columns})


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
@pytest.mark.parametrize("table", [*OWNERS, "workflow_executions"])
def test_what_has_an_open_execution_is_not_deleted(
    database: Database, rows: Rows, table: str, status: str
) -> None:
    row = execution(rows, status)
    with pytest.raises(psycopg2.errors.CheckViolation) as caught:
        database.query(f"DELETE FROM {table}")
    message = str(caught.value)
    assert message.startswith(f"workflow_executions.status: execution {row['id']} of workflow")
    assert f"is {status}; delete the workflow's schedules and collections first" in message
    assert "up to 30 minutes" in message
    assert rows.get("workflow_executions", row) == row


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "CANCELLED", "TIMEOUT"])
@pytest.mark.parametrize("table", OWNERS)
def test_what_has_ended_is_deleted(database: Database, rows: Rows, table: str, status: str) -> None:
    execution(rows, status)
    database.query(f"DELETE FROM {table}")
    assert database.query("SELECT id FROM workflow_executions") == []


def test_an_analyst_deletes_the_schedule_first(database: Database, rows: Rows) -> None:
    row = execution(rows, "RUNNING")
    analyst = database.connect("recomamp_analyst", row["user_id"], autocommit=True)
    with analyst.cursor() as cursor:
        delete_workflow = "SELECT delete_own_row('workflows', id) FROM workflows"
        with pytest.raises(psycopg2.errors.CheckViolation, match=r"workflow_executions\.status"):
            cursor.execute(delete_workflow)
        cursor.execute("SELECT delete_own_row('workflow_schedules', id) FROM workflow_schedules")
        with pytest.raises(psycopg2.errors.CheckViolation, match=r"workflow_executions\.status"):
            cursor.execute(delete_workflow)
        rows.update("workflow_executions", row, status="CANCELLED")  # by the reconciliation
        cursor.execute(delete_workflow)
        assert cursor.fetchall() == [(True,)]


def test_what_the_application_runs_itself_is_its_own_to_end(database: Database, rows: Rows) -> None:
    execution(rows, "RUNNING", dag_run_id=None, schedule_id=None)
    with pytest.raises(psycopg2.errors.CheckViolation, match="cancel it where it was started"):
        database.query("DELETE FROM workflows")


def test_a_row_that_waits_behind_others_is_found_too(database: Database, rows: Rows) -> None:
    workflow = rows.workflow()
    for _ in range(5):
        rows.execution(workflow, status="SUCCESS")
    rows.execution(workflow, status="PENDING")
    with pytest.raises(psycopg2.errors.CheckViolation, match="is PENDING"):
        database.query("DELETE FROM users")
    assert len(database.query("SELECT id FROM workflow_executions")) == 6
