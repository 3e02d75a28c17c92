"""Whoever is killed wherever: every window is asked of AMC once and ends in its results.

One run for each crash point goes through a real stack at the same time; each is held at its point
until the victim is dead. The long part of the matrix runs with ``make faults``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg2
import pytest

from faults.crash_points import DROP_HOLDS, HOLDS, LATE, STEP, Cell, Emulator, Point
from faults.result_files import listed_files, wrong_files
from faults.victims import Victim, kill_component, kill_task
from fixtures.matrix import Record
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline, add_instance

pytestmark = pytest.mark.stack

TABLE = "Kills (once: one execution at AMC, books and files whole; so many steps tried again)"
STEPS = ("submit", "wait", "load", "record")
DURING_THE_POST = [Point.POST_NOT_ACCEPTED, Point.POST_ACCEPTED]
YESTERDAY = datetime.now(UTC) - timedelta(days=1, hours=1)


@pytest.fixture(scope="module")
def europe(pipeline: Pipeline) -> Row:
    """Insert a second instance: the run that stays deferred has its list of executions alone."""
    return add_instance(pipeline, "europe")


@pytest.fixture(scope="module")
def emulator_control(pipeline: Pipeline) -> Iterator[Emulator]:
    """Give the stack's emulator, with results of two parts."""
    with closing(Emulator(pipeline.stack.settings.emulator_url)) as control:
        control.ask("PUT", "/settings", result_parts=2)
        pace = {"mode": "per_second", "pending_seconds": 0}
        # So slow that a run is deferred before AMC has its results
        control.ask("PUT", "/progression", **pace, running_seconds=20)
        yield control
        control.ask("PUT", "/settings", result_parts=1)
        control.ask("PUT", "/progression", **pace, running_seconds=1)


@pytest.fixture
def holds(pipeline: Pipeline) -> Iterator[None]:
    """Give the database the triggers at which runs are held."""
    _execute(pipeline.database.uri, HOLDS)
    yield
    _execute(pipeline.database.uri, DROP_HOLDS)


def _execute(uri: str, statements: str) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statements)


@pytest.mark.usefixtures("holds")
@pytest.mark.parametrize(
    ("victim", "points"),
    [
        pytest.param(Victim.TASK, list(Point), id="task"),
        pytest.param(Victim.API_SERVER, DURING_THE_POST, id="api_server_during_the_post"),
        *(
            pytest.param(victim, list(Point), id=victim.name.lower(), marks=pytest.mark.long)
            for victim in Victim
            if victim is not Victim.TASK
        ),
    ],
)
def test_a_kill_neither_repeats_nor_loses_a_run(
    pipeline: Pipeline,
    europe: Row,
    emulator_control: Emulator,
    record_cell: Record,
    victim: Victim,
    points: list[Point],
) -> None:
    if victim.is_of_one_run:  # while a run is deferred no process of it lives
        points = [one for one in points if one is not Point.DEFERRED]
    cells = [_cell(point, pipeline, europe, emulator_control) for point in points]
    with ExitStack() as stack:
        for cell in cells:
            stack.callback(cell.release)
        if victim.is_of_one_run:
            _kill_each(cells, victim, pipeline)
        else:
            _kill_shared(cells, victim, pipeline, emulator_control)
    wrong = []
    for cell in cells:
        pipeline.until_runs_end(cell.dag_id, 1)
        found = _judge(cell)
        record_cell(
            table=TABLE, row=cell.point.value, column=victim.value, outcome=_told(cell, found)
        )
        wrong += [f"{cell.point.value}: {one}" for one in found]
    assert wrong == []


def _cell(point: Point, pipeline: Pipeline, europe: Row, emulator: Emulator) -> Cell:
    marker = f"kill_{uuid4().hex[:12]}"
    workflow = pipeline.rows.workflow(
        instance=europe if point is Point.DEFERRED else pipeline.instance,
        sql_query=f"SELECT campaign, SUM(impressions) AS {marker} FROM dsp_impressions"
        " GROUP BY campaign",
    )
    schedule = pipeline.rows.schedule(
        workflow=workflow, name=point.value, created_at=YESTERDAY, is_active=False
    )
    return Cell(point, pipeline, emulator, schedule, marker)


def _kill_each(cells: list[Cell], victim: Victim, pipeline: Pipeline) -> None:
    """Kill each run's own process as soon as the run is at its point."""
    waiting = list(cells)
    for cell in waiting:
        cell.prepare()

    def all_killed() -> bool:
        for cell in list(waiting):
            cell.follow()
            if cell.is_reached():
                kill_task(cell.task(STEP[cell.point])["pid"], victim)
                cell.release()
                waiting.remove(cell)
        return not waiting

    pipeline.until(all_killed, lambda: f"reached: {_told_points(waiting)}")


def _kill_shared(cells: list[Cell], victim: Victim, pipeline: Pipeline, emulator: Emulator) -> None:
    """Kill what all runs share once every run is at its point; the late ones start first."""
    late = [cell for cell in cells if cell.point in LATE]
    for stage in (late, [cell for cell in cells if cell not in late]):
        for cell in stage:
            cell.prepare()
        pipeline.until(
            lambda stage=stage: _all_reached(stage),
            lambda stage=stage: f"reached: {_told_points(stage)}",
        )
    pipeline.until(lambda: _all_reached(cells), lambda: f"reached: {_told_points(cells)}")
    kill_component(pipeline.stack, victim)
    pipeline.database.close()  # whose session may have died with it
    for cell in cells:
        cell.release()
    emulator.ask("DELETE", "/faults")
    pipeline.until(lambda: "api-server" in pipeline.stack.healthy(), "Airflow's API to answer")


def _all_reached(cells: list[Cell]) -> bool:
    for cell in cells:
        cell.follow()
    return all(cell.is_reached() for cell in cells)


def _told_points(cells: list[Cell]) -> str:
    return "; ".join(f"{cell.point.value} ({cell.states()})" for cell in cells)


def _judge(cell: Cell) -> list[str]:
    """Say what is wrong with a run after all is over."""
    rows, at_amc = cell.executions, cell.emulator.executions(cell.marker)
    if len(at_amc) != 1 or len(rows) != 1:
        return [f"{len(at_amc)} executions at AMC, {len(rows)} rows"]
    (row,) = rows
    if row["status"] != "SUCCESS":
        return [f"the row is {row['status']} ({row['error_type']}): {row['error_message']}"]
    books = cell.pipeline.database.query(
        "SELECT r.status, s.total_runs, s.successful_runs FROM schedule_runs r"
        " JOIN workflow_schedules s ON s.id = r.schedule_id WHERE s.id = %s",
        [cell.schedule["id"]],
    )
    listed = listed_files([row])
    checks = {
        "the row does not name AMC's execution": row["amc_execution_id"]
        == at_amc[0]["workflowExecutionId"],
        f"the books say {books}": [tuple(book.values()) for book in books] == [("SUCCESS", 1, 1)],
        "the result's rows are not AMC's": row["result_rows"] == at_amc[0]["rows"],
        f"the row lists {len(listed)} files": len(listed) == 2,
        **dict.fromkeys(wrong_files(listed, cell.results), False),
    }
    return [wrong for wrong, is_right in checks.items() if not is_right]


def _told(cell: Cell, wrong: list[str]) -> str:
    retries = sum(cell.task(step)["try_number"] - 1 for step in STEPS)
    return "; ".join(wrong) or f"once, {retries} again"
