"""Three hundred executions while one call in ten fails and processes are killed all the time.

Runs with ``make soak``, at the emulator's fastest pace. The emulator's call log shows the calls to
AMC. The rows and files show the results.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg2
import pytest

from faults.kill_targets import KillTarget, component_processes, kill_component, kill_task
from faults.result_files import listed_files, wrong_files
from faults.tenants_file import insert_tenant, tenants_toml
from fixtures.postgres import Database, Row, Rows
from fixtures.running_stack import stack_directory
from stack.settings import Settings
from stack.stack import Stack

Say = Callable[[str], None]

pytestmark = [pytest.mark.stack, pytest.mark.long]

INSTANCES = ("amcsoakone", "amcsoaktwo", "amcsoakthree")
COLLECTIONS, WEEKS = 7, 10  # of each instance
DAYS = ("2026-03-20", "2026-04-18")  # backfilled for a schedule of each instance: thirty
RUNS = len(INSTANCES) * (COLLECTIONS * WEEKS + 30)
SLOTS = 10  # of each instance
MAX_SECONDS = 20 * 60
RUNS_BETWEEN_KILLS = 8  # by progress, not by time: a slow machine is not to be killed more often
MIN_FAILED_SHARE = 0.08  # of all calls
SHOW_EVERY_SECONDS = 15

# One call in ten: faults that a client can survive, with the shares of a bad day
FAULTS: list[dict[str, Any]] = [
    {"fault": "throttle", "probability": 0.02, "retry_after": 1},
    {"fault": "throttle", "probability": 0.01},
    {"fault": "server_error", "probability": 0.02, "status": 503},
    {"fault": "server_error", "probability": 0.01, "status": 502, "html": True},
    {"fault": "html_body", "probability": 0.005},
    {"fault": "unauthorized", "probability": 0.005},
    {"fault": "reset_before", "probability": 0.01},
    {"fault": "reset_after", "probability": 0.01},
    {"fault": "timeout_after", "probability": 0.01, "gateway_timeout": True},
    {
        "operation": "create_execution",
        "fault": "fail_execution",
        "probability": 0.03,
        "reason": "Soak",
    },
    {"operation": "download", "fault": "truncated_csv", "probability": 0.02, "short": True},
    {"operation": "download", "fault": "expired_link", "probability": 0.02},
]
# Targets in random order
KILL_TARGETS = [KillTarget.TASK] * 5 + [KillTarget.WORKER] * 2
KILL_TARGETS += [KillTarget.TRIGGERER, KillTarget.SCHEDULER, KillTarget.POSTGRES]

ENDED = """
SELECT
    (SELECT count(*) FROM report_data_weeks WHERE status = 'SUCCESS')
    + (SELECT count(*) FROM schedule_runs WHERE status = 'SUCCESS') AS succeeded,
    (SELECT count(*) FROM report_data_weeks WHERE status = 'FAILED')
    + (SELECT count(*) FROM schedule_runs WHERE status = 'FAILED') AS failed,
    (SELECT count(*) FROM workflow_executions WHERE status IN ('PENDING', 'RUNNING')) AS open
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Provide a stack whose emulator knows three instances."""
    with stack_directory() as data:
        tenants = data / "tenants.toml"
        tenants.write_text(tenants_toml(INSTANCES), encoding="utf-8")
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AMC_EMULATOR_TENANTS": str(tenants),
            "RECOMAMP_POLL_SECONDS": "2",
            "RECOMAMP_DRY_RUNS": "off",  # they would be executions of AMC too
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "45",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        }
        settings = Settings.load(data=data, environ=environ, free_ports=True, disposable=True)
        with Stack(settings).running() as running:
            yield running


@dataclass
class Soak:
    """The state of the soak run."""

    stack: Stack
    database: Database
    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311
    deaths: Counter[KillTarget] = field(default_factory=Counter)
    next_deaths: list[KillTarget] = field(default_factory=list)

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Call the emulator's control plane."""
        url = f"{self.stack.settings.emulator_url}/_emulator{path}"
        answer = httpx.request(method, url, json=body or None, trust_env=False, timeout=60)
        return dict(answer.raise_for_status().json())

    def insert_definitions(self) -> None:
        """Insert the rows that make three hundred runs."""
        rows = Rows(self.database)
        key = self.stack.settings.credentials["RECOMAMP_FERNET_KEY"].split(",")[0]
        schedules = []
        for name in INSTANCES:
            instance = insert_tenant(rows, name, key)
            for number in range(COLLECTIONS):
                rows.collection(
                    workflow=_workflow(rows, instance, f"collection_{number}"),
                    start_date="2026-01-05",
                    end_date="2026-03-15",
                )
            workflow = _workflow(rows, instance, "schedule")
            schedules.append(rows.schedule(workflow=workflow, is_active=False))
        for schedule in schedules:
            self._backfill(f"amc_schedule_{schedule['id']}")

    def _backfill(self, dag_id: str) -> None:
        with closing(self.stack.api()) as api:
            while not api.get(f"/api/v2/dags/{dag_id}").is_success:
                time.sleep(1)
        arguments = ["--dag-id", dag_id, "--from-date", DAYS[0], "--to-date", DAYS[1]]
        self.stack.commands.airflow("backfill", "create", *arguments)

    def kill(self) -> None:
        """Kill the next target. A task's turn waits until one runs."""
        if not self.next_deaths:
            self.next_deaths = self.chance.sample(KILL_TARGETS, len(KILL_TARGETS))
        target = self.next_deaths[-1]
        if not target.is_of_one_run:
            kill_component(self.stack, target)
        elif tasks := self._tasks():
            kill_task(self.chance.choice(tasks), target)
        else:
            return
        self.deaths[self.next_deaths.pop()] += 1

    def _tasks(self) -> list[int]:
        """Return the processes of the running tasks."""
        try:
            workers = [
                one
                for top in component_processes(self.stack, "scheduler")
                for one in top.children()
            ]
            return [task.pid for worker in workers for task in worker.children()]
        except psutil.NoSuchProcess:
            return []

    def states(self) -> Row | None:
        """Return the number of ended rows, None while the database recovers."""
        with suppress(psycopg2.OperationalError):
            return self.database.query(ENDED)[0]
        return None


def _workflow(rows: Rows, instance: Row, name: str) -> Row:
    return rows.workflow(
        instance=instance,
        name=name,
        sql_query=f"SELECT campaign, SUM(impressions) AS {name}_{instance['instance_id']}"
        " FROM dsp_impressions GROUP BY campaign",
    )


def test_nothing_is_repeated_lost_or_stuck(stack: Stack, print_line: Say) -> None:
    soak = Soak(stack, Database(uri=stack.settings.owner_uri))
    soak.ask("PUT", "/settings", result_parts=2)
    soak.insert_definitions()
    for fault in FAULTS:
        soak.ask("POST", "/faults", **{"times": None, **fault})
    seconds = _run_to_the_end(soak, print_line)
    wrong = _judge(soak)
    calls = soak.ask("GET", "/calls")["calls"]
    failed_share = sum(one["fault"] is not None for one in calls) / len(calls)
    killed = ", ".join(f"{count} {target.value}" for target, count in soak.deaths.items())
    print_line(
        f"{RUNS} runs in {seconds:.0f} s; of {len(calls)} calls {failed_share:.1%} failed; "
        f"killed: {killed}; {len(wrong)} wrong\n"
    )
    assert wrong == []
    assert set(soak.deaths) == set(KILL_TARGETS)
    assert failed_share > MIN_FAILED_SHARE


def _run_to_the_end(soak: Soak, print_line: Say) -> float:
    began = next_line = time.monotonic()
    while (now := time.monotonic()) - began < MAX_SECONDS:
        if state := soak.states():
            if now >= next_line:
                print_line(
                    f"{now - began:5.0f} s  {state['succeeded']:3} of {RUNS} runs succeeded, "
                    f"{state['open']:2} executions open, {soak.deaths.total()} kills"
                )
                next_line = now + SHOW_EVERY_SECONDS
            ended = state["succeeded"] + state["failed"]
            if ended >= RUNS and not state["open"]:
                return now - began
            if ended >= RUNS_BETWEEN_KILLS * soak.deaths.total():
                soak.kill()
        time.sleep(1)
    pytest.fail(f"stuck: {soak.states()} after {MAX_SECONDS} s")


def _judge(soak: Soak) -> list[str]:
    rows = soak.database.query("SELECT * FROM workflow_executions ORDER BY created_at")
    at_amc = soak.ask("GET", "/executions")["executions"]
    return [
        *_wrong_at_amc(at_amc),
        *_wrong_rows(rows, at_amc),
        *_wrong_records(soak.database),
        *_wrong_files(rows, soak.stack.settings.data / "results"),
    ]


def _wrong_at_amc(at_amc: list[dict[str, Any]]) -> Iterator[str]:
    """Judge by the emulator's log: every window once, never more than the limit at a time."""
    windows = defaultdict(list)
    moments: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for one in at_amc:
        request = one["request"]
        window = (request["workflow"]["sqlQuery"], request["timeWindowStart"])
        windows[window].append(one["internalStatus"])
        changes = [datetime.fromisoformat(change["at"]) for change in one["history"]]
        moments[one["instanceId"]] += [(changes[0], 1), (changes[-1], -1)]
    if len(windows) != RUNS:
        yield f"{len(windows)} windows were asked of AMC, not {RUNS}"
    for window, statuses in windows.items():
        if statuses.count("SUCCEEDED") != 1 or set(statuses) - {"SUCCEEDED", "FAILED"}:
            yield f"{window} was run as {statuses}"
    for instance_id, changes_there in moments.items():
        running = most = 0
        for _, change in sorted(changes_there):
            running += change
            most = max(most, running)
        if most > SLOTS:
            yield f"{most} executions at a time in {instance_id}"


def _wrong_rows(rows: list[Row], at_amc: list[dict[str, Any]]) -> Iterator[str]:
    """Judge by the rows: every run has one success, every execution at AMC one row."""
    runs = defaultdict(list)
    for row in rows:
        runs[row["dag_id"], row["dag_run_id"]].append(row["status"])
    if len(runs) != RUNS:
        yield f"{len(runs)} runs have rows, not {RUNS}"
    for run, statuses in runs.items():
        if statuses.count("SUCCESS") != 1 or set(statuses) - {"SUCCESS", "FAILED"}:
            yield f"{run} ended as {statuses}"
    theirs = {one["workflowExecutionId"] for one in at_amc}
    ours = {row["amc_execution_id"] for row in rows}
    if theirs != ours:
        yield f"at AMC only: {theirs - ours}; in rows only: {ours - theirs}"


def _wrong_records(database: Database) -> Iterator[str]:
    """Yield errors in the rows that the application reads: weeks, collections, runs, counters."""
    records = database.query(
        """
        SELECT
            (SELECT count(*) FROM report_data_weeks WHERE status = 'SUCCESS') AS weeks,
            (SELECT count(*) FROM report_data_collections
             WHERE status = 'COMPLETED' AND progress_percentage = 100) AS collections,
            (SELECT count(*) FROM schedule_runs WHERE status = 'SUCCESS') AS runs,
            (SELECT sum(total_runs) FROM workflow_schedules) AS counted,
            (SELECT sum(successful_runs) FROM workflow_schedules) AS successful
        """
    )[0]
    weeks = len(INSTANCES) * COLLECTIONS * WEEKS
    runs = RUNS - weeks
    right = [weeks, len(INSTANCES) * COLLECTIONS, runs, runs, runs]
    if list(records.values()) != right:
        yield f"the records are {records}, not {right}"


def _wrong_files(rows: list[Row], results: Path) -> Iterator[str]:
    """Judge by the files: those that the rows list, byte for byte, and no others."""
    listed = listed_files(rows)
    if len(listed) != 2 * RUNS:  # each result has two parts
        yield f"{len(listed)} files are listed, not {2 * RUNS}"
    yield from wrong_files(listed, results)
