"""Faults of Airflow and of people, through a real scheduler: nothing runs twice or is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psutil
import psycopg2
import pytest

from fixtures.postgres import Row
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

PACE = {"mode": "per_second", "pending_seconds": 0, "running_seconds": 1}
YESTERDAY = (datetime.now(UTC) - timedelta(days=1, hours=1)).isoformat()


def control(pipeline: Pipeline, method: str, path: str, **body: Any) -> httpx.Response:
    url = f"{pipeline.stack.settings.emulator_url}/_emulator{path}"
    return httpx.request(method, url, json=body or None, trust_env=False).raise_for_status()


@contextmanager
def slow_amc(pipeline: Pipeline, *, seconds: int = 3600) -> Iterator[None]:
    """Let AMC work that long."""
    control(pipeline, "PUT", "/progression", **(PACE | {"running_seconds": seconds}))
    try:
        yield
    finally:
        control(pipeline, "PUT", "/progression", **PACE)


def at_amc(pipeline: Pipeline, execution: Row) -> str:
    listed = control(pipeline, "GET", "/executions").json()["executions"]
    found = [
        one["status"]
        for one in listed
        if one["workflowExecutionId"] == execution["amc_execution_id"]
    ]
    return str(found[0])


def waiting_run(pipeline: Pipeline) -> tuple[str, str]:
    """Start a schedule and return DAG and run once its wait is deferred."""
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    schedule = pipeline.rows.schedule(workflow=workflow, created_at=YESTERDAY)
    dag_id = f"amc_schedule_{schedule['id']}"

    def deferred() -> str | None:
        if not pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success:
            return None
        for run in pipeline.runs(dag_id):
            if pipeline.task_states(dag_id, run["dag_run_id"]).get("wait") == "deferred":
                return str(run["dag_run_id"])
        return None

    return dag_id, str(pipeline.until(deferred, f"{dag_id} to wait"))


def test_marking_a_waiting_task_failed_cancels_its_execution_at_amc(pipeline: Pipeline) -> None:
    with slow_amc(pipeline):
        dag_id, run_id = waiting_run(pipeline)
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/wait"
        pipeline.api.patch(path, json={"new_state": "failed"}).raise_for_status()
        (run,) = pipeline.until_runs_end(dag_id, 1)
        (execution,) = pipeline.executions(dag_id)
        pipeline.until(lambda: at_amc(pipeline, execution) == "CANCELLED", "AMC to cancel")
    assert run["state"] == "failed"
    assert pipeline.executions(dag_id)[0]["status"] == "CANCELLED"
    (book,) = pipeline.database.query(
        "SELECT status FROM schedule_runs WHERE execution_id = %s", [execution["id"]]
    )
    assert book["status"] == "FAILED"


@pytest.mark.parametrize("component", ["triggerer", "scheduler"])
def test_a_component_that_is_killed_loses_and_repeats_nothing(
    pipeline: Pipeline, component: str
) -> None:
    with slow_amc(pipeline, seconds=30):
        dag_id, _ = waiting_run(pipeline)
        pid_file = pipeline.stack.settings.data / "run" / f"{component}.pid"
        keeper = psutil.Process(int(pid_file.read_text(encoding="utf-8").split()[0]))
        (child,) = keeper.children()
        child.kill()
        psutil.wait_procs([child], timeout=10)
        (execution,) = pipeline.executions(dag_id)
        (run,) = pipeline.until_runs_end(dag_id, 1)
    assert run["state"] == "success"
    assert [row["id"] for row in pipeline.executions(dag_id)] == [execution["id"]]
    assert pipeline.executions(dag_id)[0]["status"] == "SUCCESS"


SECRETS = ["Atza|", "Atzr|", "demo-client-secret", "X-Amz-Signature"]
OPENED_BY_PEOPLE = {"secrets.env"}  # where the stack keeps its own


def test_no_secret_is_in_a_log_a_file_or_airflows_database(pipeline: Pipeline) -> None:
    data = pipeline.stack.settings.data
    leaks = [
        f"{path.relative_to(data)}: {secret}"
        for path in data.rglob("*")
        if path.is_file() and path.name not in OPENED_BY_PEOPLE and "postgres" not in path.parts
        for secret in SECRETS
        if secret.encode() in path.read_bytes()
    ]
    assert leaks == []
    for uri in (pipeline.stack.settings.airflow_uri, pipeline.stack.settings.owner_uri):
        assert [secret for secret in SECRETS if secret in dump(uri)] == []


def dump(uri: str) -> str:
    """Return all rows of a database as text."""
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        rows = []
        for table in tables:
            cursor.execute(f"SELECT row::TEXT FROM {table} AS row")
            rows += [text for (text,) in cursor.fetchall()]
    return "\n".join(rows)
