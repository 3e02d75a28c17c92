"""An analyst inserts requests into a running stack, and their effects appear in the rows."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg2.extensions import connection as Connection

from faults.crash_points import EmulatorControl
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline, analyst_login, fetch_rows

pytestmark = pytest.mark.stack
log = logging.getLogger(__name__)

QUICK = {"mode": "per_second", "pending_seconds": 0, "running_seconds": 1}
AN_HOUR = QUICK | {"running_seconds": 3600}
A_WEEK_AGO = datetime.now(UTC).date() - timedelta(days=10)
MOST_SECONDS = 10.0


class Analyst:
    """A person with an SQL login, who owns a schedule that starts no run by itself."""

    def __init__(self, pipeline: Pipeline, connection: Connection) -> None:
        self.pipeline = pipeline
        self._connection = connection
        self.workflow = pipeline.rows.workflow(
            instance=pipeline.instance,
            sql_query=f"SELECT campaign, SUM(impressions) AS asked_{uuid4().hex[:12]}"
            " FROM dsp_impressions GROUP BY campaign",
        )
        self.schedule = pipeline.rows.schedule(workflow=self.workflow, is_active=False)

    def query(self, statement: str, values: Any = None) -> list[Row]:
        return fetch_rows(self._connection, statement, values)

    def ask(self, action: str, **columns: Any) -> str:
        """Insert a request and return its id."""
        names, marks = ", ".join(columns), ", ".join(f"%({name})s" for name in columns)
        (row,) = self.query(
            f"INSERT INTO run_requests (action, {names}) VALUES (%(action)s, {marks}) RETURNING id",
            {"action": action, **columns},
        )
        return str(row["id"])

    def read(self, request: str) -> Row:
        return self.query("SELECT * FROM run_requests WHERE id = %s", [request])[0]

    def done(self, action: str, **columns: Any) -> Row:
        """Insert a request and wait until it has ended."""
        request = self.ask(action, **columns)
        row = self.pipeline.until(lambda: _ended(self.read(request)), f"{action} to be done")
        assert row["status"] == "DONE", row
        return dict(row)

    def execution(self, request: Row, status: str, attempt: int = 1) -> Row:
        """Wait until the request's run has an attempt with a status."""
        found = self.pipeline.until(
            lambda: self.query(
                "SELECT execution.* FROM run_requests AS request"
                " JOIN workflow_executions AS execution ON execution.dag_id = request.dag_id"
                " AND execution.dag_run_id = request.dag_run_id"
                " WHERE request.id = %s AND execution.status = %s AND execution.attempt = %s",
                [request["id"], status, attempt],
            ),
            f"attempt {attempt} of {request['dag_run_id']} to be {status}",
        )
        return dict(found[0])

    def wait_for_run(self, request: Row) -> str:
        return self.pipeline.wait_for_run(request["dag_id"], request["dag_run_id"])


def _ended(row: Row) -> Row | None:
    return row if row["status"] in ("DONE", "REFUSED") else None


@pytest.fixture(scope="module")
def analyst(pipeline: Pipeline) -> Iterator[Analyst]:
    """Sign in the owner of the instance."""
    with analyst_login(pipeline, pipeline.instance) as connection:
        yield Analyst(pipeline, connection)


@pytest.fixture
def amc(pipeline: Pipeline) -> Iterator[EmulatorControl]:
    """Let AMC be quick."""
    with closing(EmulatorControl(pipeline.stack.settings.emulator_url)) as control:
        control.ask("PUT", "/progression", **QUICK)
        yield control
        control.ask("DELETE", "/faults")
        control.ask("PUT", "/progression", **QUICK)


def test_run_load_and_retry(analyst: Analyst, amc: EmulatorControl) -> None:
    """The schedule is new: the first request waits for its DAG."""
    days = {"from_date": A_WEEK_AGO, "to_date": A_WEEK_AGO + timedelta(days=1)}
    run = analyst.done("RUN", schedule_id=analyst.schedule["id"], **days)
    first = analyst.execution(run, "SUCCESS")
    assert first["window_start"].date() == A_WEEK_AGO
    assert first["window_end"] - first["window_start"] == timedelta(days=2)
    assert analyst.wait_for_run(run) == "success"

    load = analyst.done("LOAD", execution_id=first["id"])
    assert load["dag_run_id"] == run["dag_run_id"]
    analyst.pipeline.until(
        lambda: analyst.execution(run, "SUCCESS")["results_loaded_at"] > first["results_loaded_at"],
        "the results to be loaded again",
    )
    assert analyst.wait_for_run(run) == "success"
    assert len(analyst.pipeline.executions(run["dag_id"])) == 1

    retry = analyst.done("RETRY", execution_id=first["id"])
    path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances/record"
    assert str(retry["id"]) in analyst.pipeline.get(path)["note"]
    second = analyst.execution(run, "SUCCESS", attempt=2)
    assert second["amc_execution_id"] != first["amc_execution_id"]
    assert second["window_start"] == first["window_start"]
    assert analyst.wait_for_run(run) == "success"


def test_cancel_reaches_amc_and_a_retry_runs_again(analyst: Analyst, amc: EmulatorControl) -> None:
    amc.ask("PUT", "/progression", **AN_HOUR)
    run = analyst.done("RUN", schedule_id=analyst.schedule["id"])
    running = analyst.execution(run, "RUNNING")
    analyst.pipeline.until(
        lambda: (
            analyst.pipeline.task_states(run["dag_id"], run["dag_run_id"])["wait"] == "deferred"
        ),
        "wait to be deferred",
    )
    analyst.done("CANCEL", execution_id=running["id"])
    cancelled = analyst.execution(run, "CANCELLED")
    assert cancelled["error_type"] == "KILLED"
    amc.ask("PUT", "/progression", **QUICK)
    analyst.wait_for_run(run)
    analyst.done("RETRY", execution_id=running["id"])
    analyst.execution(run, "SUCCESS", attempt=2)
    assert analyst.done("CANCEL", execution_id=running["id"])["reason"]


def test_a_backfill_runs_the_windows_of_its_days(analyst: Analyst, amc: EmulatorControl) -> None:
    days = {"from_date": A_WEEK_AGO - timedelta(days=20), "to_date": A_WEEK_AGO - timedelta(18)}
    backfill = analyst.done("BACKFILL", schedule_id=analyst.schedule["id"], **days)
    assert backfill["backfill_id"] > 0

    def windows() -> list[Any]:
        found = analyst.query(
            "SELECT window_start FROM workflow_executions WHERE schedule_id = %s"
            " AND status = 'SUCCESS' AND created_at >= %s ORDER BY window_start",
            [analyst.schedule["id"], backfill["accepted_at"]],
        )
        return [row["window_start"].date() for row in found] if len(found) >= 3 else []

    first = days["from_date"]
    expected = [first + timedelta(days=number) for number in range(3)]
    assert analyst.pipeline.until(windows, "three windows") == expected


def test_the_failed_weeks_of_a_collection_run_again(analyst: Analyst, amc: EmulatorControl) -> None:
    amc.ask("POST", "/faults", operation="download_urls", fault="forbidden", times=None)
    collection = analyst.pipeline.rows.collection(
        workflow=analyst.workflow, start_date="2026-01-01", end_date="2026-01-10"
    )

    def statuses() -> set[str]:
        return {row["status"] for row in analyst.pipeline.rows.weeks(collection)}

    analyst.pipeline.until(lambda: statuses() == {"FAILED"}, lambda: f"failed weeks: {statuses()}")
    dag_id = f"amc_collection_{collection['id']}"
    analyst.pipeline.wait_for_runs(dag_id, 2)
    amc.ask("DELETE", "/faults")
    analyst.done("RETRY", collection_id=collection["id"])
    analyst.pipeline.until(lambda: statuses() == {"SUCCESS"}, lambda: f"weeks: {statuses()}")


def test_an_effect_comes_within_seconds(analyst: Analyst, amc: EmulatorControl) -> None:
    """From the insertion until Airflow has the run."""
    pipeline, seconds = analyst.pipeline, []
    for number in range(7):
        day = A_WEEK_AGO - timedelta(days=40 + number)
        begun = time.monotonic()
        request = analyst.ask("RUN", schedule_id=analyst.schedule["id"], from_date=day, to_date=day)
        path = f"/api/v2/dags/amc_schedule_{analyst.schedule['id']}/dagRuns/request__{request}"
        while not pipeline.api.get(path).is_success:
            assert time.monotonic() - begun < 60
            time.sleep(0.05)
        seconds.append(time.monotonic() - begun)
    log.info("seconds from insertion to run: %s", [round(one, 2) for one in seconds])
    assert statistics.median(seconds) < MOST_SECONDS
