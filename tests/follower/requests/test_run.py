"""A RUN starts one run with the window and the values of its request."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fixtures.airflow_runs import FakeRun
from fixtures.postgres import Row
from fixtures.run_requests import (
    MAY,
    World,
)


def run_of(world: World, request: Row) -> FakeRun:
    """Return the run that a RUN has created."""
    dag_id = request["dag_id"]
    assert request["dag_run_id"] == f"request__{request['id']}"
    return world.server.dags[dag_id].runs[request["dag_run_id"]]


def test_a_run_without_a_window_is_a_manual_run(world: World) -> None:
    row = world.done("RUN", schedule_id=world.schedule["id"])
    assert row["dag_id"] == world.dag_id
    assert run_of(world, row).conf == {}
    assert row["accepted_at"] <= row["completed_at"]


@pytest.mark.parametrize(
    ("columns", "conf"),
    [
        (MAY, {"window_start": "2026-05-01", "window_end": "2026-05-04"}),
        (
            {"window_start": "2026-05-01T00:00+02", "window_end": "2026-05-02T06:00+02"},
            {
                "window_start": "2026-04-30T22:00:00+00:00",
                "window_end": "2026-05-02T04:00:00+00:00",
            },
        ),
        ({"parameters": {"minimum": 7}}, {"minimum": 7}),
        ({"parameters": {"minimum": None}}, {}),
    ],
)
def test_a_run_has_the_window_and_values_of_the_request(
    world: World, columns: dict[str, Any], conf: dict[str, Any]
) -> None:
    row = world.done("RUN", schedule_id=world.schedule["id"], **columns)
    assert run_of(world, row).conf == conf


def test_a_run_of_a_collection_is_of_one_week(world: World) -> None:
    week = {"from_date": "2026-01-08", "to_date": "2026-01-14"}
    row = world.done("RUN", collection_id=world.collection["id"], **week)
    assert run_of(world, row).conf == {"window_start": "2026-01-08", "window_end": "2026-01-15"}
    reason = world.refusal("RUN", collection_id=world.collection["id"], **MAY)
    assert reason.startswith("run_requests.window_start: ")
    assert "week of the collection" in reason


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"maximum": 1}, "run_requests.parameters: parameter 'maximum' is not declared"),
        ({"minimum": "many"}, "run_requests.parameters: parameter minimum is a string"),
    ],
)
@pytest.mark.parametrize("action", ["RUN", "BACKFILL"])
def test_a_value_that_the_query_cannot_take_is_refused(
    world: World, action: str, parameters: dict[str, Any], words: str
) -> None:
    dates = MAY if action == "BACKFILL" else {}
    reason = world.refusal(action, schedule_id=world.schedule["id"], parameters=parameters, **dates)
    assert reason.startswith(words)
    assert world.server.changes() == []


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 5000])
@pytest.mark.parametrize("kind", ["LONG", "DOUBLE", "DECIMAL", "STRING"])
def test_a_number_that_python_cannot_hold_is_refused_and_stops_no_other(
    world: World, number: str, kind: str
) -> None:
    parameters = {"minimum": {"type": kind, "required": False}}
    world.rows.update("workflows", world.workflow, parameters=parameters)
    world.database.query(
        "INSERT INTO run_requests (user_id, action, schedule_id, parameters)"
        " VALUES (%s, 'RUN', %s, %s)",
        [world.workflow["user_id"], world.schedule["id"], f'{{"minimum": {number}}}'],
    )
    world.request("RUN", collection_id=world.collection["id"])
    world.work()
    found = world.database.query("SELECT status FROM run_requests ORDER BY created_at")
    assert [row["status"] for row in found] == ["REFUSED", "DONE"]


def test_airflows_refusal_is_in_the_reason(world: World) -> None:
    world.server.instead = lambda method, _path: (
        httpx.Response(400, json={"detail": "Invalid input for param"})
        if method == "POST"
        else None
    )
    reason = world.refusal("RUN", schedule_id=world.schedule["id"])
    assert reason == "Airflow refuses it: Invalid input for param"


@pytest.mark.parametrize(
    ("columns", "column"),
    [
        ({"from_date": "2100-01-01", "to_date": "2100-01-01"}, "to_date"),
        ({"window_start": "2099-12-31T00:00Z", "window_end": "2100-01-02T00:00Z"}, "window_end"),
    ],
)
def test_a_window_beyond_2100_is_refused_with_its_column(
    world: World, columns: dict[str, Any], column: str
) -> None:
    reason = world.refusal("RUN", schedule_id=world.schedule["id"], **columns)
    assert reason.startswith(f"run_requests.{column}: the window must end by 2100-01-01")
