"""The cost of a run, compared with Airflow's own cost for a run of the same shape."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.airflow_stack import NOOP_DAG, AirflowStack, airflow_stack, wait_until
from bench.measurements import (
    BenchSettings,
    Result,
    alternate,
    at_most,
    ratios,
    seconds_of,
    without_limit,
)

RUNS = 100
MAX_RATIO = 1.25


def run(settings: BenchSettings) -> Iterator[Result]:
    """Run a hundred of our runs and a hundred empty ones, in alternate batches."""
    batch = 4 if settings.quick else RUNS // settings.rounds
    with airflow_stack() as airflow:
        wait_for_dags(airflow)
        # AMC has ended by the first poll: ours is deferred once, as the other is
        airflow.set_progression(mode="per_poll", polls=2)
        ours, theirs = alternate(
            lambda: _seconds(airflow, airflow.dag_id, batch),
            lambda: _seconds(airflow, NOOP_DAG, batch),
            settings.rounds,
        )
    yield at_most(
        MAX_RATIO,
        id=10,
        name=f"{batch} runs at 4 parallel / the same shape with nothing in it",
        unit="ratio",
        samples=ratios(ours, theirs),
        note=f"{RUNS} runs in all, with one deferral each in both",
    )
    per_run = [seconds / batch for seconds in ours]
    yield without_limit(id=10, name="a run", unit="s", samples=per_run)


def wait_for_dags(airflow: AirflowStack) -> None:
    """Wait until both DAGs exist."""
    for dag_id in (airflow.dag_id, NOOP_DAG):
        wait_until(partial(airflow.has_dag, dag_id), dag_id)


def _seconds(airflow: AirflowStack, dag_id: str, runs: int) -> float:
    def run_all() -> None:
        airflow.trigger(dag_id, runs)
        airflow.wait_until_all_end(dag_id)

    return seconds_of(run_all)
