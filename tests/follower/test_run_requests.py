"""Requests of people become calls of Airflow's API, once each, and their rows say what happened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.airflow_runs import FakeRun
from fixtures.postgres import Database, Row, Rows
from fixtures.run_requests import FAULTS, Crash, Faults, World, build_world
from recomamp.domain.scheduling.backfills import MAX_BACKFILL_WINDOWS
from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.typed_times import TypedTimes
from recomamp.follower import __main__ as main
from recomamp.follower import run_requests
from recomamp.follower.dry_runs import DryRunStarter
from recomamp.follower.follower import Follower
from recomamp.follower.listener import DefinitionChange
from recomamp.follower.request_worker import LEASE, MAX_ERRORS
from recomamp.follower.run_requests import (
    ACTIVE_BACKFILL,
    LATER,
    MISSING_DAG,
    TURN_SECONDS,
)

pytestmark = pytest.mark.usefixtures("pipeline_connection")

MAY = {"from_date": "2026-05-01", "to_date": "2026-05-03"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(database: Database, rows: Rows) -> World:
    """Provide a user with a schedule and a collection that Airflow knows."""
    return build_world(database, rows)


def run_of(world: World, request: Row) -> FakeRun:
    """Return the run that a RUN has created."""
    dag_id = request["dag_id"]
    assert request["dag_run_id"] == f"request__{request['id']}"
    return world.server.dags[dag_id].runs[request["dag_run_id"]]


# RUN


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


# RETRY and LOAD


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
    execution = world.execution(status="SUCCESS")
    world.server.dags[world.dag_id].runs["run_1"].state = "running"
    reason = world.refusal(action, execution_id=execution["id"])
    assert reason.startswith("the run run_1 has not ended (running)")


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


def test_a_load_without_results_or_of_an_earlier_attempt_is_refused(world: World) -> None:
    execution = world.execution(amc_status="FAILED")
    assert "AMC has no results" in world.refusal("LOAD", execution_id=execution["id"])
    earlier = world.execution("run_2", status="SUCCESS")
    world.execution("run_2", attempt=2)
    assert "a later attempt" in world.refusal("LOAD", execution_id=earlier["id"])


def fail_weeks(world: World, count: int) -> list[Row]:
    """Let weeks fail: the first without an execution, the others with one."""
    weeks = world.rows.weeks(world.collection)[:count]
    for week in weeks:
        number, start = week["week_number"], week["week_start_date"]
        date = f"{start}T00:00:00.000001+00:00"
        world.server.add_run(world.collection_dag_id, f"week_{number}", "failed", logical_date=date)
        execution = None
        if number > 1:
            execution = world.rows.execution(
                world.workflow,
                collection_id=world.collection["id"],
                dag_run_id=f"week_{number}",
                status="FAILED",
            )["id"]
        world.rows.update("report_data_weeks", week, status="FAILED", execution_id=execution)
    return weeks


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


# CANCEL


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


# BACKFILL


@pytest.mark.parametrize(
    ("columns", "sent"),
    [
        ({}, {"reprocess_behavior": "none", "dag_run_conf": None}),
        ({"reprocess_behavior": "completed"}, {"reprocess_behavior": "completed"}),
        ({"parameters": {"minimum": 9}}, {"dag_run_conf": {"minimum": 9}}),
    ],
)
def test_a_backfill_names_days_as_the_command_line_does(
    world: World, columns: dict[str, Any], sent: dict[str, Any]
) -> None:
    row = world.done("BACKFILL", schedule_id=world.schedule["id"], **MAY, **columns)
    (backfill,) = world.server.backfills
    assert row["backfill_id"] == backfill["id"]
    assert (backfill["from_date"], backfill["to_date"]) == (
        "2026-05-01T00:00:00Z",
        "2026-05-03T00:00:00Z",
    )
    assert sent.items() <= backfill.items()


def test_a_backfill_waits_for_another_one_of_its_dag(world: World) -> None:
    earlier = {"dag_id": world.dag_id, "id": 1, "completed_at": None}
    same = {"from_date": "2026-05-01T00:00:00Z", "to_date": "2026-05-03T00:00:00Z"}
    values = {"reprocess_behavior": "none", "dag_run_conf": None}
    world.server.backfills.append({**earlier, **same, **values})
    request = world.request("BACKFILL", schedule_id=world.schedule["id"], **MAY)
    world.work()
    row = world.read(request)
    assert (row["status"], row["backfill_id"]) == ("ACCEPTED", None)
    assert row["reason"] == "another backfill of the DAG is active; this one follows"
    world.clock.move(LATER)
    world.server.backfills[0]["completed_at"] = "2026-06-01T00:00:00Z"
    world.work()
    assert (world.read(request)["status"], world.read(request)["backfill_id"]) == ("DONE", 2)


def test_a_backfill_does_not_wait_for_ever(world: World) -> None:
    world.server.backfills.append({"dag_id": world.dag_id, "id": 1, "completed_at": None})
    world.server.backfills[0] |= {"from_date": "2026-01-01T00:00Z", "to_date": "2026-01-01T00:00Z"}
    request = world.request("BACKFILL", schedule_id=world.schedule["id"], **MAY)
    world.work()
    world.clock.move(ACTIVE_BACKFILL + MINUTE)
    world.work()
    assert world.read(request)["status"] == "REFUSED"


def test_a_backfill_without_windows_or_with_too_many_is_refused(world: World) -> None:
    own = {"schedule_id": world.schedule["id"]}
    future = {"from_date": "2099-01-01", "to_date": "2099-02-01"}
    assert "no window that has ended" in world.refusal("BACKFILL", **own, **future)
    first = datetime(2024, 1, 1, tzinfo=UTC).date()
    most = {"from_date": first, "to_date": first + timedelta(days=MAX_BACKFILL_WINDOWS - 1)}
    world.done("BACKFILL", **own, **most)
    world.server.backfills[0]["completed_at"] = "now"
    more = {**most, "to_date": first + timedelta(days=MAX_BACKFILL_WINDOWS)}
    assert "split the range" in world.refusal("BACKFILL", **own, **more)


@pytest.mark.parametrize("cron", ["0 5 * * *", "0 0 13 * 5", "0 * * * *", "0 0 31 * *"])
def test_counting_the_windows_of_many_years_takes_no_long_time(
    world: World, cron: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rows.update("workflow_schedules", world.schedule, cron_expression=cron)
    ticks: list[datetime] = []
    next_tick = Cron.next_tick

    def count(self: Cron, after: datetime) -> datetime:
        ticks.append(after)
        return next_tick(self, after)

    monkeypatch.setattr(Cron, "next_tick", count)
    years = {"from_date": "2000-01-01", "to_date": "2100-01-01"}
    request = world.request("BACKFILL", schedule_id=world.schedule["id"], **years)
    world.work()
    assert world.read(request)["status"] in ("DONE", "REFUSED")
    assert len(ticks) <= (3 if cron == "0 5 * * *" else MAX_BACKFILL_WINDOWS + 10)


def test_while_another_backfill_is_active_windows_are_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.backfills.append({"dag_id": world.dag_id, "id": 1, "completed_at": None})
    world.server.backfills[0] |= {"from_date": "2026-01-01T00:00Z", "to_date": "2026-01-01T00:00Z"}
    request = world.request("BACKFILL", schedule_id=world.schedule["id"], **MAY)
    world.work()
    counts: list[bool] = []
    monkeypatch.setattr(run_requests, "count_windows", lambda *_: counts.append(True) or 3)
    for _ in range(5):
        world.clock.move(LATER)
        world.work()
    assert world.read(request)["reason"].startswith("another backfill")
    assert counts == []


# What is in the way


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


# Once


def of_each_action(world: World) -> dict[str, tuple[dict[str, Any], Callable[[], int]]]:
    """Return the columns of a request of each action, and what counts its effects."""
    retried = world.execution("run_retry")
    loaded = world.execution("run_load", status="SUCCESS")
    cancelled = world.execution("run_cancel", status="RUNNING")
    runs = world.server.dags[world.dag_id].runs
    runs["run_cancel"].state = "running"
    fail_weeks(world, 2)
    weeks = world.server.dags[world.collection_dag_id].runs
    own, earlier = {"schedule_id": world.schedule["id"]}, len(runs)
    return {
        "RUN": (own, lambda: len(runs) - earlier),
        "RETRY": ({"execution_id": retried["id"]}, lambda: len(runs["run_retry"].cleared)),
        "RETRY weeks": (
            {"collection_id": world.collection["id"]},
            lambda: max(len(weeks[name].cleared) for name in ("week_1", "week_2")),
        ),
        "LOAD": ({"execution_id": loaded["id"]}, lambda: len(runs["run_load"].cleared)),
        "CANCEL": ({"execution_id": cancelled["id"]}, lambda: runs["run_cancel"].failed),
        "BACKFILL": ({**own, **MAY}, lambda: len(world.server.backfills)),
    }


ACTIONS = ("RUN", "RETRY", "RETRY weeks", "LOAD", "CANCEL", "BACKFILL")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_follower_that_dies_at_any_point_has_it_done_once(
    database: Database, rows: Rows, action: str
) -> None:
    for deadly in range(1, 100):
        world = build_world(database, rows)
        columns, effects = of_each_action(world)[action]
        request = world.request(action.split()[0], **columns)
        points = iter(range(1, 1000))

        def die(_name: str, _path: str = "") -> None:
            if next(points) == deadly:  # noqa: B023 - called in this round alone
                raise Crash

        world.server.before = world.server.after = die
        try:
            world.worker(die).work()
            has_died = False
        except Crash:
            has_died = True
        world.server.before = world.server.after = lambda _method, _path: None
        world.clock.move(LEASE)
        world.work()
        row = world.read(request)
        assert row["status"] == "DONE", (deadly, row["reason"])
        assert effects() == 1, deadly
        if not has_died:
            assert deadly > 5
            return
    raise AssertionError("it dies for ever")


@pytest.mark.parametrize("name", ["RETRY", "RETRY weeks", "LOAD"])
def test_a_run_that_was_cleared_and_has_ended_again_is_not_cleared_twice(
    world: World, name: str
) -> None:
    """The follower died after the clear; the run was quicker than the end of the claim."""
    columns, effects = of_each_action(world)[name]
    request = world.request(name.split()[0], **columns)

    def end_and_die(method: str, _path: str) -> None:
        if method == "POST":
            for dag in world.server.dags.values():
                for run in dag.runs.values():
                    run.state = "failed"
            raise Crash

    world.server.after = end_and_die
    with pytest.raises(Crash):
        world.work()
    world.server.after = lambda _method, _path: None
    world.clock.move(LEASE)
    world.work()
    assert world.read(request)["status"] == "DONE"
    assert effects() == 1


@pytest.mark.parametrize("name", ["RETRY", "LOAD"])
def test_a_second_request_leaves_the_mark_of_the_first_whose_follower_died(
    world: World, name: str
) -> None:
    columns, effects = of_each_action(world)[name]
    first = world.request(name, **columns)

    def end_and_die(method: str, _path: str) -> None:
        if method == "POST":
            end_runs()
            raise Crash

    def end_runs() -> None:
        for run in world.server.dags[world.dag_id].runs.values():
            run.state = "failed"

    world.server.after = end_and_die
    with pytest.raises(Crash):
        world.work()
    world.server.after = lambda _method, _path: None
    second = world.request(name, **columns)
    world.work()
    assert (world.read(first)["status"], world.read(second)["status"]) == ("ACCEPTED", "DONE")
    end_runs()
    world.clock.move(LEASE)
    world.work()
    assert world.read(first)["status"] == "DONE"
    assert effects() == 2


def test_a_follower_whose_claim_has_ended_writes_nothing_more(world: World) -> None:
    """It is slow at its only change; another follower does the request meanwhile."""
    request = world.request("RUN", schedule_id=world.schedule["id"])
    is_slow = [True]

    def wait(method: str, _path: str) -> None:
        if method == "POST" and is_slow.pop() is True:
            is_slow.append(False)
            world.clock.move(LEASE)
            world.work()

    world.server.before = wait
    is_slow.append(True)
    world.work()
    row = world.read(request)
    assert (row["status"], row["attempts"]) == ("DONE", 2)
    assert len(world.server.dags[world.dag_id].runs) == 2


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=40), order=st.permutations(ACTIONS))
def test_whatever_fails_meanwhile_each_request_is_done_once(
    database: Database, rows: Rows, faults: list[str], order: list[str]
) -> None:
    world = build_world(database, rows)
    cases = of_each_action(world)
    requests = [world.request(name.split()[0], **cases[name][0]) for name in order]
    breaker = Faults(faults)
    breaker.break_calls_of(world.server)
    for _ in range(60):
        with suppress(Crash):
            world.worker(breaker.at_edge).work()
        world.clock.move(LEASE)
        if not breaker.remaining and all(world.read(one)["completed_at"] for one in requests):
            break
    assert [world.read(one)["status"] for one in requests] == ["DONE"] * len(requests)
    assert {name: effects() for name, (_, effects) in cases.items()} == dict.fromkeys(ACTIONS, 1)


# RESTATE


def restatement(world: World, start: datetime, end: datetime) -> Row:
    """Insert a request of the pipeline."""
    return world.request(
        "RESTATE", schedule_id=world.schedule["id"], window_start=start, window_end=end,
        restate_age_days=3,
    )  # fmt: skip


def test_a_restatement_runs_exactly_its_window(world: World) -> None:
    start, end = datetime(2026, 5, 3, 22, tzinfo=UTC), datetime(2026, 5, 4, 22, tzinfo=UTC)
    request = restatement(world, start, end)
    world.work()
    row = world.read(request)
    assert (row["status"], row["dag_run_id"]) == ("DONE", f"restate__{row['id']}")
    run = world.server.dags[world.dag_id].runs[row["dag_run_id"]]
    assert run.conf == {
        "window_start": "2026-05-04T00:00:00+02:00",
        "window_end": "2026-05-05T00:00:00+02:00",
    }


@pytest.mark.parametrize(("cron", "zone"), [
    ("0 */6 * * *", "Europe/Berlin"), ("0 6 * * *", "America/Los_Angeles"), ("0 6 * * *", "UTC"),
    ("0 */6 * * *", "Europe/London"),
])  # fmt: skip
@pytest.mark.parametrize("hours", [0, 7, 8, 22, 23])
def test_the_run_reads_the_very_window(world: World, cron: str, zone: str, hours: int) -> None:
    """Two midnights in UTC would be taken for days of the row's zone."""
    world.rows.update("workflow_schedules", world.schedule, cron_expression=cron, timezone=zone)
    start = datetime(2026, 5, 4, hours, tzinfo=UTC)
    request = restatement(world, start, start + timedelta(days=1))
    world.work()
    row = world.read(request)
    conf = world.server.dags[world.dag_id].runs[row["dag_run_id"]].conf
    typed = TypedTimes(time_zone=zone, is_whole_days=cron == "0 6 * * *")
    found = typed.window(conf["window_start"], conf["window_end"])
    if zone != "UTC" or not typed.is_whole_days or hours == 0:
        assert found == (start, start + timedelta(days=1))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_restatement_starts_one_run_whatever_breaks(world: World, fault: str) -> None:
    start = datetime(2026, 5, 3, 22, tzinfo=UTC)
    request = restatement(world, start, start + timedelta(days=1))
    faults = Faults([fault] * 2)
    faults.break_calls_of(world.server)
    for _ in range(8):
        with suppress(Crash):
            world.worker(faults.at_edge).work()
        world.clock.move(LEASE + MINUTE)
    row = world.read(request)
    assert row["status"] == "DONE", row["reason"]
    runs = [one for one in world.server.dags[world.dag_id].runs if one.startswith("restate__")]
    assert runs == [row["dag_run_id"]]
