"""What follows a load: DAGs that are scheduled on the workflow's Assets, and the run's result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fixtures.example_dags import WORKFLOW_ID
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

DAYS = ["2026-05-04", "2026-05-05"]


def start_run(pipeline: Pipeline, dag_id: str, **conf: str) -> str:
    pipeline.until(lambda: pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success, dag_id)
    body = {"logical_date": None, "conf": conf}
    answer = pipeline.api.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)
    return str(answer.raise_for_status().json()["dag_run_id"])


def wait_for_result(pipeline: Pipeline, dag_id: str, run_id: str) -> dict[str, Any]:
    """Wait as an application does, in one call of the REST API."""
    path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/wait"
    answer = pipeline.api.get(path, params={"interval": 1}, timeout=240).raise_for_status()
    last: dict[str, Any] = json.loads(answer.text.strip().splitlines()[-1])
    return last


def returned(pipeline: Pipeline, dag_id: str, run_id: str) -> Any:
    path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/report/xcomEntries/return_value"
    return pipeline.get(path, deserialize=True)["value"]


def test_consumers_of_both_kinds_follow_a_load_and_the_run_has_a_result(
    pipeline: Pipeline,
) -> None:
    workflow = pipeline.rows.workflow(instance=pipeline.instance, id=WORKFLOW_ID)
    schedule = pipeline.rows.schedule(workflow=workflow, is_active=False)
    dag_id = f"amc_schedule_{schedule['id']}"
    for day in DAYS:
        following = f"2026-05-{int(day[-2:]) + 1:02}"
        run_id = start_run(pipeline, dag_id, window_start=day, window_end=following)
        answer = wait_for_result(pipeline, dag_id, run_id)
        execution = pipeline.executions(dag_id)[-1]
        assert answer == {
            "state": "success",
            "results": {
                "record": {
                    "execution_id": str(execution["id"]),
                    "status": "SUCCESS",
                    "rows": execution["result_rows"],
                    "window_start": f"{day}T00:00:00+00:00",
                    "window_end": f"{following}T00:00:00+00:00",
                    "error_type": None,
                }
            },
        }

    loaded = {
        row["window_start"].date().isoformat(): sum(
            line["impressions"] for line in row["result_data"]["data"]
        )
        for row in pipeline.executions(dag_id)
    }
    assert sorted(loaded) == DAYS

    runs = pipeline.wait_for_runs("report_on_one_window", len(DAYS))
    found = [returned(pipeline, "report_on_one_window", run["dag_run_id"]) for run in runs]
    assert {one["window"]: one["impressions"] for one in found} == loaded
    assert len(runs) == len(DAYS)

    def all_windows() -> bool:
        ended = pipeline.wait_for_runs("report_on_all_windows", 1)
        values = [returned(pipeline, "report_on_all_windows", run["dag_run_id"]) for run in ended]
        return {"windows": len(DAYS), "impressions": sum(loaded.values())} in values

    pipeline.until(all_windows, "a plain consumer that has seen both windows")


def test_a_run_that_fails_has_a_result_that_says_why(pipeline: Pipeline) -> None:
    workflow = pipeline.rows.workflow(
        instance=pipeline.instance, sql_query="SELECT nonsense FROM dsp_impressions"
    )
    schedule = pipeline.rows.schedule(workflow=workflow, is_active=False)
    dag_id = f"amc_schedule_{schedule['id']}"
    run_id = start_run(pipeline, dag_id, window_start=DAYS[0], window_end=DAYS[1])
    answer = wait_for_result(pipeline, dag_id, run_id)
    assert answer["state"] == "failed"
    result = answer["results"]["record"]
    assert (result["status"], result["error_type"]) == ("FAILED", "REQUEST_REJECTED")
    assert (result["rows"], result["window_start"]) == (None, f"{DAYS[0]}T00:00:00+00:00")
