"""Faults that were seen with docker-compose.yaml: what it does about each of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from compose.probe import answers
from fixtures.composition import ROOT, example_values
from fixtures.emulator import RunningEmulator
from recomamp.domain.airflow_settings import stack_environment
from recomamp.pipeline.generator.factory import TASK_DEFAULTS

ON_A_NETWORK = (
    "postgres", "redis", "init", "api-server", "scheduler", "dag-processor", "triggerer",
    "follower", "worker", "emulator",
)  # fmt: skip
LONGEST_STALL = timedelta(minutes=3)
CELERY = """
import json
from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG as config
print(json.dumps([config["broker_transport_options"], config["database_engine_options"]]))
"""


def seconds(name: str) -> timedelta:
    return timedelta(seconds=int(stack_environment()[f"AIRFLOW__SCHEDULER__{name}"]))


# --- A connection that dies without a word -----------------------------------------------------


@pytest.mark.parametrize("name", ON_A_NETWORK)
def test_a_connection_that_died_silently_is_noticed_in_a_minute(
    services: dict[str, Any], name: str
) -> None:
    kernel = {key: int(value) for key, value in services[name]["sysctls"].items()}
    probing = kernel["net.ipv4.tcp_keepalive_intvl"] * kernel["net.ipv4.tcp_keepalive_probes"]

    assert kernel["net.ipv4.tcp_keepalive_time"] + probing <= 60
    # Keepalive does not watch a connection with unsent data. The kernel doubles 0.2 s each time.
    assert 0.2 * (2 ** (kernel["net.ipv4.tcp_retries2"] + 1) - 1) <= 60


def test_celery_takes_the_options_of_its_connections(services: dict[str, Any]) -> None:
    given, same = (
        {
            key: value
            for key, value in services[name]["environment"].items()
            if key.startswith("AIRFLOW__CELERY") and not key.endswith("_CMD")
        }
        for name in ("scheduler", "worker")
    )
    assert given == same
    given["AIRFLOW__CELERY__BROKER_URL"] = "redis://redis:6379/0"
    done = subprocess.run(
        [sys.executable, "-c", CELERY], env=given, check=True, capture_output=True, text=True
    )
    broker, results = json.loads(done.stdout.splitlines()[-1])

    assert broker["socket_keepalive"] is True
    assert broker["socket_timeout"] <= 30
    assert broker["socket_connect_timeout"] <= 30
    assert results["pool_pre_ping"] is True
    assert results["connect_args"]["tcp_user_timeout"] <= 30_000  # milliseconds


def test_redis_drops_a_worker_that_vanished(services: dict[str, Any]) -> None:
    assert "--tcp-keepalive 30" in services["redis"]["command"][-1]


def test_redis_keeps_its_queue_when_it_is_killed_and_is_not_root(services: dict[str, Any]) -> None:
    assert "--appendonly yes" in services["redis"]["command"][-1]
    assert "redis:/data" in services["redis"]["volumes"]
    assert services["redis"]["user"] == "redis"


# --- Tasks that nobody works at ----------------------------------------------------------------


def test_a_task_whose_message_was_lost_or_whose_worker_died_goes_on_in_three_minutes() -> None:
    lost = seconds("TASK_QUEUED_TIMEOUT") + seconds("TASK_QUEUED_TIMEOUT_CHECK_INTERVAL")
    died = seconds("TASK_INSTANCE_HEARTBEAT_TIMEOUT") + TASK_DEFAULTS["retry_delay"]

    assert lost < LONGEST_STALL
    assert died < LONGEST_STALL


def test_a_day_without_workers_fails_no_task() -> None:
    times = int(stack_environment()["AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES"])

    assert times * seconds("TASK_QUEUED_TIMEOUT") >= timedelta(days=1)


def test_no_task_waits_in_the_broker_behind_others() -> None:
    # A task that waits longer than the time-out is queued again, at the end.
    example = example_values()
    at_once = int(example["AIRFLOW__CELERY__WORKER_CONCURRENCY"])

    assert int(example["AIRFLOW__CORE__PARALLELISM"]) <= at_once


# --- A small machine ---------------------------------------------------------------------------


def test_a_check_that_imports_airflow_is_rare_and_has_time(services: dict[str, Any]) -> None:
    importing = {
        name: service["healthcheck"]
        for name, service in services.items()
        if re.search(r"airflow jobs|celery --app", str(service.get("healthcheck")))
    }

    assert set(importing) == {"dag-processor", "triggerer", "worker"}
    for name, check in importing.items():
        assert check["interval"] == check["timeout"] == "60s", name
        assert check["start_period"] == "180s", name


def test_a_worker_runs_as_many_tasks_as_four_cores_bear() -> None:
    assert 4 <= int(example_values()["AIRFLOW__CELERY__WORKER_CONCURRENCY"]) <= 8


# --- Health without Airflow --------------------------------------------------------------------


def test_the_probe_tells_an_answer_from_silence(emulator: RunningEmulator) -> None:
    assert answers(f"{emulator.url}/_emulator/health")
    assert not answers(f"{emulator.url}/nothing/here")
    assert not answers("http://127.0.0.1:1/health")


def test_the_probe_is_what_the_checks_run(services: dict[str, Any]) -> None:
    probed = {
        name
        for name, service in services.items()
        if "include/compose/probe.py" in service.get("healthcheck", {}).get("test", [])
    }
    silent = subprocess.run(
        [sys.executable, "-S", Path("include/compose/probe.py"), "http://127.0.0.1:1/"],
        cwd=ROOT,
        check=False,
    )

    assert probed == {"api-server", "scheduler", "emulator"}
    assert silent.returncode == 1


def test_a_container_collects_what_its_processes_leave(services: dict[str, Any]) -> None:
    # The images have no init of their own.
    assert all(service["init"] is True for service in services.values())
