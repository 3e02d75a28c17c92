"""The process starts of a run, and the CPU time of its task processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.airflow_stack import NOOP_DAG, AirflowStack, airflow_stack, wait_until
from bench.b10_hundred_runs import wait_for_dags
from bench.measurements import BenchSettings, Result, alternate, at_most, ratios, without_limit

RUNS = 4
MAX_STARTS = 5  # one of each step, and one more for the step that is deferred
AMC_WORKS_SECONDS = 60
MEASURED_SECONDS = 15.0


def run(settings: BenchSettings) -> Iterator[Result]:
    """Count and time the task processes of our runs and of empty ones."""
    starts: list[float] = []

    with airflow_stack() as airflow:
        wait_for_dags(airflow)
        airflow.pause_system_dags()
        airflow.set_progression(mode="per_poll", polls=2)

        def ours() -> float:
            cost = _cost(airflow, airflow.dag_id)
            starts.append(cost.starts / RUNS)
            return cost.cpu_seconds / RUNS

        seconds, noop_seconds = alternate(
            ours, lambda: _cost(airflow, NOOP_DAG).cpu_seconds / RUNS, settings.rounds
        )
        while_amc_works = [_cpu_while_amc_works(airflow)]
    yield at_most(
        MAX_STARTS, id=9, name="process starts of a run", unit="starts", samples=starts[1:]
    )
    yield without_limit(id=9, name="worker CPU of a run", unit="s", samples=seconds)
    yield without_limit(id=9, name="worker CPU of a run of nothing", unit="s", samples=noop_seconds)
    yield without_limit(
        id=9,
        name="worker CPU of a run / of a run of nothing",
        unit="ratio",
        samples=ratios(seconds, noop_seconds),
    )
    yield at_most(
        0.05,
        id=9,
        name=f"worker CPU in {MEASURED_SECONDS:g} s while AMC works on {RUNS}",
        unit="s",
        samples=while_amc_works,
        note="0 but for the clock's grain: no task process lives",
    )


@dataclass(frozen=True, slots=True)
class _Cost:
    starts: int
    cpu_seconds: float


def _cost(airflow: AirflowStack, dag_id: str) -> _Cost:
    starts, seconds = airflow.count_process_starts(), airflow.measure_worker_cpu_seconds()
    airflow.trigger(dag_id, RUNS)
    airflow.wait_until_all_end(dag_id)
    # The CPU time of a process reaches its parent when the process has gone
    wait_until(lambda: not airflow.count_task_processes(), "the end of all task processes")
    return _Cost(
        airflow.count_process_starts() - starts, airflow.measure_worker_cpu_seconds() - seconds
    )


def _cpu_while_amc_works(airflow: AirflowStack) -> float:
    airflow.set_progression(mode="per_second", pending_seconds=0, running_seconds=AMC_WORKS_SECONDS)
    airflow.trigger(airflow.dag_id, RUNS)
    wait_until(
        lambda: airflow.task_states(airflow.dag_id, "wait").count("deferred") == RUNS,
        "all runs wait",
    )
    wait_until(
        lambda: not airflow.count_task_processes(), "the end of the processes that deferred them"
    )
    before = airflow.measure_worker_cpu_seconds()
    time.sleep(MEASURED_SECONDS)
    used = airflow.measure_worker_cpu_seconds() - before
    airflow.wait_until_all_end(airflow.dag_id)
    return used
