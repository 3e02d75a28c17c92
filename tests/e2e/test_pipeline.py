"""From a row to results through a real scheduler, once for each way there is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlparse

import pyarrow.parquet as pq
import pytest

from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

STEPS = ("submit", "wait", "load", "record")
YESTERDAY = (datetime.now(UTC) - timedelta(days=1, hours=1)).isoformat()


def test_a_schedule_runs_at_its_tick_and_brings_its_results(pipeline: Pipeline) -> None:
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    schedule = pipeline.rows.schedule(
        workflow=workflow, timezone="America/Los_Angeles", created_at=YESTERDAY
    )
    dag_id = f"amc_schedule_{schedule['id']}"
    (run,) = pipeline.wait_for_runs(dag_id, 1)
    assert run["state"] == "success"
    assert pipeline.task_states(dag_id, run["dag_run_id"]) == dict.fromkeys(STEPS, "success")
    (execution,) = pipeline.executions(dag_id)
    assert execution["status"] == "SUCCESS"
    assert execution["window_start"] == datetime.fromisoformat(run["data_interval_start"])
    assert execution["window_end"] == datetime.fromisoformat(run["data_interval_end"])
    (file,) = execution["result_data"]["files"]
    table = pq.read_table(Path(urlparse(file["uri"]).path))
    assert table.num_rows == execution["result_rows"] > 0
    after = pipeline.rows.get("workflow_schedules", schedule)
    assert (after["total_runs"], after["successful_runs"]) == (1, 1)
    assert after["next_run_at"] > datetime.now(UTC)


def test_a_backfill_from_the_command_line_makes_exactly_the_days_asked_for(
    pipeline: Pipeline,
) -> None:
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    schedule = pipeline.rows.schedule(workflow=workflow, timezone="Europe/Berlin", is_active=False)
    dag_id = f"amc_schedule_{schedule['id']}"
    pipeline.until(lambda: pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success, dag_id)
    arguments = ["--dag-id", dag_id, "--from-date", "2026-03-28", "--to-date", "2026-03-30"]
    pipeline.stack.commands.airflow("backfill", "create", *arguments)
    runs = pipeline.wait_for_runs(dag_id, 3)
    assert [run["state"] for run in runs] == ["success"] * 3
    windows = [(row["window_start"], row["window_end"]) for row in pipeline.executions(dag_id)]
    assert windows == [  # 29 March has 23 hours in Berlin
        (datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (datetime(2026, 3, 29, 22, tzinfo=UTC), datetime(2026, 3, 30, 22, tzinfo=UTC)),
    ]


def test_a_collection_runs_every_week_also_those_before_a_backfilled_one(
    pipeline: Pipeline,
) -> None:
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    collection = pipeline.rows.collection(
        workflow=workflow, start_date="2026-01-01", end_date="2026-01-24", status="PAUSED"
    )
    dag_id = f"amc_collection_{collection['id']}"
    pipeline.until(lambda: pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success, dag_id)
    arguments = ["--dag-id", dag_id, "--from-date", "2026-01-15", "--to-date", "2026-01-15"]
    pipeline.stack.commands.airflow("backfill", "create", *arguments)
    pipeline.wait_for_runs(dag_id, 1)
    weeks = [week["status"] for week in pipeline.rows.weeks(collection)]
    assert weeks == ["PENDING", "PENDING", "SUCCESS", "PENDING"]

    pipeline.rows.update("report_data_collections", collection, status="ACTIVE")
    pipeline.wait_for_runs(dag_id, 4)
    weeks = pipeline.rows.weeks(collection)
    assert [week["status"] for week in weeks] == ["SUCCESS"] * 4
    assert weeks[-1]["week_end_date"] == date(2026, 1, 24)
    assert len(pipeline.executions(dag_id)) == 4
    after = pipeline.rows.get("report_data_collections", collection)
    assert (after["status"], after["progress_percentage"]) == ("COMPLETED", 100)


@pytest.mark.long
def test_a_deleted_dag_comes_back_and_asks_amc_for_nothing_that_the_rows_show(
    pipeline: Pipeline,
) -> None:
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    schedule = pipeline.rows.schedule(
        workflow=workflow,
        created_at=(datetime.now(UTC) - timedelta(days=3)).isoformat(),
        parameters={"window": {"catchup": True}},
    )
    start_date = datetime.now(UTC).date() - timedelta(days=36)  # of four weeks three are due
    collection = pipeline.rows.collection(
        workflow=workflow, start_date=start_date, end_date=start_date + timedelta(days=27)
    )
    dag_ids = [f"amc_schedule_{schedule['id']}", f"amc_collection_{collection['id']}"]
    for dag_id in dag_ids:
        pipeline.wait_for_runs(dag_id, 3)
    before = {dag_id: pipeline.executions(dag_id) for dag_id in dag_ids}
    asked = at_amc(pipeline)

    for dag_id in dag_ids:
        pipeline.api.delete(f"/api/v2/dags/{dag_id}").raise_for_status()
    skipped = {"submit": "skipped", "wait": "skipped", "load": "skipped", "record": "success"}
    for dag_id in dag_ids:
        runs = pipeline.wait_for_runs(dag_id, 3)
        assert [run["state"] for run in runs] == ["success"] * 3
        for run in runs:
            assert pipeline.task_states(dag_id, run["dag_run_id"]) == skipped
        assert pipeline.executions(dag_id) == before[dag_id]
    assert at_amc(pipeline) == asked
    assert pipeline.rows.get("workflow_schedules", schedule)["total_runs"] == 3
    weeks = [week["status"] for week in pipeline.rows.weeks(collection)]
    assert weeks == ["SUCCESS"] * 3 + ["PENDING"]

    dag_id = dag_ids[0]
    run_id = pipeline.runs(dag_id)[0]["dag_run_id"]
    path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear"
    answer = pipeline.api.post(path, json={"dry_run": False, "only_failed": False})
    answer.raise_for_status()
    pipeline.until(lambda: len(pipeline.executions(dag_id)) == 4, "the cleared run to ask")
    pipeline.wait_for_run(dag_id, run_id)
    assert [row["status"] for row in pipeline.executions(dag_id)] == ["SUCCESS"] * 4


def test_days_picked_in_the_ui_are_days_of_the_row(pipeline: Pipeline) -> None:
    """As the UI sends them to the REST API, in the zone that it shows."""
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    schedule = pipeline.rows.schedule(workflow=workflow, timezone="Europe/Berlin", is_active=False)
    dag_id = f"amc_schedule_{schedule['id']}"
    pipeline.until(lambda: pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success, dag_id)
    backfill = {
        "dag_id": dag_id,
        "from_date": "2026-05-01T04:00:00.000Z",  # New York
        "to_date": "2026-05-06T03:59:59.999Z",
    }
    answer = pipeline.api.post("/api/v2/backfills/dry_run", json=backfill).raise_for_status()
    dates = [run["logical_date"] for run in answer.json()["backfills"]]
    assert dates == [
        "2026-04-30T22:00:00Z",
        "2026-05-01T22:00:00Z",
        "2026-05-02T22:00:00Z",
        "2026-05-03T22:00:00Z",
        "2026-05-04T22:00:00Z",
    ]
    conf = {
        "window_start": "2026-05-04T00:00:00.000Z",
        "window_end": "2026-05-11T00:00:00.000Z",
    }
    answer = pipeline.api.post(
        f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}
    )
    run_id = answer.raise_for_status().json()["dag_run_id"]
    assert pipeline.wait_for_run(dag_id, run_id) == "success"
    (execution,) = pipeline.executions(dag_id)
    assert execution["window_start"] == datetime(2026, 5, 3, 22, tzinfo=UTC)
    assert execution["window_end"] == datetime(2026, 5, 10, 22, tzinfo=UTC)


def at_amc(pipeline: Pipeline) -> int:
    answer = pipeline.api.get(f"{pipeline.stack.settings.emulator_url}/_emulator/executions")
    return len(answer.json()["executions"])


def test_sql_that_amc_refuses_fails_its_run_without_a_retry(pipeline: Pipeline) -> None:
    workflow = pipeline.rows.workflow(
        instance=pipeline.instance, sql_query="SELECT nonsense FROM dsp_impressions"
    )
    schedule = pipeline.rows.schedule(workflow=workflow, created_at=YESTERDAY)
    dag_id = f"amc_schedule_{schedule['id']}"
    (run,) = pipeline.wait_for_runs(dag_id, 1)
    assert run["state"] == "failed"
    states = pipeline.task_states(dag_id, run["dag_run_id"])
    assert (states["submit"], states["load"], states["record"]) == (
        "failed",
        "upstream_failed",
        "success",
    )
    (execution,) = pipeline.executions(dag_id)
    assert (execution["status"], execution["error_type"]) == ("FAILED", "REQUEST_REJECTED")
    assert "nonsense" in execution["error_message"]
    after = pipeline.rows.get("workflow_schedules", schedule)
    assert (after["total_runs"], after["failed_runs"], after["last_run_status"]) == (1, 1, "FAILED")


def test_a_row_that_cannot_run_shows_as_an_invalid_dag_beside_all_others(
    pipeline: Pipeline,
) -> None:
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    schedule = pipeline.rows.schedule(workflow=workflow, parameters={"typo": 1})
    dag_id = f"amc_schedule_{schedule['id']}"
    pipeline.until(lambda: pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success, dag_id)
    tags = [tag["name"] for tag in pipeline.get(f"/dags/{dag_id}")["tags"]]
    assert "invalid" in tags
    assert pipeline.get("/importErrors")["total_entries"] == 0
    rows = pipeline.database.query(
        "SELECT (SELECT count(*) FROM workflow_schedules)"
        " + (SELECT count(*) FROM report_data_collections) AS n"
    )
    prefixed = pipeline.get("/dags", dag_id_pattern="amc_", limit=100)
    assert prefixed["total_entries"] == rows[0]["n"]


def test_no_execution_was_submitted_twice_and_nothing_was_left_open(pipeline: Pipeline) -> None:
    rows = pipeline.database.query(
        "SELECT amc_execution_id, status FROM workflow_executions"
        " WHERE amc_execution_id IS NOT NULL"
    )
    ours = {row["amc_execution_id"] for row in rows}
    answer = pipeline.api.get(f"{pipeline.stack.settings.emulator_url}/_emulator/executions")
    theirs = [one["workflowExecutionId"] for one in answer.json()["executions"]]
    assert sorted(theirs) == sorted(ours)
    assert not {row["status"] for row in rows} & {"PENDING", "RUNNING"}
