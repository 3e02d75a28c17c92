"""The cost of a thousand waiting executions for a triggerer, and its delay after their end."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import psycopg2
from cryptography.fernet import Fernet
from psycopg2.extensions import connection as Connection

from bench.airflow_stack import bare_stack, processes_of, wait_until
from bench.deferred_tasks import AirflowDatabase, defer_tasks, insert_executions
from bench.definition_rows import INSTANCES, insert_owners, insert_schedules
from bench.emulated_amazon import ENDLESS_PROGRESSION, REFRESH_TOKEN, EmulatedAmazon, write_tenants
from bench.measurements import BenchSettings, Result, at_most, without_limit
from stack.environment import airflow_environment
from stack.stack import Stack

POLL_SECONDS = 15.0
WINDOW_SECONDS = 15.0  # over which CPU time is measured, several times
SETTLE_SECONDS = 45.0  # a poll or two
MAX_CPU_CORES = 0.25
ENDED_EXECUTIONS = 100
ENDED_WITHIN_SECONDS = 60.0


def run(settings: BenchSettings) -> Iterator[Result]:
    """Measure an idle triggerer, one that waits for a thousand, and the delay of a hundred ends."""
    per_instance = 5 if settings.quick else 50
    with tempfile.TemporaryDirectory() as directory:
        tenants = write_tenants(Path(directory) / "tenants.toml")
        with bare_stack(
            AMC_EMULATOR_TENANTS=str(tenants), RECOMAMP_POLL_SECONDS=str(POLL_SECONDS)
        ) as stack:
            yield from _measure(stack, per_instance, settings.rounds)


def _measure(stack: Stack, per_instance: int, rounds: int) -> Iterator[Result]:
    amazon = EmulatedAmazon(stack.settings.emulator_url)
    amazon.control("PUT", "/progression", ENDLESS_PROGRESSION)
    dags = _insert_rows(stack)
    with (
        contextlib.closing(AirflowDatabase(stack.settings.airflow_uri)) as airflow_database,
        contextlib.closing(stack.api()) as api,
    ):
        for dag_id in dags:
            wait_until(partial(_is_paused, api, dag_id), dag_id)
        idle, idle_bytes = _cpu_shares(stack, rounds), _memory_bytes(stack)
        runs = _defer(stack, amazon, dags, per_instance)
        wait_until(
            lambda: airflow_database.count_assigned_triggers() == len(runs),
            "all triggers are taken",
        )
        time.sleep(SETTLE_SECONDS)
        busy, busy_bytes = _cpu_shares(stack, rounds), _memory_bytes(stack)
        latencies = _latencies(
            amazon, airflow_database, runs, min(ENDED_EXECUTIONS, len(runs) // 2)
        )
    waiting = len(runs)
    yield at_most(
        MAX_CPU_CORES,
        id=8,
        name=f"CPU of a triggerer with {waiting} waiting executions",
        unit="cores",
        samples=busy,
        note=f"over {len(dags)} instances, polled every {POLL_SECONDS:g} s",
    )
    yield without_limit(id=8, name="CPU of an idle triggerer", unit="cores", samples=idle)
    yield without_limit(
        id=8,
        name="memory per waiting execution",
        unit="KiB",
        samples=[(busy_bytes - idle_bytes) / waiting / 1024],
        note="of both processes of a triggerer, their own pages only",
    )
    worst = max(latencies)
    yield Result(
        id=8,
        name="from AMC's end of an execution to the waking of its task, at worst",
        value=worst,
        must_be=f"≤ {POLL_SECONDS + 5:g}",
        unit="s",
        samples=latencies,
        ok=worst <= POLL_SECONDS + 5,
    )


def _insert_rows(stack: Stack) -> list[str]:
    """Insert a schedule on every instance. Return the DAG ids in the order of the instances."""
    key = stack.settings.credentials["RECOMAMP_FERNET_KEY"].split(",")[0]
    token = Fernet(key).encrypt(REFRESH_TOKEN.encode()).decode()
    with _connected(stack.settings.owner_uri) as connection, connection.cursor() as cursor:
        insert_owners(connection)
        insert_schedules(connection, INSTANCES)
        cursor.execute("UPDATE users SET encrypted_refresh_token = %s", [token])
        cursor.execute(
            "UPDATE workflow_schedules SET is_active = FALSE;"
            " SELECT 'amc_schedule_' || schedule.id FROM workflow_schedules AS schedule"
            " JOIN workflows ON workflows.id = schedule.workflow_id"
            " JOIN amc_instances AS instance ON instance.id = workflows.instance_id"
            " ORDER BY SUBSTRING(instance.instance_id FROM '[0-9]+')::INTEGER"
        )
        return [dag_id for (dag_id,) in cursor.fetchall()]


@contextlib.contextmanager
def _connected(uri: str) -> Iterator[Connection]:
    with contextlib.closing(psycopg2.connect(uri)) as connection:
        connection.autocommit = True
        yield connection


def _defer(
    stack: Stack, amazon: EmulatedAmazon, dags: list[str], per_instance: int
) -> dict[str, str]:
    """Insert waiting executions for each DAG. Return their run ids with AMC's ids."""
    runs: dict[str, str] = {}
    deferred: dict[str, list[UUID]] = {}
    with contextlib.closing(psycopg2.connect(stack.settings.owner_uri)) as connection:
        for number, dag_id in enumerate(dags, start=1):
            amc_ids = amazon.submit(number, per_instance)
            ids = deferred[dag_id] = insert_executions(connection, dag_id, amc_ids)
            runs |= {f"manual__{key}": amc_id for key, amc_id in zip(ids, amc_ids, strict=True)}
    quiet = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    os.environ.update(airflow_environment(stack.settings) | quiet)
    defer_tasks(deferred)
    return runs


def _is_paused(api: httpx.Client, dag_id: str) -> bool:
    """Pause a DAG as soon as it exists, so that a resumed task starts no worker."""
    return api.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": True}).is_success


def _triggerer(stack: Stack) -> list[psutil.Process]:
    return processes_of(stack, "triggerer")


def _cpu_shares(stack: Stack, rounds: int) -> list[float]:
    """Return the triggerer's share of a core, several times."""
    shares = []
    for _ in range(rounds):
        before, began = _cpu_seconds(stack), time.monotonic()
        time.sleep(WINDOW_SECONDS)
        shares.append((_cpu_seconds(stack) - before) / (time.monotonic() - began))
    return shares


def _cpu_seconds(stack: Stack) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in _triggerer(stack))


def _memory_bytes(stack: Stack) -> int:
    return sum(process.memory_full_info().uss for process in _triggerer(stack))


def _latencies(
    amazon: EmulatedAmazon, airflow_database: AirflowDatabase, runs: dict[str, str], count: int
) -> list[float]:
    """End some executions at AMC one by one. Return the seconds until each task resumed."""
    chosen = random.Random(8).sample(sorted(runs), count)  # noqa: S311
    ended: dict[str, float] = {}
    woken: dict[str, float] = {}
    began, left = time.monotonic(), list(chosen)
    while len(woken) < count:
        elapsed = time.monotonic() - began
        while left and elapsed >= len(ended) * ENDED_WITHIN_SECONDS / count:
            run_id = left.pop()
            amazon.control(
                "PUT", f"/executions/{runs[run_id]}", {"status": "FAILED", "reason": "for a test"}
            )
            ended[run_id] = time.monotonic()
        for run_id in airflow_database.resumed_run_ids() & ended.keys() - woken.keys():
            woken[run_id] = time.monotonic()
        assert elapsed < 10 * ENDED_WITHIN_SECONDS, f"{count - len(woken)} were never noticed"
        time.sleep(0.2)
    return [woken[run_id] - ended[run_id] for run_id in chosen]
