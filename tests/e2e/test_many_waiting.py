"""Runs that wait for long keep no other run from starting."""

from __future__ import annotations

import httpx
import pytest

from fixtures.running_stack import Pipeline, add_instance

pytestmark = [pytest.mark.stack, pytest.mark.long]

AIRFLOWS_DEFAULT = 20  # running DAG runs that its scheduler looks at in one loop
COLLECTIONS = 4  # of six weeks each, which are all under way at once
DAYS = ("2026-03-28", "2026-03-29")


def pace(pipeline: Pipeline, seconds: int) -> None:
    httpx.put(
        f"{pipeline.stack.settings.emulator_url}/_emulator/progression",
        json={"mode": "per_second", "pending_seconds": 0, "running_seconds": seconds},
        trust_env=False,
    ).raise_for_status()


def test_a_backfill_starts_beside_more_waiting_runs_than_airflow_looks_at_by_default(
    pipeline: Pipeline,
) -> None:
    pace(pipeline, 3600)
    try:
        waiting = []
        for _ in range(COLLECTIONS):
            collection = pipeline.rows.collection(
                workflow=pipeline.rows.workflow(instance=pipeline.instance),
                start_date="2026-01-05",
                end_date="2026-02-15",
            )
            waiting.append(f"amc_collection_{collection['id']}")
        idle = add_instance(pipeline, "europe")
        schedule = pipeline.rows.schedule(
            workflow=pipeline.rows.workflow(instance=idle), is_active=False
        )
        pipeline.until(lambda: _running(pipeline, waiting) > AIRFLOWS_DEFAULT, "runs to wait")

        backfilled = f"amc_schedule_{schedule['id']}"
        arguments = ["--dag-id", backfilled, "--from-date", DAYS[0], "--to-date", DAYS[1]]
        pipeline.stack.commands.airflow("backfill", "create", *arguments)
        pipeline.until(
            lambda: [row["status"] for row in pipeline.executions(backfilled)] == ["RUNNING"] * 2,
            "the backfill's executions to be at AMC",
        )
        assert _running(pipeline, waiting) > AIRFLOWS_DEFAULT  # beside them, not after them
    finally:
        pace(pipeline, 1)
    for dag_id in (*waiting, backfilled):
        runs = pipeline.wait_for_runs(dag_id, 2 if dag_id == backfilled else 6)
        assert {run["state"] for run in runs} == {"success"}


def _running(pipeline: Pipeline, dag_ids: list[str]) -> int:
    """Count the runs that wait: for a slot in `submit`, or for AMC in `wait`."""
    rows = pipeline.database.query(
        "SELECT count(*) AS open FROM workflow_executions"
        " WHERE dag_id = ANY (%s) AND status IN ('PENDING', 'RUNNING')",
        [dag_ids],
    )
    return int(rows[0]["open"])
