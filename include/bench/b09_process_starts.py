"""Process starts of a run, and what its task processes take: in all, and while AMC works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.airflow_stack import NOOP_DAG, AirflowStack, airflow_stack, until
from bench.b10_hundred_runs import wait_for_dags
from bench.measuring import BenchSettings, Result, alternate, at_most, ratios, stated

RUNS = 4
MOST_STARTS = 5  # one of each step, and one more for the step that is deferred
AMC_WORKS_SECONDS = 60
WATCHED_SECONDS = 15.0


def run(settings: BenchSettings) -> Iterator[Result]:
    """Count and time the task processes of ours and of runs that do nothing."""
    starts: list[float] = []

    with airflow_stack() as airflow:
        wait_for_dags(airflow)
        airflow.pace(mode="per_poll", polls=2)

        def ours() -> float:
            cost = _cost(airflow, airflow.dag_id)
            starts.append(cost.starts / RUNS)
            return cost.cpu_seconds / RUNS

        seconds, noop_seconds = alternate(
            ours, lambda: _cost(airflow, NOOP_DAG).cpu_seconds / RUNS, settings.rounds
        )
        while_amc_works = [_cpu_while_amc_works(airflow)]
    yield at_most(
        MOST_STARTS, id=9, name="process starts of a run", unit="starts", samples=starts[1:]
    )
    yield stated(id=9, name="worker CPU of a run", unit="s", samples=seconds)
    yield stated(id=9, name="worker CPU of a run of nothing", unit="s", samples=noop_seconds)
    yield stated(
        id=9,
        name="worker CPU of a run / of a run of nothing",
        unit="ratio",
        samples=ratios(seconds, noop_seconds),
    )
    yield at_most(
        0.05,
        id=9,
        name=f"worker CPU in {WATCHED_SECONDS:g} s while AMC works on {RUNS}",
        unit="s",
        samples=while_amc_works,
        note="0 but for the clock's grain: no task process lives",
    )


@dataclass(frozen=True, slots=True)
class _Cost:
    starts: int
    cpu_seconds: float


def _cost(airflow: AirflowStack, dag_id: str) -> _Cost:
    starts, seconds = airflow.process_starts(), airflow.worker_cpu_seconds()
    airflow.trigger(dag_id, RUNS)
    airflow.until_all_end(dag_id)
    # Till the last process has gone, and its time has come to its parent
    until(lambda: not airflow.live_tasks(), "the end of all task processes")
    return _Cost(airflow.process_starts() - starts, airflow.worker_cpu_seconds() - seconds)


def _cpu_while_amc_works(airflow: AirflowStack) -> float:
    airflow.pace(mode="per_second", pending_seconds=0, running_seconds=AMC_WORKS_SECONDS)
    airflow.trigger(airflow.dag_id, RUNS)
    until(
        lambda: airflow.task_states(airflow.dag_id, "wait").count("deferred") == RUNS,
        "all runs wait",
    )
    until(lambda: not airflow.live_tasks(), "the end of the processes that deferred them")
    before = airflow.worker_cpu_seconds()
    time.sleep(WATCHED_SECONDS)
    used = airflow.worker_cpu_seconds() - before
    airflow.until_all_end(airflow.dag_id)
    return used
