"""After every kill at every point, each window is submitted to AMC once and ends in its results.

One run for each crash point goes through a real stack at the same time. Each is held at its point
until the target is dead. The long part of the matrix runs with ``make faults``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg2
import pytest

from faults.crash_points import (
    CREATE_HOLDS,
    DROP_HOLDS,
    LATE_POINTS,
    STEP_OF_POINT,
    CrashCase,
    CrashPoint,
    EmulatorControl,
)
from faults.kill_targets import KillTarget, kill_component, kill_task
from faults.result_files import listed_files, wrong_files
from fixtures.outcome_matrix import Record
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline, add_instance

pytestmark = pytest.mark.stack

TABLE = "Kills (once: one execution at AMC, records and files complete; number of retried steps)"
STEPS = ("submit", "wait", "load", "record")
DURING_THE_POST = [CrashPoint.POST_NOT_ACCEPTED, CrashPoint.POST_ACCEPTED]
YESTERDAY = datetime.now(UTC) - timedelta(days=1, hours=1)


@pytest.fixture(scope="module")
def europe(pipeline: Pipeline) -> Row:
    """Insert a second instance: the run that stays deferred has its list of executions alone."""
    return add_instance(pipeline, "europe")


@pytest.fixture(scope="module")
def emulator_control(pipeline: Pipeline) -> Iterator[EmulatorControl]:
    """Provide the stack's emulator, with results of two parts."""
    with closing(EmulatorControl(pipeline.stack.settings.emulator_url)) as control:
        control.ask("PUT", "/settings", result_parts=2)
        pace = {"mode": "per_second", "pending_seconds": 0}
        # So slow that a run is deferred before AMC has its results
        control.ask("PUT", "/progression", **pace, running_seconds=20)
        yield control
        control.ask("PUT", "/settings", result_parts=1)
        control.ask("PUT", "/progression", **pace, running_seconds=1)


@pytest.fixture
def holds(pipeline: Pipeline) -> Iterator[None]:
    """Create the triggers at which runs are held."""
    _execute(pipeline.database.uri, CREATE_HOLDS)
    yield
    _execute(pipeline.database.uri, DROP_HOLDS)


def _execute(uri: str, statements: str) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statements)


@pytest.mark.usefixtures("holds")
@pytest.mark.parametrize(
    ("target", "points"),
    [
        pytest.param(KillTarget.API_SERVER, DURING_THE_POST, id="api_server_during_the_post"),
        *(
            pytest.param(target, list(CrashPoint), id=target.name.lower(), marks=pytest.mark.long)
            for target in KillTarget
        ),
    ],
)
def test_a_kill_neither_repeats_nor_loses_a_run(
    pipeline: Pipeline,
    europe: Row,
    emulator_control: EmulatorControl,
    record_cell: Record,
    target: KillTarget,
    points: list[CrashPoint],
) -> None:
    if target.is_of_one_run:  # while a run is deferred no process of it lives
        points = [one for one in points if one is not CrashPoint.DEFERRED]
    cells = [_cell(point, pipeline, europe, emulator_control) for point in points]
    with ExitStack() as stack:
        for cell in cells:
            stack.callback(cell.release)
        if target.is_of_one_run:
            _kill_each(cells, target, pipeline)
        else:
            _kill_shared(cells, target, pipeline, emulator_control)
    wrong = []
    for cell in cells:
        pipeline.wait_for_runs(cell.dag_id, 1)
        found = _judge(cell)
        record_cell(
            table=TABLE, row=cell.point.value, column=target.value, outcome=_told(cell, found)
        )
        wrong += [f"{cell.point.value}: {one}" for one in found]
    assert wrong == []


def _cell(
    point: CrashPoint, pipeline: Pipeline, europe: Row, emulator: EmulatorControl
) -> CrashCase:
    marker = f"kill_{uuid4().hex[:12]}"
    workflow = pipeline.rows.workflow(
        instance=europe if point is CrashPoint.DEFERRED else pipeline.instance,
        sql_query=f"SELECT campaign, SUM(impressions) AS {marker} FROM dsp_impressions"
        " GROUP BY campaign",
    )
    schedule = pipeline.rows.schedule(
        workflow=workflow, name=point.value, created_at=YESTERDAY, is_active=False
    )
    return CrashCase(point, pipeline, emulator, schedule, marker)


def _kill_each(cells: list[CrashCase], target: KillTarget, pipeline: Pipeline) -> None:
    """Kill each run's own process as soon as the run is at its point."""
    waiting = list(cells)
    for cell in waiting:
        cell.prepare()

    def all_killed() -> bool:
        for cell in list(waiting):
            cell.hold_when_named()
            if cell.is_reached():
                kill_task(cell.task(STEP_OF_POINT[cell.point])["pid"], target)
                cell.release()
                waiting.remove(cell)
        return not waiting

    pipeline.until(all_killed, lambda: f"reached: {_told_points(waiting)}")


def _kill_shared(
    cells: list[CrashCase], target: KillTarget, pipeline: Pipeline, emulator: EmulatorControl
) -> None:
    """Kill a shared component once every run is at its point. The late ones start first."""
    late = [cell for cell in cells if cell.point in LATE_POINTS]
    for stage in (late, [cell for cell in cells if cell not in late]):
        for cell in stage:
            cell.prepare()
        pipeline.until(
            lambda stage=stage: _all_reached(stage),
            lambda stage=stage: f"reached: {_told_points(stage)}",
        )
    pipeline.until(lambda: _all_reached(cells), lambda: f"reached: {_told_points(cells)}")
    kill_component(pipeline.stack, target)
    pipeline.database.close()  # its session may have died with it
    for cell in cells:
        cell.release()
    emulator.ask("DELETE", "/faults")
    pipeline.until(lambda: "api-server" in pipeline.stack.healthy(), "Airflow's API to answer")


def _all_reached(cells: list[CrashCase]) -> bool:
    for cell in cells:
        cell.hold_when_named()
    return all(cell.is_reached() for cell in cells)


def _told_points(cells: list[CrashCase]) -> str:
    return "; ".join(f"{cell.point.value} ({cell.states()})" for cell in cells)


def _judge(cell: CrashCase) -> list[str]:
    """Return the errors of a run after all runs have ended."""
    rows, at_amc = cell.executions, cell.emulator.executions(cell.marker)
    if len(at_amc) != 1 or len(rows) != 1:
        return [f"{len(at_amc)} executions at AMC, {len(rows)} rows"]
    (row,) = rows
    if row["status"] != "SUCCESS":
        return [f"the row is {row['status']} ({row['error_type']}): {row['error_message']}"]
    records = cell.pipeline.database.query(
        "SELECT r.status, s.total_runs, s.successful_runs FROM schedule_runs r"
        " JOIN workflow_schedules s ON s.id = r.schedule_id WHERE s.id = %s",
        [cell.schedule["id"]],
    )
    listed = listed_files([row])
    checks = {
        "the row does not name AMC's execution": row["amc_execution_id"]
        == at_amc[0]["workflowExecutionId"],
        f"the records are {records}": [tuple(one.values()) for one in records]
        == [("SUCCESS", 1, 1)],
        "the result's rows are not AMC's": row["result_rows"] == at_amc[0]["rows"],
        f"the row lists {len(listed)} files": len(listed) == 2,
        **dict.fromkeys(wrong_files(listed, cell.results), False),
    }
    return [wrong for wrong, is_right in checks.items() if not is_right]


def _told(cell: CrashCase, wrong: list[str]) -> str:
    retries = sum(cell.task(step)["try_number"] - 1 for step in STEPS)
    return "; ".join(wrong) or f"once, {retries} again"
