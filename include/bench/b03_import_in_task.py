"""The import of a task does not grow with the rows of the database."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from bench.dag_fixtures import use_airflow
from bench.databases import PIPELINE, ROOT, Databases, application_database
from bench.definition_rows import insert_owners, insert_schedules
from bench.measurements import (
    BenchSettings,
    Result,
    alternate,
    at_most,
    ratios,
    without_limit,
)
from bench.query_plans import full_scans
from bench.statement_trace import trace_statements

MAX_RATIO = 1.1
MANY_ROWS = 10_000
IMPORTS = 20  # in one sample
MIN_ROUNDS = 15  # a sample is a third of a second: cheap, and restless
TABLES = ("workflow_schedules", "workflows")  # collections have no row here, so no index is used


def run(settings: BenchSettings) -> Iterator[Result]:
    """Import the DAG file for one DAG, with many rows and with one row."""
    use_airflow(settings.data / "airflow")
    many = 200 if settings.quick else MANY_ROWS
    with application_database() as databases:
        dag_ids = {count: _database_of(databases, count) for count in (1, many)}
        large, small = alternate(
            lambda: _seconds(databases, many, dag_ids[many]),
            lambda: _seconds(databases, 1, dag_ids[1]),
            max(settings.rounds, MIN_ROUNDS),
        )
        _point_to(databases, many)
        with trace_statements() as trace:
            _import(dag_ids[many])
        with databases.connect(PIPELINE, f"rows_{many}") as connection:
            scans = [*full_scans(connection, "select_definitions", TABLES)]
    yield at_most(
        MAX_RATIO,
        id=3,
        name=f"the DAG file's import in a task at {many} rows / at 1 row",
        unit="ratio",
        samples=ratios(large, small),
    )
    yield without_limit(id=3, name="one import", unit="ms", samples=[1000 * one for one in large])
    selects = [one for one in trace.statements if one.upper().startswith("SELECT")]
    yield at_most(1, id=3, name="statements of one import", unit="", samples=[len(selects)])
    note = "; ".join(scans)
    yield at_most(0, id=3, name="whole tables read", unit="", samples=[len(scans)], note=note)


def _database_of(databases: Databases, count: int) -> str:
    """Make a database with this number of schedules. Return the id of one DAG."""
    name = f"rows_{count}"
    databases.create_database(name)
    with databases.connect(database=name) as connection:
        insert_owners(connection)
        insert_schedules(connection, count)
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM workflow_schedules ORDER BY id LIMIT 1")
            ((key,),) = cursor.fetchall()
    return f"amc_schedule_{key}"


def _seconds(databases: Databases, count: int, dag_id: str) -> float:
    _point_to(databases, count)
    began = time.perf_counter()
    for _ in range(IMPORTS):
        _import(dag_id)
    return (time.perf_counter() - began) / IMPORTS


def _point_to(databases: Databases, count: int) -> None:
    os.environ["AIRFLOW_CONN_RECOMAMP_DB"] = databases.uri(PIPELINE, f"rows_{count}")


def _import(dag_id: str) -> None:
    """Import the DAG file as a task's own process does."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.definitions._internal.dag_parsing_context import (
        _airflow_parsing_context_manager,
    )

    with _airflow_parsing_context_manager(dag_id=dag_id, task_id="submit"):
        bag = DagBag(collect_dags=False, bundle_path=ROOT / "dags", bundle_name="dags-folder")
        file = str(ROOT / "dags" / "amc_schedules.py")
        bag.process_file(file, only_if_updated=False)  # type: ignore[no-untyped-call]
    assert list(bag.dags) == [dag_id]
