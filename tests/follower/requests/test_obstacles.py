"""What keeps a request from being done, and that one request keeps no other away."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fixtures.postgres import Database, Rows
from fixtures.run_requests import (
    MAY,
    MINUTE,
    World,
    build_world,
)
from recomamp.follower import __main__ as main
from recomamp.follower.dry_runs import DryRunStarter
from recomamp.follower.follower import Follower
from recomamp.follower.listener import DefinitionChange
from recomamp.follower.request_worker import LEASE, MAX_ERRORS
from recomamp.follower.run_requests import (
    MISSING_DAG,
)


def test_a_dag_that_is_not_there_yet_is_waited_for(world: World) -> None:
    dag = world.server.dags.pop(world.dag_id)
    request = world.request("RUN", schedule_id=world.schedule["id"])
    world.work()
    assert world.read(request)["status"] == "ACCEPTED"
    world.clock.move(MISSING_DAG - MINUTE)
    world.work()
    assert world.read(request)["reason"] == "Airflow has no DAG of the row yet"
    world.server.dags[world.dag_id] = dag
    world.clock.move(MINUTE / 2)
    world.work()
    assert world.read(request)["status"] == "DONE"


@pytest.mark.parametrize("is_stale", [True, False])
def test_a_dag_that_does_not_come_is_refused_with_what_to_do(world: World, is_stale: bool) -> None:
    world.server.dags[world.dag_id].is_stale = True
    if not is_stale:
        del world.server.dags[world.dag_id]
    request = world.request("RUN", schedule_id=world.schedule["id"])
    world.work()
    world.clock.move(MISSING_DAG + MINUTE)
    world.work()
    row = world.read(request)
    assert row["status"] == "REFUSED"
    assert "whether the dag-processor works" in row["reason"]


def test_ten_minutes_without_airflow_are_not_ten_minutes_without_a_dag(world: World) -> None:
    del world.server.dags[world.dag_id]
    request = world.request("RUN", schedule_id=world.schedule["id"])
    world.server.instead = lambda _method, _path: httpx.Response(502, html="<html>")
    world.work()
    row = world.read(request)
    assert (row["status"], row["accepted_at"]) == ("PENDING", None)
    assert "cannot be used (502)" in row["reason"]
    world.clock.move(timedelta(days=3))
    world.server.instead = lambda _method, _path: None
    world.work()
    assert world.read(request)["status"] == "ACCEPTED"


@pytest.mark.parametrize("action", ["RUN", "BACKFILL", "RETRY"])
def test_a_paused_dag_is_refused(world: World, action: str) -> None:
    execution = world.execution()
    world.server.dags[world.dag_id].is_paused = True
    columns: dict[str, Any] = {"schedule_id": world.schedule["id"]}
    if action == "RETRY":
        columns = {"execution_id": execution["id"]}
    reason = world.refusal(action, **columns, **(MAY if action == "BACKFILL" else {}))
    assert "is paused in Airflow" in reason
    assert world.server.changes() == []


def test_a_user_who_is_not_active_is_refused(world: World) -> None:
    world.rows.update("users", world.workflow["user_id"], is_active=False)
    assert "not active" in world.refusal("RUN", schedule_id=world.schedule["id"])
    assert world.server.changes() == []


def test_a_request_of_a_deleted_schedule_is_refused(world: World) -> None:
    request = world.request("RUN", schedule_id=world.schedule["id"])
    world.database.query("DELETE FROM workflow_schedules")
    world.work()
    assert world.read(request)["status"] == "REFUSED"


def test_an_execution_of_the_application_is_refused(world: World) -> None:
    execution = world.rows.execution(world.workflow, status="FAILED")
    assert "the application ran" in world.refusal("RETRY", execution_id=execution["id"])


def test_while_airflow_is_away_one_request_is_tried_and_none_is_lost(world: World) -> None:
    requests = [world.request("RUN", schedule_id=world.schedule["id"]) for _ in range(3)]

    def away(_method: str, _path: str) -> None:
        raise httpx.ConnectError("refused")

    world.server.before = away
    world.work()
    assert len(world.server.calls) == 1
    for _ in range(20):
        world.clock.move(timedelta(hours=1))
        world.work()
    world.server.before = lambda _method, _path: None
    world.clock.move(MINUTE)
    world.work()
    assert {world.read(one)["status"] for one in requests} == {"DONE"}


def test_an_error_of_one_request_stops_no_other(world: World) -> None:
    def break_one(_method: str, path: str) -> httpx.Response | None:
        is_of_it = world.dag_id in path
        return httpx.Response(200, json={"unexpected": 1}) if is_of_it else None

    world.server.instead = break_one
    broken = world.request("RUN", schedule_id=world.schedule["id"])
    good = world.request("RUN", collection_id=world.collection["id"])
    world.work()
    assert world.read(broken)["status"] == "PENDING"
    assert "unexpected error" in world.read(broken)["reason"]
    assert world.read(good)["status"] == "DONE"


def test_an_error_that_repeats_ends_as_refused(world: World) -> None:
    world.server.instead = lambda _method, _path: httpx.Response(200, json={"unexpected": 1})
    request, worker = world.request("RUN", schedule_id=world.schedule["id"]), world.worker()
    for _ in range(MAX_ERRORS):
        assert world.read(request)["status"] == "PENDING"
        worker.work()
        world.clock.move(MINUTE)
    row = world.read(request)
    assert row["status"] == "REFUSED"
    assert "20 times; ask the operator" in row["reason"]


@pytest.mark.parametrize("before", ["GET", "POST"], ids=["before it is accepted", "before its end"])
def test_a_person_who_locks_a_request_keeps_no_other_away(
    world: World, database: Database, rows: Rows, before: str
) -> None:
    """An analyst deletes the schedule of a request and leaves the transaction open."""
    analyst = database.connect("recomamp_analyst", str(world.workflow["user_id"]))
    other = build_world(database, rows, world.server)
    locked = world.request("RUN", schedule_id=world.schedule["id"])
    good = other.request("RUN", schedule_id=other.schedule["id"])
    rows.update("run_requests", locked, next_try_at=locked["next_try_at"] - MINUTE)

    def lock(method: str, path: str) -> None:
        if method == before and world.dag_id in path and not analyst.info.transaction_status:
            with analyst.cursor() as cursor:
                cursor.execute(
                    "SELECT delete_own_row('workflow_schedules', %s)", [str(world.schedule["id"])]
                )

    world.server.before = lock
    begin = monotonic()
    world.work()
    assert analyst.info.transaction_status
    assert world.read(good)["status"] == "DONE"
    assert world.read(locked)["completed_at"] is None
    assert monotonic() - begin < 20
    world.clock.move(LEASE)
    world.work()  # passes the locked row over
    analyst.rollback()
    world.server.before = lambda _method, _path: None
    world.work()
    assert world.read(locked)["status"] == "DONE"
    assert len(world.server.dags[world.dag_id].runs) == 2


def test_rows_of_another_user_count_as_missing(
    world: World, database: Database, rows: Rows
) -> None:
    """Also where the database's owner has put them into a request."""
    other = build_world(database, rows, world.server)
    execution = other.execution("run_9")
    request = world.request("RUN", schedule_id=world.schedule["id"])
    foreign = world.request("RETRY", execution_id=world.execution()["id"])
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for column, value, row in (
            ("schedule_id", other.schedule["id"], request),
            ("execution_id", execution["id"], foreign),
        ):
            cursor.execute(
                f"UPDATE run_requests SET {column} = %s WHERE id = %s", [value, row["id"]]
            )
    world.work()
    assert {world.read(one)["status"] for one in (request, foreign)} == {"REFUSED"}
    assert world.server.changes() == []


class Wakes:
    """Counts how often a worker is woken."""

    count = 0

    def wake(self) -> None:
        self.count += 1


@pytest.mark.parametrize(("table", "wakes"), [("run_requests", 1), ("workflow_schedules", 0)])
def test_an_inserted_request_wakes_the_worker(
    monkeypatch: pytest.MonkeyPatch, table: str, wakes: int
) -> None:
    monkeypatch.setattr(
        main, "listen", lambda *_: iter([{DefinitionChange(table, uuid4())}, set()])
    )
    monkeypatch.setattr(main, "changed_definitions", lambda *_: set())
    monkeypatch.setattr(main, "GATHER_SECONDS", 0)
    worker: Any = Wakes()
    nothing: Any = None
    main._follow(Follower(nothing), DryRunStarter(nothing), nothing, worker)
    assert worker.count == wakes
