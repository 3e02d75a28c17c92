"""Rows that contradict their owners, put in past keys and triggers, are used for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import WEEK, Run
from recomamp.pipeline.executions.cancellation import end_cancelled
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.executions import select_execution, select_waiting_executions
from recomamp.store.slots import grant_slots

FORGED = "SELECT forged FROM dsp_impressions"


@pytest.fixture
def stranger(rows: Rows) -> Row:
    """Insert a workflow of another user."""
    return rows.workflow()


def forge(database: Database, rows: Rows, stranger: Row, **columns: Any) -> Row:
    """Insert an execution of the stranger's, as the database's owner could: unchecked by keys."""
    values = {
        "id": str(uuid4()),
        "workflow_id": stranger["id"],
        "user_id": stranger["user_id"],
        "instance_id": stranger["instance_id"],
        "amc_workflow_id": "recomamp-forged",
        "submitted_sql": FORGED,
        "window_start": WEEK[0],
        "window_end": WEEK[1],
        "window_time_zone": "UTC",
        "deadline_at": datetime.now(UTC) + timedelta(days=1),
        **columns,
    }
    names, marks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"INSERT INTO workflow_executions ({names}) VALUES ({marks})", values)
    return rows.get("workflow_executions", values["id"])


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "FAILED", "SUCCESS"])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_run_adopts_no_row_of_another_user(
    run: Run,
    rows: Rows,
    database: Database,
    schedule: Row,
    stranger: Row,
    emulator: RunningEmulator,
    status: str,
    is_named: bool,
) -> None:
    forged = forge(
        database,
        rows,
        stranger,
        schedule_id=schedule["id"] if is_named else None,
        dag_id=run.dag_run.dag_id,
        dag_run_id=run.dag_run.run_id,
        attempt=2_000_000_000,
        status=status,
        amc_execution_id="forged" if status == "RUNNING" else None,
        error_message="forged",
    )
    emulator.progression("at_once")
    assert run.run_all()
    (at_amc,) = emulator.executions()
    assert "forged" not in at_amc["request"]["workflow"]["sqlQuery"]
    (own,) = [row for row in run.executions if row["user_id"] == schedule["user_id"]]
    assert (own["attempt"], own["status"]) == (1, "SUCCESS")
    (recorded,) = database.query("SELECT * FROM schedule_runs")
    assert (recorded["execution_id"], recorded["status"]) == (own["id"], "SUCCESS")
    assert rows.get("workflow_executions", forged) == forged


def test_no_row_of_another_user_is_booked(
    run: Run, rows: Rows, database: Database, schedule: Row, stranger: Row
) -> None:
    forged = forge(
        database,
        rows,
        stranger,
        schedule_id=schedule["id"],
        dag_id=run.dag_run.dag_id,
        dag_run_id=run.dag_run.run_id,
        status="RUNNING",
    )
    with DatabaseHook().transaction() as connection:
        execution = select_execution(connection, UUID(forged["id"]))
    assert execution is not None
    assert execution.definition is None
    assert end_cancelled(DatabaseHook(), execution, "forged")
    assert database.query("SELECT id FROM schedule_runs") == []
    after = rows.get("workflow_schedules", schedule)
    assert (after["total_runs"], after["last_run_status"]) == (0, None)


def test_an_execution_on_another_users_instance_is_none_and_takes_no_slot(
    rows: Rows, database: Database, instance: Row, stranger: Row, schedule: Row, connections: None
) -> None:
    rows.update("amc_instances", instance, max_concurrent_executions=1)
    workflow = rows.get("workflows", schedule["workflow_id"])
    own = rows.execution(workflow, instance_id=instance["id"], dag_run_id="run 1")
    for status in ("RUNNING", "PENDING"):
        forged = forge(
            database,
            rows,
            stranger,
            instance_id=instance["id"],
            dag_id=own["dag_id"],
            dag_run_id=status,
            status=status,
            created_at=datetime(2020, 1, 1, tzinfo=UTC),
        )
        key = UUID(forged["id"])
        with DatabaseHook().transaction() as connection:
            assert select_execution(connection, key) is None
            assert list(select_waiting_executions(connection, [key])) == []
    with DatabaseHook().transaction() as connection:
        granted = grant_slots(connection, UUID(instance["id"]), now=datetime.now(UTC))
    assert granted == {UUID(own["id"])}
