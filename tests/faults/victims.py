"""Who is killed, always by SIGKILL: nobody gets to clean up."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum

import psutil
import psycopg2

from stack.stack import Stack


class Victim(Enum):
    """What dies."""

    TASK = "task process"
    WORKER = "worker"
    TRIGGERER = "triggerer"
    SCHEDULER = "scheduler"  # with all its workers
    POSTGRES = "Postgres"
    API_SERVER = "api-server"  # by which every task tells Airflow how it is, and how it ended

    @property
    def is_of_one_run(self) -> bool:
        """Whether each run has its own to be killed."""
        return self in (Victim.TASK, Victim.WORKER)


def kill_component(stack: Stack, victim: Victim) -> None:
    """Kill what all runs share."""
    if victim is Victim.POSTGRES:
        crash_postgres(stack.settings.owner_uri)
        return
    processes = component(stack, victim.value)
    # As when its machine dies: the scheduler's workers and their tasks die with it
    kill_all([*processes, *(child for one in processes for child in one.children(recursive=True))])


def component(stack: Stack, name: str) -> list[psutil.Process]:
    """Return the processes of one of Airflow's components, without the keeper above them."""
    pid_file = stack.settings.data / "run" / f"{name}.pid"
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(int(pid_file.read_text(encoding="utf-8").split()[0])).children()
    return []


def kill_task(pid: int, victim: Victim) -> None:
    """Kill the process of a task, and with it the worker that runs it where that is the victim."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        kill_all([process.parent(), process] if victim is Victim.WORKER else [process])


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
