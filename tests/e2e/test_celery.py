"""Celery's workers run every kind of DAG."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from faults.crash_points import EmulatorControl
from fixtures.celery_stack import worker_of
from fixtures.running_stack import Pipeline
from stack.supervisor import WORKERS

pytestmark = pytest.mark.stack

STEPS = ("submit", "wait", "load", "record")
YESTERDAY = datetime.now(UTC) - timedelta(days=1, hours=1)
RUNS = 3  # at once: one more than a worker may have


@pytest.fixture
def emulator_control(celery_pipeline: Pipeline) -> Iterator[EmulatorControl]:
    """Provide the stack's emulator, whose requests are released at the end."""
    with closing(EmulatorControl(celery_pipeline.stack.settings.emulator_url)) as control:
        yield control


def test_two_workers_run_schedules_a_collection_and_a_system_dag(
    celery_pipeline: Pipeline, emulator_control: EmulatorControl
) -> None:
    pipeline = celery_pipeline
    markers = [f"celery_{uuid4().hex[:12]}" for _ in range(RUNS)]
    queries = [
        f"SELECT campaign, SUM(impressions) AS {marker} FROM dsp_impressions GROUP BY campaign"
        for marker in markers
    ]
    workflows = [
        pipeline.rows.workflow(instance=pipeline.instance, sql_query=query) for query in queries
    ]
    for marker in markers:
        emulator_control.hold("create_execution", "hold_before", marker)
    collection = pipeline.rows.collection(
        workflow=workflows.pop(), start_date="2026-01-01", end_date="2026-01-07", status="PAUSED"
    )
    schedules = [
        pipeline.rows.schedule(workflow=one, created_at=YESTERDAY, is_active=False)
        for one in workflows
    ]
    dag_ids = [f"amc_schedule_{one['id']}" for one in schedules]
    dag_ids.append(f"amc_collection_{collection['id']}")
    # The first DAG of a file comes minutes after others. A request is not held for so long
    pipeline.until(
        lambda: all(pipeline.api.get(f"/api/v2/dags/{one}").is_success for one in dag_ids), "DAGs"
    )
    for schedule in schedules:
        pipeline.rows.update("workflow_schedules", schedule["id"], is_active=True)
    pipeline.rows.update("report_data_collections", collection["id"], status="ACTIVE")

    pipeline.until(lambda: all(map(emulator_control.is_holding, markers)), "all to be submitted")
    assert {worker_of(pipeline, _running_submit(pipeline, one)) for one in dag_ids} == {*WORKERS}
    emulator_control.ask("DELETE", "/faults")

    for dag_id, marker in zip(dag_ids, markers, strict=True):
        (run,) = pipeline.wait_for_runs(dag_id, 1)
        assert run["state"] == "success"
        assert pipeline.task_states(dag_id, run["dag_run_id"]) == dict.fromkeys(STEPS, "success")
        (execution,) = pipeline.executions(dag_id)
        (at_amc,) = emulator_control.executions(marker)
        assert execution["status"] == "SUCCESS"
        assert execution["amc_execution_id"] == at_amc["workflowExecutionId"]
    assert [week["status"] for week in pipeline.rows.weeks(collection)] == ["SUCCESS"]
    pipeline.until(
        lambda: "success" in {run["state"] for run in pipeline.runs("recomamp_reconcile")},
        "a run of recomamp_reconcile to succeed",
    )


def _running_submit(pipeline: Pipeline, dag_id: str) -> int:
    """Return the process of the task that submits the DAG's only run."""
    (run,) = pipeline.runs(dag_id)
    path = f"/dags/{dag_id}/dagRuns/{run['dag_run_id']}/taskInstances/submit"
    return int(pipeline.get(path)["pid"])
