"""A CANCEL marks a run failed."""

from __future__ import annotations

import pytest

from fixtures.run_requests import (
    World,
)


def test_a_cancel_marks_the_run_failed(world: World) -> None:
    execution = world.execution(status="RUNNING")
    run = world.server.dags[world.dag_id].runs["run_1"]
    run.state = "running"
    row = world.done("CANCEL", execution_id=execution["id"])
    assert (run.state, run.failed, row["dag_run_id"]) == ("failed", 1, "run_1")


@pytest.mark.parametrize("kind", ["schedule", "collection"])
def test_a_cancel_names_a_run_without_an_execution(world: World, kind: str) -> None:
    row = getattr(world, kind)
    dag_id = f"amc_{kind}_{row['id']}"
    run = world.server.add_run(dag_id, "scheduled__2026-05-01T00:00:00+00:00", "queued")
    world.server.dags[dag_id].is_paused = True
    world.done("CANCEL", **{f"{kind}_id": row["id"]}, dag_run_id=run.run_id)
    assert run.failed == 1


def test_a_cancel_of_an_ended_run_is_done_and_changes_nothing(world: World) -> None:
    execution = world.execution(status="SUCCESS")
    run = world.server.dags[world.dag_id].runs["run_1"]
    run.state = "success"
    row = world.done("CANCEL", execution_id=execution["id"])
    assert (run.failed, row["reason"]) == (0, "the run had ended as success")
