"""A RETRY clears all tasks of a run, or of failed weeks; a LOAD clears the last ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.postgres import Database, Rows
from fixtures.run_requests import (
    World,
    build_world,
    fail_weeks,
)
from recomamp.follower.run_requests import RUN_ENDS, SOON, TURN_SECONDS


@pytest.mark.parametrize("status", ["FAILED", "SUCCESS", "CANCELLED"])
def test_a_retry_clears_all_tasks_of_the_run(world: World, status: str) -> None:
    execution = world.execution(status=status)
    row = world.done("RETRY", execution_id=execution["id"])
    run = world.server.dags[world.dag_id].runs["run_1"]
    assert run.cleared == [None]
    assert (row["dag_id"], row["dag_run_id"]) == (world.dag_id, "run_1")
    assert str(row["id"]) in run.notes["record"]


@pytest.mark.parametrize("action", ["RETRY", "LOAD"])
def test_a_run_that_has_not_ended_is_not_cleared(world: World, action: str) -> None:
    execution = world.execution(status="RUNNING", amc_status="SUCCEEDED")
    world.server.dags[world.dag_id].runs["run_1"].state = "running"
    reason = world.refusal(action, execution_id=execution["id"])
    assert reason.startswith("the run run_1 has not ended (running)")


@pytest.mark.parametrize("action", ["RETRY", "LOAD"])
def test_a_run_that_is_about_to_end_is_waited_for(world: World, action: str) -> None:
    """Airflow ends a run some seconds after the task record has written how it ended."""
    execution = world.execution(status="SUCCESS")
    run = world.server.dags[world.dag_id].runs["run_1"]
    run.state = "running"
    request = world.request(action, execution_id=execution["id"])
    world.work()
    assert world.read(request)["status"] == "ACCEPTED"
    run.state = "success"
    world.clock.move(SOON)
    world.work()
    assert world.read(request)["status"] == "DONE"


def test_a_run_that_does_not_end_is_waited_for_a_minute(world: World) -> None:
    execution = world.execution(status="SUCCESS")
    world.server.dags[world.dag_id].runs["run_1"].state = "running"
    request = world.request("RETRY", execution_id=execution["id"])
    world.work()
    world.clock.move(RUN_ENDS)
    world.work()
    row = world.read(request)
    assert row["status"] == "REFUSED"
    assert row["reason"].startswith("the run run_1 has not ended (running)")


@pytest.mark.parametrize("action", ["RETRY", "LOAD", "CANCEL"])
def test_a_run_that_airflow_has_lost_is_refused(world: World, action: str) -> None:
    execution = world.execution(status="SUCCESS")
    del world.server.dags[world.dag_id].runs["run_1"]
    assert world.refusal(action, execution_id=execution["id"]).startswith("Airflow has no ")


def test_a_second_retry_clears_again(world: World) -> None:
    execution = world.execution()
    run = world.server.dags[world.dag_id].runs["run_1"]
    for count in (1, 2):
        run.state = "failed"
        world.done("RETRY", execution_id=execution["id"])
        assert len(run.cleared) == count


@pytest.mark.parametrize(
    "columns",
    [{"status": "SUCCESS"}, {"status": "FAILED", "amc_status": "SUCCEEDED"}],
)
def test_a_load_clears_load_and_record_alone(world: World, columns: dict[str, Any]) -> None:
    execution = world.execution(**columns)
    world.done("LOAD", execution_id=execution["id"])
    assert world.server.dags[world.dag_id].runs["run_1"].cleared == [["load", "record"]]


def test_a_load_of_an_interrupted_attempt_begins_with_wait(world: World) -> None:
    ended = {"status": "CANCELLED", "amc_status": "SUCCEEDED"}
    execution = world.execution(error_type="KILLED", **ended)
    world.server.dags[world.dag_id].runs["run_1"].task_states["wait"] = "failed"
    world.done("LOAD", execution_id=execution["id"])
    assert world.server.dags[world.dag_id].runs["run_1"].cleared == [["wait", "load", "record"]]

    other = world.execution("run_2", error_type="RUN_FAILED", **ended)
    world.server.dags[world.dag_id].runs["run_2"].task_states["wait"] = "failed"
    assert "insert a RETRY" in world.refusal("LOAD", execution_id=other["id"])
    assert world.server.dags[world.dag_id].runs["run_2"].cleared == []


def test_a_load_without_results_is_refused(world: World) -> None:
    execution = world.execution(amc_status="FAILED")
    assert "AMC has no results" in world.refusal("LOAD", execution_id=execution["id"])


@pytest.mark.parametrize("action", ["RETRY", "LOAD"])
@pytest.mark.parametrize("status", ["FAILED", "SUCCESS"])
def test_a_request_on_an_earlier_attempt_is_refused(world: World, action: str, status: str) -> None:
    """The run may have its results by now, and another query costs."""
    earlier = world.execution(status=status)
    latest = world.execution(attempt=2, status="SUCCESS")
    reason = world.refusal(action, execution_id=earlier["id"])
    assert reason.startswith(f"the run has a later attempt, and a {action} is for the latest")
    assert world.server.dags[world.dag_id].runs["run_1"].cleared == []
    world.done(action, execution_id=latest["id"])


def test_a_retry_of_a_collection_clears_the_runs_of_its_failed_weeks(world: World) -> None:
    fail_weeks(world, 3)
    world.server.dags[world.collection_dag_id].runs["week_2"].state = "running"
    world.done("RETRY", collection_id=world.collection["id"])
    runs = world.server.dags[world.collection_dag_id].runs
    assert {name: run.cleared for name, run in runs.items() if run.cleared} == {
        "week_1": [None],
        "week_3": [None],
    }


def test_a_collection_without_failed_weeks_is_refused(world: World) -> None:
    reason = world.refusal("RETRY", collection_id=world.collection["id"])
    assert reason == "no week of the collection has the status FAILED"


def test_a_follower_that_died_after_it_cleared_all_weeks_has_done_its_request(
    world: World,
) -> None:
    request = world.request("RETRY", collection_id=world.collection["id"])
    accepted = {"status": "ACCEPTED", "accepted_at": datetime.now(UTC)}
    world.rows.update("run_requests", request, **accepted)
    world.work()
    assert world.read(request)["status"] == "DONE"


def test_a_collection_of_many_weeks_lets_others_have_their_turn(
    world: World, database: Database, rows: Rows
) -> None:
    """Each call takes six seconds: a turn ends after two weeks."""
    fail_weeks(world, 4)
    other = build_world(database, rows, world.server)
    other.clock = world.clock
    order: list[str] = []

    def note(method: str, path: str) -> None:
        world.clock.move(timedelta(seconds=TURN_SECONDS / 5))
        if method == "POST":
            order.append("other" if other.dag_id in path else "mine")

    world.server.before = note
    mine = world.request("RETRY", collection_id=world.collection["id"])
    world.request("RETRY", collection_id=world.collection["id"])
    theirs = other.request("RUN", schedule_id=other.schedule["id"])
    world.work()
    assert order.index("other") < len(order) - 1
    assert world.read(mine)["status"] == "DONE"
    assert other.read(theirs)["status"] == "DONE"
    runs = world.server.dags[world.collection_dag_id].runs
    assert all(len(runs[f"week_{number}"].cleared) == 1 for number in (1, 2, 3, 4))
