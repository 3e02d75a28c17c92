"""Faults of Airflow and of people, through a real scheduler: nothing runs twice or is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
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


def start_schedule(pipeline: Pipeline) -> str:
    """Insert a schedule with one tick that is due and return its DAG."""
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    schedule = pipeline.rows.schedule(workflow=workflow, created_at=YESTERDAY)
    return f"amc_schedule_{schedule['id']}"


def waiting_run(pipeline: Pipeline, dag_id: str) -> str:
    """Return the DAG's run once its wait is deferred."""

    def deferred() -> str | None:
        if not pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success:
            return None
        for run in pipeline.runs(dag_id):
            if pipeline.task_states(dag_id, run["dag_run_id"]).get("wait") == "deferred":
                return str(run["dag_run_id"])
        return None

    return str(pipeline.until(deferred, f"{dag_id} to wait"))


@dataclass
class Waiting:
    """Runs that all wait for an AMC that takes an hour: one for each way to end one."""

    marked: str
    run_marked: str
    cleared: str
    timed_out: str
    paused: str


# What is sent for this workflow has a deadline that passes while its task is deferred
SOON = """
CREATE FUNCTION pass_deadline_soon() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.error_type IS NULL AND NEW.amc_execution_id IS NOT NULL
        AND 'amc_schedule_' || NEW.schedule_id = TG_ARGV[0]
    THEN
        NEW.deadline_at := NEW.submitted_at + INTERVAL '15 seconds';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pass_deadline_soon BEFORE UPDATE ON workflow_executions FOR EACH ROW
    EXECUTE FUNCTION pass_deadline_soon('{dag_id}');
"""


@pytest.fixture(scope="module")
def waiting(pipeline: Pipeline) -> Iterator[Waiting]:
    """Start all runs at once: together they take no longer than one."""
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    with slow_amc(pipeline):
        collection = pipeline.rows.collection(
            workflow=workflow, start_date="2026-01-01", end_date="2026-01-07"
        )
        schedules = [start_schedule(pipeline) for _ in range(4)]
        execute(pipeline, SOON.replace("{dag_id}", schedules[3]))
        runs = Waiting(*schedules, f"amc_collection_{collection['id']}")
        for dag_id in (*schedules[:3], runs.paused):
            waiting_run(pipeline, dag_id)
        yield runs
    execute(pipeline, "DROP FUNCTION pass_deadline_soon() CASCADE")


def execute(pipeline: Pipeline, statements: str) -> None:
    uri = pipeline.database.uri
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statements)


@pytest.mark.parametrize("what", ["task", "run"])
def test_marking_what_waits_failed_cancels_its_execution_at_amc(
    pipeline: Pipeline, waiting: Waiting, what: str
) -> None:
    dag_id = waiting.marked if what == "task" else waiting.run_marked
    (run,) = pipeline.runs(dag_id)
    path = f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}"
    if what == "task":
        answer = pipeline.api.patch(f"{path}/taskInstances/wait", json={"new_state": "failed"})
    else:
        answer = pipeline.api.patch(path, json={"state": "failed"})
    answer.raise_for_status()
    (run,) = pipeline.wait_for_runs(dag_id, 1)
    (execution,) = pipeline.executions(dag_id)
    pipeline.until(lambda: at_amc(pipeline, execution) == "CANCELLED", "AMC to cancel")
    # Airflow skips the steps to come of a run that is marked, and counts skipped ones as no failure
    assert run["state"] == ("failed" if what == "task" else "success")
    assert pipeline.task_states(dag_id, run["dag_run_id"])["wait"] == "failed"
    pipeline.until(lambda: books(pipeline, dag_id) == ["FAILED"], "the books to be closed")
    assert pipeline.executions(dag_id)[0]["status"] == "CANCELLED"


def books(pipeline: Pipeline, dag_id: str) -> list[str]:
    """Return how the runs of a schedule ended, as the application reads it."""
    rows = pipeline.database.query(
        "SELECT status FROM schedule_runs WHERE 'amc_schedule_' || schedule_id = %s", [dag_id]
    )
    return [row["status"] for row in rows]


def test_what_passes_its_deadline_is_cancelled_at_amc_and_not_tried_again(
    pipeline: Pipeline, waiting: Waiting
) -> None:
    (run,) = pipeline.wait_for_runs(waiting.timed_out, 1)
    (execution,) = pipeline.executions(waiting.timed_out)
    assert run["state"] == "failed"
    assert (execution["status"], execution["error_type"]) == ("TIMEOUT", "TIMED_OUT")
    assert at_amc(pipeline, execution) == "CANCELLED"


@pytest.mark.long
def test_clearing_a_waiting_task_and_pausing_a_collection_lose_and_repeat_nothing(
    pipeline: Pipeline, waiting: Waiting
) -> None:
    collection_id = waiting.paused.removeprefix("amc_collection_")
    pipeline.rows.update("report_data_collections", collection_id, status="PAUSED")
    (run,) = pipeline.runs(waiting.cleared)
    clear = {
        "dry_run": False,
        "only_failed": False,
        "task_ids": ["wait"],
        "dag_run_id": run["dag_run_id"],
    }
    path = f"/api/v2/dags/{waiting.cleared}/clearTaskInstances"
    pipeline.api.post(path, json=clear).raise_for_status()
    path = f"/dags/{waiting.cleared}/dagRuns/{run['dag_run_id']}/taskInstances/wait"
    pipeline.until(lambda: pipeline.get(path)["try_number"] > 1, "the cleared task to run")
    control(pipeline, "PUT", "/progression", **PACE)

    for dag_id in (waiting.cleared, waiting.paused):
        (run,) = pipeline.wait_for_runs(dag_id, 1)
        executions = pipeline.executions(dag_id)
        assert run["state"] == "success"
        assert [row["status"] for row in executions] == ["SUCCESS"]
    assert [week["status"] for week in pipeline.rows.weeks(collection_id)] == ["SUCCESS"]


@pytest.mark.long
def test_a_run_whose_row_becomes_invalid_does_all_that_it_would_have_done(
    pipeline: Pipeline,
) -> None:
    with slow_amc(pipeline):
        dag_id = start_schedule(pipeline)
        waiting_run(pipeline, dag_id)
        schedule_id = dag_id.removeprefix("amc_schedule_")
        pipeline.rows.update("workflow_schedules", schedule_id, parameters={"typo": 1})

        def is_invalid() -> bool:
            tags = pipeline.get(f"/dags/{dag_id}")["tags"]
            return "invalid" in [tag["name"] for tag in tags]

        pipeline.until(is_invalid, f"{dag_id} to be invalid")
    (run,) = pipeline.wait_for_runs(dag_id, 1)
    (execution,) = pipeline.executions(dag_id)
    assert (run["state"], execution["status"]) == ("success", "SUCCESS")
    events = pipeline.get("/assets/events", source_dag_id=dag_id)["asset_events"]
    assert {event["extra"]["execution_id"] for event in events} == {str(execution["id"])}
    name = f"amc_workflow_{execution['workflow_id']}"
    assert sorted(event["name"] for event in events) == [name, f"{name}_windows"]
    after = pipeline.rows.get("workflow_schedules", schedule_id)
    assert (after["total_runs"], after["successful_runs"]) == (1, 1)


SECRETS = ["Atza|", "Atzr|", "demo-client-secret", "X-Amz-Signature"]
OPENED_BY_PEOPLE = {"secrets.env", "passwords.json", "pgpass"}  # where the stack keeps its own
KNOWN = "amc_schedule_"  # what logs and both databases speak of: the search does look there


def test_no_secret_is_in_a_log_a_file_or_a_database(pipeline: Pipeline) -> None:
    secrets = [*SECRETS, *pipeline.stack.settings.credentials.values()]
    data = pipeline.stack.settings.data
    texts = {
        str(path.relative_to(data)): path.read_bytes().decode(errors="replace")
        for path in data.rglob("*")
        if path.is_file() and path.name not in OPENED_BY_PEOPLE and "postgres" not in path.parts
    }
    for uri in (pipeline.stack.settings.airflow_uri, pipeline.stack.settings.owner_uri):
        texts[uri.rpartition("/")[2]] = dump(uri)
    leaks = [
        f"{place}: {secret[:6]}"
        for place, text in texts.items()
        for secret in secrets
        if secret in text
    ]
    assert leaks == []
    assert KNOWN in texts["airflow"]
    assert KNOWN in texts["recomamp"]
    assert KNOWN in texts["logs/scheduler.log"]
    assert any(KNOWN in text for place, text in texts.items() if place.startswith("airflow/logs"))


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
