"""Users mark a task failed, or clear it, while it works: no query runs twice, none is lost.

Each run is held at its point until Airflow has been told. The worker hears of it with its next
heartbeat, and ends the task five seconds later: until then the task works on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import uuid4

import psutil
import pytest

from faults.crash_points import STEP_OF_POINT, CrashCase, CrashPoint, EmulatorControl
from faults.result_files import listed_files, wrong_files
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline

pytestmark = [pytest.mark.stack, pytest.mark.long]

YESTERDAY = datetime.now(UTC) - timedelta(days=1, hours=1)
QUICK = {"mode": "per_second", "pending_seconds": 0, "running_seconds": 1}
AN_HOUR = QUICK | {"running_seconds": 3600}
# So slow that a run is deferred before AMC has its results, and its download can be held
A_WHILE = QUICK | {"running_seconds": 20}
IN_FLIGHT = ("PENDING", "RUNNING")
RECONCILE = "recomamp_reconcile"


class Order(Enum):
    """What somebody does to a task."""

    MARK_FAILED = "marked failed"
    CLEAR = "cleared"


@dataclass
class Worked:
    """A run whose task is told to end while it works."""

    cell: CrashCase
    order: Order

    @property
    def row(self) -> Row:
        """The row of the run's only attempt."""
        (row,) = self.cell.executions
        return row

    @property
    def at_amc(self) -> list[str]:
        """What AMC says of everything it was sent for the run's window."""
        return [one["internalStatus"] for one in self.cell.emulator.executions(self.cell.marker)]

    @property
    def run_id(self) -> str:
        """The DAG run."""
        (run,) = self.cell.pipeline.runs(self.cell.dag_id)
        return str(run["dag_run_id"])

    def give_order(self) -> None:
        """Tell Airflow."""
        api, dag_id, step = self.cell.pipeline.api, self.cell.dag_id, STEP_OF_POINT[self.cell.point]
        if self.order is Order.CLEAR:
            clear = {
                "dry_run": False,
                "only_failed": False,
                "task_ids": [step],
                "dag_run_id": self.run_id,
            }
            answer = api.post(f"/api/v2/dags/{dag_id}/clearTaskInstances", json=clear)
        else:
            path = f"/api/v2/dags/{dag_id}/dagRuns/{self.run_id}/taskInstances/{step}"
            answer = api.patch(path, json={"new_state": "failed"})
        answer.raise_for_status()

    def wrong_files(self) -> list[str]:
        """Name what lies where the results belong and is not as the row says."""
        return wrong_files(listed_files([self.row]), self.cell.results)

    def check_slot(self) -> None:
        """Find a slot taken for each execution that AMC works on, and no other."""
        held = [row for row in self.cell.executions if row["status"] in IN_FLIGHT]
        assert all(row["slot_granted_at"] is not None for row in held)
        assert len(held) == sum(status in IN_FLIGHT for status in self.at_amc)


@pytest.fixture(scope="module")
def amc(pipeline: Pipeline) -> Iterator[EmulatorControl]:
    """Give the stack's emulator, with results of two parts."""
    with closing(EmulatorControl(pipeline.stack.settings.emulator_url)) as control:
        control.ask("PUT", "/settings", result_parts=2)
        yield control
        control.ask("PUT", "/settings", result_parts=1)
        control.ask("PUT", "/progression", **QUICK)


@pytest.fixture(scope="module")
def sending(
    pipeline: Pipeline, amc: EmulatorControl
) -> Iterator[dict[tuple[Order, CrashPoint], Worked]]:
    """Give every order to a run whose query is on its way to AMC, which then takes an hour."""
    amc.ask("PUT", "/progression", **AN_HOUR)
    points = (CrashPoint.POST_NOT_ACCEPTED, CrashPoint.POST_ACCEPTED)
    runs = {
        (order, point): worked(point, order, pipeline, amc) for order in Order for point in points
    }
    give_orders(list(runs.values()), pipeline)
    return runs


@pytest.fixture(scope="module")
def loading(pipeline: Pipeline, amc: EmulatorControl) -> dict[Order, Worked]:
    """Give every order to a run whose results come in, one part of two being there."""
    amc.ask("PUT", "/progression", **A_WHILE)
    runs = {order: worked(CrashPoint.DOWNLOADING, order, pipeline, amc) for order in Order}
    give_orders(list(runs.values()), pipeline)
    return runs


def worked(point: CrashPoint, order: Order, pipeline: Pipeline, amc: EmulatorControl) -> Worked:
    marker = f"work_{uuid4().hex[:12]}"
    workflow = pipeline.rows.workflow(
        instance=pipeline.instance,
        sql_query=f"SELECT campaign, SUM(impressions) AS {marker} FROM dsp_impressions"
        " GROUP BY campaign",
    )
    schedule = pipeline.rows.schedule(
        workflow=workflow,
        name=f"{point.value}, {order.value}",
        created_at=YESTERDAY,
        is_active=False,
    )
    return Worked(CrashCase(point, pipeline, amc, schedule, marker), order)


def give_orders(runs: list[Worked], pipeline: Pipeline) -> None:
    """Tell Airflow of each run as soon as it is at its point, and wait until its process ends."""
    processes = []
    waiting = list(runs)
    for run in waiting:
        run.cell.prepare()

    def all_told() -> bool:
        for run in list(waiting):
            run.cell.hold_when_named()
            if run.cell.is_reached():
                processes.append(
                    psutil.Process(run.cell.task(STEP_OF_POINT[run.cell.point])["pid"])
                )
                run.give_order()
                waiting.remove(run)
        return not waiting

    pipeline.until(all_told, lambda: f"reached: {[one.cell.states() for one in waiting]}")
    pipeline.until(lambda: not any(one.is_running() for one in processes), "the tasks to be ended")


@pytest.mark.parametrize(
    ("point", "at_amc"),
    [(CrashPoint.POST_NOT_ACCEPTED, []), (CrashPoint.POST_ACCEPTED, ["CANCELLED"])],
    ids=["not accepted", "accepted"],
)
def test_marking_a_task_failed_while_it_sends_leaves_nothing_running_at_amc(
    pipeline: Pipeline,
    sending: dict[tuple[Order, CrashPoint], Worked],
    point: CrashPoint,
    at_amc: list[str],
) -> None:
    run = sending[Order.MARK_FAILED, point]
    (ended,) = pipeline.wait_for_runs(run.cell.dag_id, 1)
    assert ended["state"] == "failed"
    assert run.at_amc == at_amc
    assert (run.row["status"], run.row["error_type"]) == ("CANCELLED", "KILLED")
    assert "the run ended before the execution's results were loaded" in run.row["error_message"]
    assert run.wrong_files() == []
    run.check_slot()


def test_clearing_a_task_while_it_sends_neither_repeats_nor_loses_its_query(
    pipeline: Pipeline, amc: EmulatorControl, sending: dict[tuple[Order, CrashPoint], Worked]
) -> None:
    cleared = [run for (order, _), run in sending.items() if order is Order.CLEAR]
    for run in cleared:
        pipeline.until(lambda run=run: run.cell.state("wait") == "deferred", run.cell.states)
        assert run.at_amc == ["RUNNING"]
        run.check_slot()
    amc.ask("PUT", "/progression", **QUICK)
    for run in cleared:
        check_success(run)


@pytest.mark.usefixtures("sending")
def test_what_amc_accepts_after_the_books_are_closed_is_cancelled_there(
    pipeline: Pipeline, amc: EmulatorControl
) -> None:
    amc.ask("PUT", "/progression", **AN_HOUR)
    run = worked(CrashPoint.POST_NOT_ACCEPTED, Order.MARK_FAILED, pipeline, amc)
    run.cell.prepare()
    pipeline.until(run.cell.is_reached, run.cell.states)
    # A worker that does not hear of it: its task works on
    worker = psutil.Process(run.cell.task("submit")["pid"]).parent()
    with ExitStack() as stack:
        worker.suspend()
        stack.callback(worker.resume)
        run.give_order()
        (ended,) = pipeline.wait_for_runs(run.cell.dag_id, 1)
        assert ended["state"] == "failed"
        assert run.at_amc == []
        amc.ask("DELETE", "/faults")
        pipeline.until(lambda: run.at_amc, "AMC to accept what is no longer wanted")
    reconcile_id = pipeline.trigger(RECONCILE)
    assert pipeline.wait_for_run(RECONCILE, reconcile_id) == "success"
    assert run.at_amc == ["CANCELLED"]
    assert (run.row["status"], run.row["error_type"]) == ("CANCELLED", "KILLED")
    run.check_slot()


def test_marking_a_task_failed_while_it_loads_leaves_no_part_of_a_result(
    pipeline: Pipeline, loading: dict[Order, Worked]
) -> None:
    run = loading[Order.MARK_FAILED]
    (ended,) = pipeline.wait_for_runs(run.cell.dag_id, 1)
    assert ended["state"] == "failed"
    assert run.at_amc == ["SUCCEEDED"]
    assert (run.row["status"], run.row["error_type"]) == ("CANCELLED", "KILLED")
    assert "the run ended before the execution's results were loaded" in run.row["error_message"]
    assert run.wrong_files() == []
    run.check_slot()


def test_clearing_a_task_while_it_loads_brings_the_whole_result_once(
    pipeline: Pipeline, loading: dict[Order, Worked]
) -> None:
    check_success(loading[Order.CLEAR])


def check_success(run: Worked) -> None:
    """Find the run ended well, with one execution and whole files."""
    (ended,) = run.cell.pipeline.wait_for_runs(run.cell.dag_id, 1)
    assert ended["state"] == "success"
    assert run.cell.task(STEP_OF_POINT[run.cell.point])["try_number"] > 1
    assert run.at_amc == ["SUCCEEDED"]
    assert run.row["status"] == "SUCCESS"
    assert len(listed_files([run.row])) == 2
    assert run.wrong_files() == []
    run.check_slot()
