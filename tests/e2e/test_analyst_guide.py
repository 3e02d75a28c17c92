"""An analyst runs the statements of the guide, and each has its effect outside the database."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg2.extensions import connection as Connection

from faults.crash_points import EmulatorControl
from fixtures.analyst_guide import tasks
from fixtures.postgres import Row
from fixtures.running_stack import (
    TIMEOUT_SECONDS,
    Pipeline,
    add_instance,
    analyst_login,
    fetch_rows,
)

pytestmark = pytest.mark.stack
log = logging.getLogger(__name__)

QUICK = {"mode": "per_second", "pending_seconds": 0, "running_seconds": 1}
AN_HOUR = QUICK | {"running_seconds": 3600}
BERLIN = ZoneInfo("Europe/Berlin")
# The answer of the statement is the effect: it reads, or sets an option for a later event
AT_ONCE = (
    "See your instances",
    "Copy a template",
    "See what AMC says about a query",
    "Preview the windows",
    "Read each window again",
    "See how figures changed",
    "See what privacy hides",
    "Hear of late results",
    "Send events to a webhook",
)


class Reader:
    """A person who reads the guide and runs its statements."""

    def __init__(self, pipeline: Pipeline, connection: Connection) -> None:
        self.pipeline = pipeline
        self.seconds: dict[str, float] = {}
        self._connection = connection

    def query(self, statement: str, values: Any = None) -> list[Row]:
        return fetch_rows(self._connection, statement, values)

    def do(self, title: str, effect: Callable[[], Any] | None = None) -> Any:
        """Run the statement of a task, and return its effect when that shows.

        :param effect: None where the statement's own answer is it.
        """
        begun = time.monotonic()
        found: Any = self.query(tasks()[title])
        while effect and not (found := effect()):
            assert time.monotonic() - begun < TIMEOUT_SECONDS, title
            time.sleep(0.1)
        self.seconds[title] = time.monotonic() - begun
        return found

    def dag(self, dag_id: str) -> dict[str, Any]:
        """Return what Airflow shows of a DAG; nothing where it has none."""
        answer = self.pipeline.api.get(f"/api/v2/dags/{dag_id}/details")
        return dict(answer.json()) if answer.is_success and not answer.json()["is_stale"] else {}

    def run_of_last_request(self) -> dict[str, Any]:
        """Return Airflow's run of the latest request; nothing where it has none yet."""
        (request,) = self.query("SELECT * FROM run_requests ORDER BY created_at DESC LIMIT 1")
        assert request["status"] != "REFUSED", request["reason"]
        path = f"/api/v2/dags/{request['dag_id']}/dagRuns/{request['dag_run_id']}"
        answer = self.pipeline.api.get(path) if request["dag_run_id"] else None
        return dict(answer.json()) if answer is not None and answer.is_success else {}

    def execution(self, run: dict[str, Any], status: str, attempt: int = 1) -> Row:
        """Wait until a run has an attempt with a status."""
        found: list[Row] = self.pipeline.until(
            lambda: self.query(
                "SELECT * FROM workflow_executions WHERE dag_id = %s AND dag_run_id = %s"
                " AND status = %s AND attempt = %s",
                [run["dag_id"], run["dag_run_id"], status, attempt],
            ),
            f"attempt {attempt} of {run['dag_run_id']} to be {status}",
        )
        return found[0]

    def wait_for_run(self, run: dict[str, Any]) -> str:
        return self.pipeline.wait_for_run(run["dag_id"], run["dag_run_id"])


@pytest.fixture(scope="module")
def amc(pipeline: Pipeline) -> Iterator[EmulatorControl]:
    """Let AMC be quick."""
    with closing(EmulatorControl(pipeline.stack.settings.emulator_url)) as control:
        control.ask("PUT", "/progression", **QUICK)
        yield control
        control.ask("DELETE", "/faults")
        control.ask("PUT", "/progression", **QUICK)


@pytest.fixture(scope="module")
def reader(pipeline: Pipeline, amc: EmulatorControl) -> Iterator[Reader]:
    """Sign in a person who owns the guide's instance and nothing else."""
    with analyst_login(pipeline, add_instance(pipeline, "north")) as connection:
        reader = Reader(pipeline, connection)
        reader.do("Write a query")
        yield reader
    shown = {title: round(seconds, 2) for title, seconds in reader.seconds.items()}
    log.info("seconds until the effect: %s", shown)
    log.info("median: %.2f", statistics.median(shown.values()))


@pytest.fixture(scope="module")
def dag_id(reader: Reader) -> str:
    """Insert the guide's schedule and wait for its DAG."""

    def dag() -> dict[str, Any]:
        (row,) = reader.query("SELECT id FROM workflow_schedules")
        return reader.dag(f"amc_schedule_{row['id']}")

    return str(reader.do("Schedule a query", dag)["dag_id"])


def days(execution: Row) -> tuple[date, date]:
    """Return the first day of a window and the day after its last one."""
    start, end = execution["window_start"], execution["window_end"]
    return start.astimezone(BERLIN).date(), end.astimezone(BERLIN).date()


def test_changes_of_a_schedule_show_on_its_dag(reader: Reader, dag_id: str) -> None:
    def summary() -> str:
        return str(reader.dag(dag_id).get("timetable_summary"))

    assert summary() == "0 6 * * MON Europe/Berlin"
    reader.do("Change when it runs", lambda: summary() == "30 7 * * MON Europe/Berlin")
    reader.do("Pause", lambda: "starts no run by itself" in summary())
    reader.do("Resume", lambda: "starts no run by itself" not in summary())


def test_runs_start_end_and_start_again(reader: Reader, dag_id: str, amc: EmulatorControl) -> None:
    reader.do("Correct a query")
    reader.do("Change which days it reads")
    latest = reader.do("Run now", reader.run_of_last_request)
    first = reader.execution(latest, "SUCCESS")
    assert "SUM(spend) / 100000000.0" in first["submitted_sql"]
    assert (days(first)[1] - days(first)[0]).days == 28
    assert reader.wait_for_run(latest) == "success"

    amc.ask("PUT", "/progression", **AN_HOUR)
    run = reader.do("Run other days", reader.run_of_last_request)
    assert run["conf"]["minimum_clicks"] == 20
    running = reader.execution(run, "RUNNING")
    assert days(running) == (date(2026, 5, 4), date(2026, 5, 11))
    states = reader.pipeline.task_states
    reader.pipeline.until(
        lambda: states(dag_id, run["dag_run_id"])["wait"] == "deferred", "wait to be deferred"
    )

    def status() -> str:
        rows = reader.query("SELECT status FROM workflow_executions WHERE id = %s", [running["id"]])
        return str(rows[0]["status"])

    reader.do("Cancel", lambda: status() == "CANCELLED")
    amc.ask("PUT", "/progression", **QUICK)
    reader.wait_for_run(run)
    again = "SELECT id FROM workflow_executions WHERE dag_run_id = %s AND attempt = 2"
    reader.do("Run again", lambda: reader.query(again, [run["dag_run_id"]]))
    reader.execution(run, "SUCCESS", attempt=2)
    assert reader.wait_for_run(run) == "success"


def test_results_are_loaded_again_and_checked(
    reader: Reader, dag_id: str, amc: EmulatorControl
) -> None:
    reader.do("Check each result")
    amc.ask("POST", "/faults", operation="download_urls", fault="forbidden", times=None)
    run = reader.do("Run other days", reader.run_of_last_request)
    failed = reader.execution(run, "FAILED")
    assert failed["id"] in {
        row["id"]
        for row in reader.query("SELECT * FROM workflow_executions WHERE error_type <> ''")
    }
    reader.wait_for_run(run)
    assert reader.do("See why runs failed")[0]["error_type"] == failed["error_type"]
    amc.ask("DELETE", "/faults")

    def loaded() -> list[Row]:
        return reader.query(
            "SELECT * FROM workflow_executions WHERE id = %s AND status = 'SUCCESS'", [failed["id"]]
        )

    (execution,) = reader.do("Load again", loaded)
    (outcome,) = reader.pipeline.until(
        lambda: reader.query(
            "SELECT * FROM result_check_outcomes WHERE execution_id = %s", [failed["id"]]
        ),
        "the outcome of the check",
    )
    assert (outcome["value"], outcome["passed"]) == (execution["result_rows"], False)
    reader.pipeline.until(
        lambda: reader.query("SELECT id FROM notifications WHERE kind = 'RESULT_CHECK_FAILED'"),
        "the event of the check",
    )
    assert reader.do("Read the latest results")


def test_a_backfill_starts_the_runs_of_its_days(reader: Reader, dag_id: str) -> None:
    def windows() -> list[Row]:
        return reader.query(
            "SELECT window_start, window_end FROM workflow_executions"
            " WHERE window_start BETWEEN '2026-02-28' AND '2026-04-01' ORDER BY window_start"
        )

    reader.do("Backfill", windows)
    reader.pipeline.until(lambda: len(windows()) >= 4, "the windows of March")
    found = [row["action"] for row in reader.do("See what became of requests")]
    assert {"RUN", "CANCEL", "RETRY", "LOAD", "BACKFILL"} <= set(found)


def test_other_tasks_are_done_with_their_statement(reader: Reader, dag_id: str) -> None:
    reader.pipeline.rows.insert(
        "query_templates",
        name="Search terms with enough clicks",
        category="search",
        sql_template="SELECT campaign FROM dsp_impressions",
        author_id=reader.pipeline.rows.user()["id"],
        is_public=True,
    )
    for title in AT_ONCE:
        reader.do(title)
    assert reader.query("SELECT name FROM workflows WHERE template_id IS NOT NULL")
    (channel,) = reader.query("SELECT id FROM notification_channels")
    # Nothing is to be sent to the guide's address
    reader.query("SELECT delete_own_row('notification_channels', %s)", [channel["id"]])


@pytest.mark.long  # test_run_requests has the same request without the guide
def test_a_failed_week_of_a_collection_runs_again(reader: Reader, amc: EmulatorControl) -> None:
    def weeks(*statuses: str) -> list[Row]:
        return reader.query(
            "SELECT * FROM report_data_weeks WHERE status = ANY(%s)", [list(statuses)]
        )

    def dag() -> dict[str, Any]:
        (row,) = reader.query("SELECT id FROM report_data_collections")
        return reader.dag(f"amc_collection_{row['id']}")

    amc.ask("POST", "/faults", operation="download_urls", fault="forbidden", times=None)
    reader.do("Collect weeks", dag)
    failed = reader.pipeline.until(lambda: weeks("FAILED"), "a failed week")
    amc.ask("DELETE", "/faults")
    (progress,) = reader.do("See progress")
    assert progress["failed_weeks"] >= 1
    assert progress["failures"]
    runs = f"/dags/amc_collection_{failed[0]['collection_id']}/dagRuns"
    reader.pipeline.until(
        lambda: any(run["state"] == "failed" for run in reader.pipeline.get(runs)["dag_runs"]),
        "a failed run",
    )
    reader.do(
        "Run failed weeks again", lambda: {row["id"] for row in failed} - ids(weeks("FAILED"))
    )
    reader.pipeline.until(
        lambda: failed[0]["id"] in ids(weeks("SUCCESS")), "the week to have its results"
    )


def ids(rows: list[Row]) -> set[Any]:
    return {row["id"] for row in rows}


@pytest.mark.long
def test_the_dag_of_a_deleted_row_disappears(reader: Reader, dag_id: str) -> None:
    reader.query("UPDATE workflow_schedules SET name = 'No longer needed'")
    reader.do("Delete a row", lambda: not reader.dag(dag_id))
    assert reader.query("SELECT id FROM workflow_schedules") == []
