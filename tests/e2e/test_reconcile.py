"""Reconciling asks a real Airflow what became of the runs of open rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg2
import pytest

from fixtures.postgres import Row
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

RECONCILE = "recomamp_reconcile"


def orphan(pipeline: Pipeline, dag_run_id: str, *, minutes: int = 60) -> Row:
    """Insert an open row that an earlier comparison has found without a living run."""
    key, now = str(uuid4()), datetime.now(UTC)
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    schedule = pipeline.rows.schedule(workflow=workflow, is_active=False)
    return pipeline.rows.execution(
        workflow,
        id=key,
        instance_id=workflow["instance_id"],
        schedule_id=schedule["id"],
        dag_run_id=dag_run_id,
        amc_workflow_id=f"recomamp-{key}",
        window_start=now - timedelta(days=3),
        window_end=now - timedelta(days=2),
        window_time_zone="UTC",
        deadline_at=now + timedelta(hours=1),
        orphaned_at=now - timedelta(minutes=minutes),
    )


def queue_run(pipeline: Pipeline, row: Row) -> str:
    """Make the row's run in Airflow and return its path. Its DAG is paused: no step begins."""
    dag = f"/api/v2/dags/{row['dag_id']}"
    pipeline.until(lambda: pipeline.api.get(dag).is_success, "the schedule's DAG")
    pipeline.api.patch(dag, json={"is_paused": True}).raise_for_status()
    run = {"dag_run_id": row["dag_run_id"], "logical_date": None}
    pipeline.api.post(f"{dag}/dagRuns", json=run).raise_for_status()
    return f"{dag}/dagRuns/{row['dag_run_id']}"


def end_run(pipeline: Pipeline, row: Row) -> None:
    """End the row's run in Airflow; the API would wait for ``record``, which a paused DAG holds."""
    connection = psycopg2.connect(pipeline.stack.settings.airflow_uri)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE dag_run SET state = 'failed' WHERE dag_id = %s AND run_id = %s",
            [row["dag_id"], row["dag_run_id"]],
        )
        assert cursor.rowcount == 1
    connection.close()


def test_rows_of_ended_and_deleted_runs_are_closed_and_those_of_living_runs_are_not(
    pipeline: Pipeline,
) -> None:
    alive = orphan(pipeline, "alive", minutes=5)
    queue_run(pipeline, alive)
    ended = orphan(pipeline, "ended", minutes=5)
    queue_run(pipeline, ended)
    end_run(pipeline, ended)
    gone = orphan(pipeline, "gone")
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    pipeline.rows.update("workflow_executions", ended, orphaned_at=long_ago)
    run = {"dag_run_id": "reconciles", "logical_date": None}
    pipeline.api.post(f"/api/v2/dags/{RECONCILE}/dagRuns", json=run).raise_for_status()
    pipeline.until(
        lambda: pipeline.get(f"/dags/{RECONCILE}/dagRuns/reconciles")["state"] == "success",
        "reconciled",
    )
    closed = {
        key: pipeline.rows.get("workflow_executions", key) for key in (gone["id"], ended["id"])
    }
    assert {row["status"] for row in closed.values()} == {"CANCELLED"}
    assert "its DAG run is gone" in closed[gone["id"]]["error_message"]
    assert "its DAG run is ended" in closed[ended["id"]]["error_message"]
    after = pipeline.rows.get("workflow_executions", alive)
    assert (after["status"], after["orphaned_at"]) == ("PENDING", None)
    pipeline.rows.update("workflow_executions", alive, status="CANCELLED")  # others need the slot
