"""A whole Airflow for one benchmark, with one signed-in user who owns one schedule."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import psycopg2
from cryptography.fernet import Fernet

from bench.databases import ROOT
from stack.processes import process_tree, read_pid
from stack.settings import Settings
from stack.stack import Stack

NOOP_DAG = "bench_noop"
PARALLEL_TASKS = 4
TIMEOUT_SECONDS = 1800.0

_ENDED = ("success", "failed")

_ROWS = """
    INSERT INTO users (email, full_name, encrypted_refresh_token)
    VALUES ('ann@example.com', 'Ann', %(token)s);
    INSERT INTO amc_accounts (account_id, account_name, country_code)
    VALUES ('ENTITYDEMONORTH', 'Demo North', 'US');
    -- Slots do not matter here: without limits nothing waits for one
    INSERT INTO amc_instances
        (instance_id, name, region, user_id, account_id, max_concurrent_executions, instance_type)
    SELECT 'amcdemonorth', 'Demo North', 'us-east-1', users.id, amc_accounts.id, 100, 'STANDARD'
    FROM users, amc_accounts;
    UPDATE amc_accounts SET max_concurrent_executions = 100;
    INSERT INTO workflows (name, sql_query, parameters, user_id, instance_id)
    SELECT
        'Impressions',
        'SELECT campaign, SUM(impressions) AS impressions FROM dsp_impressions'
        ' WHERE impressions >= {{minimum}} GROUP BY campaign',
        '{"minimum": 1}', user_id, id
    FROM amc_instances;
    INSERT INTO workflow_schedules
        (name, cron_expression, timezone, is_active, workflow_id, user_id)
    SELECT 'By hand', '0 6 * * *', 'UTC', FALSE, id, user_id FROM workflows
    RETURNING id;
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class AirflowStack:
    """The running stack. Runs are started and observed through Airflow's REST API."""

    stack: Stack
    api: httpx.Client
    schedule_id: UUID

    @property
    def dag_id(self) -> str:
        """The schedule's DAG."""
        return f"amc_schedule_{self.schedule_id}"

    def has_dag(self, dag_id: str) -> bool:
        """Return whether Airflow knows a DAG."""
        return self.api.get(f"/api/v2/dags/{dag_id}").is_success

    def set_progression(self, **progression: Any) -> None:
        """Set the pace of the emulated AMC."""
        url = f"{self.stack.settings.emulator_url}/_emulator/progression"
        self.api.put(url, json=progression).raise_for_status()

    def trigger(self, dag_id: str, runs: int) -> None:
        """Start this number of runs."""
        for _ in range(runs):
            self.api.post(
                f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None}
            ).raise_for_status()

    def wait_until_all_end(self, dag_id: str) -> None:
        """Wait until all runs of a DAG have ended.

        :raises AssertionError: one has failed.
        """

        def ended() -> bool:
            states = self.states(dag_id)
            assert "failed" not in states, f"a run of {dag_id} failed"
            return all(state in _ENDED for state in states)

        wait_until(ended, f"the end of all runs of {dag_id}")

    def pause_system_dags(self) -> None:
        """Pause all system DAGs and wait for their runs: their CPU time is not to be measured."""
        all_dags = len(list((ROOT / "dags").glob("recomamp_*.py")))
        pattern = {"dag_id_pattern": "recomamp_%"}

        def paused() -> bool:
            answer = self.api.patch("/api/v2/dags", params=pattern, json={"is_paused": True})
            return bool(answer.raise_for_status().json()["total_entries"] == all_dags)

        wait_until(paused, "Airflow to know all system DAGs")
        wait_until(lambda: not self._runs_of_system_dags(), "the end of runs of system DAGs")

    def _runs_of_system_dags(self) -> int:
        found = self.api.get(
            "/api/v2/dags/~/dagRuns",
            params={"dag_id_pattern": "recomamp_%", "state": ["queued", "running"]},
        )
        return int(found.raise_for_status().json()["total_entries"])

    def states(self, dag_id: str) -> list[str]:
        """Return the states of a DAG's runs."""
        found = self.api.get(
            f"/api/v2/dags/{dag_id}/dagRuns", params={"limit": 100, "order_by": "-id"}
        )
        return [run["state"] for run in found.raise_for_status().json()["dag_runs"]]

    def task_states(self, dag_id: str, task_id: str) -> list[str]:
        """Return the states of one task in all runs of a DAG."""
        found = self.api.get(
            f"/api/v2/dags/{dag_id}/dagRuns/~/taskInstances",
            params={"limit": 100, "task_id": task_id, "order_by": "-id"},
        )
        tasks = found.raise_for_status().json()["task_instances"]
        return [task["state"] for task in tasks if task["task_id"] == task_id]

    def count_process_starts(self) -> int:
        """Return how many task processes have reported to the API server that they run."""
        log = self.stack.settings.data / "logs" / "api-server.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return sum("/run query= status_code=200" in line for line in lines)

    def measure_worker_cpu_seconds(self) -> float:
        """Return the CPU time of all task processes, ended ones included."""
        return sum(
            sum(process.cpu_times()[:4])  # its own and that of children which have ended
            for process in self._workers()
        )

    def count_task_processes(self) -> int:
        """Return how many task processes run at this moment."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return sum(len(worker.children(recursive=True)) for worker in self._workers())
        return 1

    def _workers(self) -> Iterator[psutil.Process]:
        for process in processes_of(self.stack, "scheduler"):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "LocalExecutor" in " ".join(process.cmdline()):
                    yield process


@contextlib.contextmanager
def airflow_stack(**environ: str) -> Iterator[AirflowStack]:
    """Run the stack with a schedule that only runs by hand, and an empty DAG of the same shape."""
    bundles = {"dags-folder": ROOT / "dags", "noop": Path(__file__).parent / "noop"}
    with (
        bare_stack(
            RECOMAMP_POLL_SECONDS="1",
            AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=_bundles(bundles),
            **environ,
        ) as stack,
        contextlib.closing(stack.api()) as api,
    ):
        yield AirflowStack(stack=stack, api=api, schedule_id=insert_schedule(stack.settings))


@contextlib.contextmanager
def bare_stack(**environ: str) -> Iterator[Stack]:
    """Run the stack in a temporary directory on free ports, and end it afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="recomamp-bench-"))
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
    settings = Settings.load(
        data=directory,
        environ={
            **inherited,
            "AIRFLOW__CORE__PARALLELISM": str(PARALLEL_TASKS),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
            **environ,
        },
        free_ports=True,
        disposable=True,
    )
    try:
        with Stack(settings).running() as stack:
            yield stack
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def processes_of(stack: Stack, component: str) -> list[psutil.Process]:
    """Return the processes of a component of the stack."""
    return process_tree(read_pid(stack.settings.data / "run" / f"{component}.pid"))


def _bundles(paths: dict[str, Path]) -> str:
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return json.dumps(
        [
            {"name": name, "classpath": local, "kwargs": {"path": str(path)}}
            for name, path in paths.items()
        ]
    )


def insert_schedule(settings: Settings) -> UUID:
    """Insert the rows of a schedule that only runs by hand and return its id."""
    key = settings.credentials["RECOMAMP_FERNET_KEY"].split(",")[0]
    token = Fernet(key).encrypt(b"Atzr|demo-north").decode()
    connection = psycopg2.connect(settings.owner_uri)
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(_ROWS, {"token": token})
        ((schedule_id,),) = cursor.fetchall()
    return UUID(str(schedule_id))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds.

    :raises TimeoutError: it does not within half an hour.
    """
    end = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.25)
