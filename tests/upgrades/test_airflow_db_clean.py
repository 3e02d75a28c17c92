"""``airflow db clean`` deletes a year of Airflow's history, and no window is asked for again.

Runs with ``make upgrade-test``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Row
from fixtures.running_stack import Pipeline, open_pipeline, stack_directory
from stack.settings import Settings
from stack.stack import Stack
from upgrades.environment import plain_environment

pytestmark = [pytest.mark.own_stack, pytest.mark.long]

SCHEDULES, DAYS, KEPT_DAYS = 100, 365, 90
TASKS = ("submit", "wait", "load", "record")

# A run of each schedule at each daily tick, with its tasks, as Airflow leaves them
FILL = """
CREATE TEMPORARY TABLE past AS
SELECT
    dag.dag_id,
    tick,
    'scheduled__' || to_char(tick - INTERVAL '3 days', 'YYYY-MM-DD"T"HH24:MI:SS+00:00') AS run_id,
    (SELECT id FROM dag_version WHERE dag_version.dag_id = dag.dag_id LIMIT 1) AS version_id
FROM dag
CROSS JOIN generate_series(%(first)s::TIMESTAMPTZ, %(last)s, INTERVAL '1 day') AS tick
WHERE dag.dag_id = ANY (%(dag_ids)s);

INSERT INTO dag_run (
    dag_id, run_id, run_type, state, logical_date, data_interval_start, data_interval_end,
    run_after, queued_at, start_date, end_date, created_dag_version_id
)
SELECT
    dag_id, run_id, 'scheduled', 'success', tick - INTERVAL '3 days', tick - INTERVAL '3 days',
    tick - INTERVAL '2 days', tick, tick, tick, tick + INTERVAL '5 minutes', version_id
FROM past;

INSERT INTO task_instance (
    id, task_id, dag_id, run_id, state, start_date, end_date, try_number, max_tries, pool,
    pool_slots, dag_version_id
)
SELECT
    gen_random_uuid(), task_id, dag_id, run_id, 'success', tick, tick + INTERVAL '1 minute', 1, 8,
    'default_pool', 1, version_id
FROM past
CROSS JOIN unnest(%(tasks)s) AS task_id;

ANALYZE dag_run, task_instance;
"""
# The runs become as old as they would be
AGE = """
UPDATE dag_run
SET start_date = start_date - INTERVAL '200 days', end_date = end_date - INTERVAL '200 days'
WHERE dag_id = ANY (%(dag_ids)s);
UPDATE task_instance
SET start_date = start_date - INTERVAL '200 days', end_date = end_date - INTERVAL '200 days'
WHERE dag_id = ANY (%(dag_ids)s);
"""
COUNTS = """
SELECT
    (SELECT count(*) FROM dag_run WHERE dag_id = ANY (%(dag_ids)s)) AS runs,
    (SELECT count(*) FROM task_instance WHERE dag_id = ANY (%(dag_ids)s)) AS tasks
"""


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    environ = plain_environment() | {
        "RECOMAMP_DRY_RUNS": "off",
        "RECOMAMP_POLL_SECONDS": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    }
    with stack_directory() as data:
        settings = Settings.load(data=data, environ=environ, free_ports=True, disposable=True)
        with Stack(settings).running() as stack, open_pipeline(stack) as pipeline:
            yield pipeline


@pytest.fixture
def airflow(pipeline: Pipeline) -> Iterator[Connection]:
    with closing(psycopg2.connect(pipeline.stack.settings.airflow_uri)) as connection:
        connection.autocommit = True
        yield connection


def test_a_year_of_history_is_cleaned_and_nothing_is_asked_again(
    pipeline: Pipeline, airflow: Connection, print_line: Callable[[str], None]
) -> None:
    last = _last_tick()
    really_ran = _run_some(pipeline)
    recorded, asked = _records(pipeline), _executions_at_amc(pipeline)
    idle = _insert_schedules(pipeline)
    first = last - timedelta(days=DAYS - 1)
    before = (last - timedelta(days=KEPT_DAYS) + timedelta(hours=1)).isoformat()
    nothing_seconds = _clean(pipeline, before)
    began = time.monotonic()
    fill = {"dag_ids": idle, "first": first, "last": last, "tasks": list(TASKS)}
    _query(airflow, FILL, fill)
    _query(airflow, AGE, {"dag_ids": really_ran})
    fill_seconds = time.monotonic() - began
    assert _query(airflow, COUNTS, fill) == [(SCHEDULES * DAYS, SCHEDULES * DAYS * len(TASKS))]

    seconds = _clean(pipeline, before)

    ((runs, tasks),) = _query(airflow, COUNTS, fill)
    assert (runs, tasks) == (SCHEDULES * KEPT_DAYS, SCHEDULES * KEPT_DAYS * len(TASKS))
    print_line(
        f"db clean: {SCHEDULES * DAYS - runs} runs and their tasks in {seconds:.1f} s;"
        f" without any to delete {nothing_seconds:.1f} s; the fill took {fill_seconds:.1f} s"
    )
    ((left, _),) = _query(airflow, COUNTS, {"dag_ids": really_ran})
    assert left == len(really_ran)  # Airflow keeps the one that started last
    _activate(pipeline, idle)
    _next_runs_are(pipeline, airflow, idle, last + timedelta(days=1))
    _check_forgotten_runs(pipeline, really_ran[0])
    assert _records(pipeline) == recorded
    _check_that_airflow_works(pipeline)
    assert _query(airflow, COUNTS, fill) == [(runs, tasks)]
    assert _executions_at_amc(pipeline) == asked + 1  # of that check


def _last_tick() -> datetime:
    """Return a tick half a day ago: no other passes while the test works."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=12)


def _schedule(pipeline: Pipeline, workflow: Row, *, days: int, **columns: Any) -> Row:
    """Insert a daily schedule that has this number of ticks behind it."""
    last = _last_tick()
    created_at = last - timedelta(days=days) + timedelta(hours=1)
    cron = {"cron_expression": f"0 {last.hour} * * *", "timezone": "UTC"}
    columns = {**cron, "created_at": created_at.isoformat(), **columns}
    return pipeline.rows.schedule(workflow=workflow, **columns)


def _records(pipeline: Pipeline) -> list[Row]:
    """Return what the application shows of runs and weeks."""
    return pipeline.database.query(
        "SELECT schedule_id AS definition_id, dag_run_id AS run, status, execution_id"
        " FROM schedule_runs UNION ALL"
        " SELECT collection_id, week_number::TEXT, status, execution_id FROM report_data_weeks"
        " ORDER BY definition_id, run"
    )


def _check_forgotten_runs(pipeline: Pipeline, dag_id: str) -> None:
    """Airflow has kept the backfill alone. So it plans the three ticks again, and asks nothing."""
    runs = pipeline.wait_for_runs(dag_id, 4)
    assert [run["state"] for run in runs] == ["success"] * 4
    again = [run["dag_run_id"] for run in runs if run["run_type"] == "scheduled"]
    submits = [pipeline.task_states(dag_id, run_id)["submit"] for run_id in again]
    assert submits == ["skipped"] * 3


def _run_some(pipeline: Pipeline) -> list[str]:
    """Run a schedule and a collection, and backfill the schedule last. Return their DAGs."""
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    today = datetime.now(UTC)
    catchup = {"window": {"catchup": True}}
    schedule = _schedule(pipeline, workflow, days=3, parameters=catchup)
    first_day = today.date() - timedelta(days=36)  # of four weeks three are due
    collection = pipeline.rows.collection(
        workflow=workflow, start_date=first_day, end_date=first_day + timedelta(days=27)
    )
    dag_ids = [f"amc_schedule_{schedule['id']}", f"amc_collection_{collection['id']}"]
    for dag_id in dag_ids:
        pipeline.wait_for_runs(dag_id, 3)
    day = (today - timedelta(days=20)).date().isoformat()
    pipeline.stack.commands.airflow(
        "backfill", "create", "--dag-id", dag_ids[0], "--from-date", day, "--to-date", day
    )
    pipeline.wait_for_runs(dag_ids[0], 4)
    return dag_ids


def _insert_schedules(pipeline: Pipeline) -> list[str]:
    """Insert inactive schedules of a year ago, and return their DAGs once Airflow has them."""
    owner = pipeline.instance["user_id"]
    pipeline.rows.quotas(owner, max_active_schedules=1000, max_schedules=1000)
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    rows = [
        _schedule(
            pipeline,
            workflow,
            days=DAYS,
            name=f"Schedule {number}",
            is_active=False,
            parameters={"window": {"catchup": number % 2 == 0}},
        )
        for number in range(SCHEDULES)
    ]
    dag_ids = [f"amc_schedule_{row['id']}" for row in rows]
    for dag_id in dag_ids:
        pipeline.until(
            lambda dag_id=dag_id: pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success, dag_id
        )
    return dag_ids


def _clean(pipeline: Pipeline, before: str) -> float:
    """Run Airflow's command, and return the seconds that it took."""
    began = time.monotonic()
    pipeline.stack.commands.airflow(
        "db", "clean", "--clean-before-timestamp", before, "--skip-archive", "--yes", timeout=1800
    )
    return time.monotonic() - began


def _activate(pipeline: Pipeline, dag_ids: list[str]) -> None:
    ids = [dag_id.removeprefix("amc_schedule_") for dag_id in dag_ids]
    pipeline.database.query(
        "UPDATE workflow_schedules SET is_active = TRUE WHERE id = ANY (%s::UUID[])", [ids]
    )


def _next_runs_are(
    pipeline: Pipeline, airflow: Connection, dag_ids: list[str], tick: datetime
) -> None:
    """Wait until Airflow plans the next run of each DAG, and check that it is of that tick."""

    def planned() -> dict[str, Any]:
        statement = "SELECT dag_id, next_dagrun_create_after FROM dag WHERE dag_id = ANY (%s)"
        return dict(_query(airflow, statement, [dag_ids]))

    pipeline.until(lambda: all(planned().values()), lambda: f"next runs, not {planned()}")
    assert set(planned().values()) == {tick}


def _check_that_airflow_works(pipeline: Pipeline) -> None:
    """Have the scheduler run a new schedule: by then it has looked at all others."""
    schedule = _schedule(pipeline, pipeline.rows.workflow(instance=pipeline.instance), days=1)
    (run,) = pipeline.wait_for_runs(f"amc_schedule_{schedule['id']}", 1)
    assert run["state"] == "success"


def _executions_at_amc(pipeline: Pipeline) -> int:
    url = f"{pipeline.stack.settings.emulator_url}/_emulator/executions"
    return len(pipeline.api.get(url).raise_for_status().json()["executions"])


def _query(connection: Connection, statement: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []
