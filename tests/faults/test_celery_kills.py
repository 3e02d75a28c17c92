"""The death of a Celery worker neither repeats nor loses a run. A stack ends after its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import uuid4

import psutil
import pytest

from faults.crash_points import STEP_OF_POINT, CrashCase, CrashPoint, EmulatorControl
from faults.kill_targets import component_processes, kill_all
from faults.result_files import listed_files, wrong_files
from fixtures.celery_stack import own_celery_stack, worker_of
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline
from stack.credentials import SUPERUSER_PASSWORD
from stack.postgres import Postgres
from stack.settings import Settings
from stack.supervisor import WORKERS

pytestmark = [pytest.mark.own_stack, pytest.mark.long]

YESTERDAY = datetime.now(UTC) - timedelta(days=1, hours=1)
POINTS = [CrashPoint.POST_ACCEPTED, CrashPoint.DOWNLOADING]


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    """Run a stack with two workers that run one task each."""
    with own_celery_stack(tasks_per_worker=1) as pipeline:
        yield pipeline


@pytest.fixture
def emulator_control(pipeline: Pipeline) -> Iterator[EmulatorControl]:
    """Provide the stack's emulator, whose requests are released at the end."""
    with closing(EmulatorControl(pipeline.stack.settings.emulator_url)) as control:
        yield control


def test_a_killed_worker_neither_repeats_nor_loses_a_run(
    pipeline: Pipeline, emulator_control: EmulatorControl
) -> None:
    _let_runs_be_deferred(emulator_control)
    cases = [_crash_case(point, pipeline, emulator_control) for point in POINTS]
    waiting = list(cases)
    for case in cases:
        case.prepare()

    def all_killed() -> bool:
        for case in list(waiting):
            case.hold_when_named()
            if case.is_reached():
                pid = case.task(STEP_OF_POINT[case.point])["pid"]
                _kill_worker(pipeline, worker_of(pipeline, pid))
                waiting.remove(case)
        return not waiting

    pipeline.until(all_killed, lambda: f"reached: {[case.states() for case in waiting]}")
    for case in cases:
        pipeline.wait_for_runs(case.dag_id, 1)
        assert case.task(STEP_OF_POINT[case.point])["try_number"] > 1
        (execution,) = case.executions
        _check_complete(case, execution, case.emulator.executions(case.marker))


def test_the_stack_ends_only_when_running_tasks_have(pipeline: Pipeline) -> None:
    stop = Thread(target=pipeline.stack.down)
    with closing(EmulatorControl(pipeline.stack.settings.emulator_url)) as emulator_control:
        _let_runs_be_deferred(emulator_control)
        case = _crash_case(CrashPoint.DOWNLOADING, pipeline, emulator_control)
        case.prepare()

        def is_reached() -> bool:
            case.hold_when_named()
            return case.is_reached()

        pipeline.until(is_reached, case.states)
        at_amc = emulator_control.executions(case.marker)
        task = psutil.Process(case.task("load")["pid"])
        idle = next(one for one in WORKERS if one != worker_of(pipeline, task.pid))
        stop.start()
        pipeline.until(lambda: not component_processes(pipeline.stack, idle), f"{idle} to end")
        assert task.is_running()
        assert {"api-server", "redis", "scheduler"} <= pipeline.stack.healthy()
    stop.join()
    assert not task.is_running()

    # No test follows: the database alone is started again, for what the task has written
    pipeline.database.close()
    with _database_alone(pipeline.stack.settings):
        (execution,) = case.executions
        pipeline.database.close()
    assert execution["retry_count"] == 0
    _check_complete(case, execution, at_amc)


def _let_runs_be_deferred(emulator: EmulatorControl) -> None:
    """Make AMC so slow that a run is deferred before AMC has its results, of two parts."""
    emulator.ask("PUT", "/settings", result_parts=2)
    pace = {"mode": "per_second", "pending_seconds": 0, "running_seconds": 20}
    emulator.ask("PUT", "/progression", **pace)


def _crash_case(point: CrashPoint, pipeline: Pipeline, emulator: EmulatorControl) -> CrashCase:
    marker = f"celery_{uuid4().hex[:12]}"
    query = f"SELECT campaign, SUM(impressions) AS {marker} FROM dsp_impressions GROUP BY campaign"
    workflow = pipeline.rows.workflow(instance=pipeline.instance, sql_query=query)
    schedule = pipeline.rows.schedule(workflow=workflow, created_at=YESTERDAY, is_active=False)
    return CrashCase(point, pipeline, emulator, schedule, marker)


def _kill_worker(pipeline: Pipeline, name: str) -> None:
    """Kill a worker and its tasks, as when its machine dies."""
    processes = component_processes(pipeline.stack, name)
    kill_all([*processes, *(child for one in processes for child in one.children(recursive=True))])


@contextmanager
def _database_alone(settings: Settings) -> Iterator[None]:
    """Run the Postgres of a stack that is down."""
    server = Postgres(
        directory=settings.data / "postgres",
        port=settings.ports.postgres,
        password=settings.credentials[SUPERUSER_PASSWORD],
        log_file=settings.data / "logs" / "postgres.log",
    )
    server.start()
    try:
        yield
    finally:
        server.stop()


def _check_complete(case: CrashCase, execution: Row, at_amc: list[dict[str, Any]]) -> None:
    """Find the window at AMC once, and its result whole."""
    (only,) = at_amc
    assert execution["status"] == "SUCCESS"
    assert execution["amc_execution_id"] == only["workflowExecutionId"]
    assert execution["result_rows"] == only["rows"]
    files = listed_files([execution])
    assert len(files) == 2
    assert wrong_files(files, case.results) == []
