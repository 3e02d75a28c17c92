"""Processes that tests kill, always by SIGKILL: none can clean up."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum

import psutil
import psycopg2

from stack.processes import read_pid
from stack.stack import Stack


class KillTarget(Enum):
    """A kind of process to kill."""

    TASK = "task process"
    WORKER = "worker"
    TRIGGERER = "triggerer"
    SCHEDULER = "scheduler"  # with all its workers
    POSTGRES = "Postgres"
    API_SERVER = "api-server"  # by which every task tells Airflow how it is, and how it ended

    @property
    def is_of_one_run(self) -> bool:
        """Whether each run has its own process of this kind."""
        return self in (KillTarget.TASK, KillTarget.WORKER)


def kill_component(stack: Stack, target: KillTarget) -> None:
    """Kill a component that all runs share."""
    if target is KillTarget.POSTGRES:
        crash_postgres(stack.settings.owner_uri)
        return
    processes = component_processes(stack, target.value)
    # As when its machine dies: the scheduler's workers and their tasks die with it
    kill_all([*processes, *(child for one in processes for child in one.children(recursive=True))])


def component_processes(stack: Stack, name: str) -> list[psutil.Process]:
    """Return the process of one of Airflow's components, nothing while it is being restarted."""
    pid = read_pid(stack.settings.data / "run" / f"{name}.pid")
    with suppress(psutil.NoSuchProcess):
        return [] if pid is None else [psutil.Process(pid)]
    return []


def kill_task(pid: int, target: KillTarget) -> None:
    """Kill the process of a task, and the worker that runs it where the worker is the target."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        kill_all([process.parent(), process] if target is KillTarget.WORKER else [process])


def crash_postgres(uri: str) -> None:
    """Kill one server process: Postgres then drops all connections and recovers from its log."""
    connection = psycopg2.connect(uri)
    kill_all([psutil.Process(connection.info.backend_pid)])
    with suppress(psycopg2.Error):
        connection.close()


def kill_all(processes: list[psutil.Process | None]) -> None:
    """Kill processes and wait until they are gone."""
    alive = [process for process in processes if process is not None]
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=10)
