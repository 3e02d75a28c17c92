"""Backfills beside sixty executions that AMC works on for hours.

Runs with ``make soak``. In each loop Airflow's scheduler looks at a limited number of running DAG
runs, at those of backfills last. Runs that wait at AMC must not use that number up.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from faults.tenants_file import insert_tenant, tenants_toml
from fixtures.postgres import Database, Rows
from fixtures.running_stack import stack_directory
from stack.settings import Settings
from stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long]

# A collection has six runs under way at most
SLOW_INSTANCES = [f"amcslow{number}" for number in range(10)]
WEEKS_AT_ONCE = 6
WAITING = len(SLOW_INSTANCES) * WEEKS_AT_ONCE
IDLE_INSTANCE = "amcidle"
BACKFILLS = 5
DAYS = ("2026-03-20", "2026-03-22")  # of each backfill: three
BACKFILL_RUNS = BACKFILLS * 3
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 900


@dataclass
class Waits:
    """The running stack, its rows and its Amazon."""

    stack: Stack
    database: Database
    api: httpx.Client

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Call the emulator's control plane."""
        url = f"{self.stack.settings.emulator_url}/_emulator{path}"
        answer = httpx.request(method, url, json=body or None, trust_env=False, timeout=60)
        return dict(answer.raise_for_status().json())

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask Airflow's REST API."""
        return dict(self.api.get(f"/api/v2{path}", params=query).raise_for_status().json())

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Check once a second until a condition holds, and return its value."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(1)
        pytest.fail(f"not within {TIMEOUT_SECONDS} s: {what}")

    def statuses(self) -> Counter[str]:
        """Count the executions by status."""
        rows = self.database.query("SELECT status FROM workflow_executions")
        return Counter(row["status"] for row in rows)

    def backfill(self, dag_id: str) -> None:
        """Create a backfill by the command line, as soon as the DAG is there."""
        self.until(lambda: self.api.get(f"/api/v2/dags/{dag_id}").is_success, dag_id)
        arguments = ["--dag-id", dag_id, "--from-date", DAYS[0], "--to-date", DAYS[1]]
        self.stack.commands.airflow("backfill", "create", *arguments)

    def waits_for_first_step(self, dag_id: str) -> list[float]:
        """Return for each run how many seconds passed between its creation and its first step.

        Empty until each run has begun.
        """
        waits = []
        for run in self.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]:
            steps = self.get(f"/dags/{dag_id}/dagRuns/{run['dag_run_id']}/taskInstances")
            began = [step["start_date"] for step in steps["task_instances"] if step["start_date"]]
            if not began:
                return []
            created = datetime.fromisoformat(run["queued_at"])
            waits.append((datetime.fromisoformat(min(began)) - created).total_seconds())
        return waits


@pytest.fixture(scope="module")
def waits() -> Iterator[Waits]:
    """Provide a stack whose emulator knows eleven instances."""
    with stack_directory() as data:
        tenants = data / "tenants.toml"
        tenants.write_text(tenants_toml([*SLOW_INSTANCES, IDLE_INSTANCE]), encoding="utf-8")
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AMC_EMULATOR_TENANTS": str(tenants),
            "RECOMAMP_DRY_RUNS": "off",  # they would be executions of AMC too
        }
        settings = Settings.load(data=data, environ=environ, free_ports=True, disposable=True)
        with Stack(settings).running() as stack, closing(stack.api()) as api:
            database = Database(uri=stack.settings.owner_uri)
            yield Waits(stack, database, api)
            database.close()


def test_backfills_start_beside_long_waiting_runs(
    waits: Waits, print_line: Callable[[str], None]
) -> None:
    waits.ask("PUT", "/progression", mode="per_second", pending_seconds=1, running_seconds=86_400)
    dag_ids = _insert_rows(waits)
    waits.until(lambda: waits.statuses()["RUNNING"] == WAITING, f"{WAITING} executions at AMC")

    longest = []
    for dag_id in dag_ids:
        waits.backfill(dag_id)
        begun = waits.until(
            lambda dag_id=dag_id: waits.waits_for_first_step(dag_id), f"first steps of {dag_id}"
        )
        longest.append(max(begun))
    assert waits.statuses()["RUNNING"] >= WAITING  # beside them, not after them
    print_line(
        f"{WAITING} executions waiting: a backfill waited for its first step at most "
        f"{', '.join(f'{seconds:.1f}' for seconds in longest)} s "
        f"(median {statistics.median(longest):.1f} s)"
    )
    assert max(longest) < LONGEST_WAIT_SECONDS

    waits.ask("PUT", "/progression", mode="at_once")
    expected = Counter(SUCCESS=WAITING + BACKFILL_RUNS)
    waits.until(lambda: waits.statuses() == expected, f"{expected}, not {waits.statuses()}")
    windows = Counter(
        (one["request"]["workflow"]["sqlQuery"], one["request"]["timeWindowStart"])
        for one in waits.ask("GET", "/executions")["executions"]
    )
    assert len(windows) == windows.total() == WAITING + BACKFILL_RUNS


def _insert_rows(waits: Waits) -> list[str]:
    """Insert a collection for each slow instance, and return the idle one's DAG ids."""
    rows = Rows(waits.database)
    key = waits.stack.settings.credentials["RECOMAMP_FERNET_KEY"].split(",")[0]
    for name in SLOW_INSTANCES:
        rows.collection(
            workflow=rows.workflow(instance=insert_tenant(rows, name, key), sql_query=_query(name)),
            start_date="2026-01-05",
            end_date="2026-02-15",
        )
    idle = insert_tenant(rows, IDLE_INSTANCE, key)
    schedules = [
        rows.schedule(
            workflow=rows.workflow(instance=idle, sql_query=_query(f"idle_{number}")),
            is_active=False,
        )
        for number in range(BACKFILLS)
    ]
    return [f"amc_schedule_{schedule['id']}" for schedule in schedules]


def _query(name: str) -> str:
    return f"SELECT campaign, SUM(impressions) AS {name} FROM dsp_impressions GROUP BY campaign"
