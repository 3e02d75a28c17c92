"""A schedule and a run of it, for the tests of the steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.connections import one_connection
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.triggers import base


@pytest.fixture
def schedule(rows: Rows, instance: Row) -> Row:
    """Insert a schedule of the demo instance."""
    return rows.schedule(workflow=rows.workflow(instance=instance))


@pytest.fixture
def run(database: Database, schedule: Row) -> Run:
    """Give a run of the schedule of which nothing has been done."""
    return Run(database, schedule_id=str(schedule["id"]))


@pytest.fixture(autouse=True)
def kept_connection(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Have all steps of a test use one connection, unless sessions are its matter."""
    if request.node.get_closest_marker("own_sessions"):
        yield
        return
    with one_connection(monkeypatch, DatabaseHook()):
        yield


@pytest.fixture
def task_state(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Say what Airflow says of the waiting task; the first of the list counts."""
    states: list[str | None] = ["deferred"]

    async def ask(dag_id: str, run_id: str, task_id: str) -> str | None:
        return states[0]

    monkeypatch.setattr(base, "state_of_task", ask)
    return states
