"""The client of Airflow's API: what each kind of answer means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from fixtures.airflow_runs import FakeDag, RunServer
from recomamp.follower.airflow_api import AirflowApi
from recomamp.follower.airflow_runs import (
    AirflowRefused,
    AirflowRuns,
    AirflowUnavailable,
    BackfillRange,
    TaskState,
)

DAG = "amc_schedule_1"
MAY = BackfillRange(
    first_day=date(2026, 5, 1), last_day=date(2026, 5, 31), reprocess_behavior="none", conf={}
)
CALLS: dict[str, Callable[[AirflowRuns], Any]] = {
    "is_paused": lambda runs: runs.is_paused(DAG),
    "run_state": lambda runs: runs.run_state(DAG, "r"),
    "task": lambda runs: runs.task(DAG, "r", "record"),
    "run_of_date": lambda runs: runs.run_of_date(DAG, datetime(2026, 5, 1, tzinfo=UTC)),
    "create_run": lambda runs: runs.create_run(DAG, "r", {}),
    "clear": lambda runs: runs.clear(DAG, "r", task_ids=None, note="n"),
    "fail_run": lambda runs: runs.fail_run(DAG, "r"),
    "last_backfill_id": lambda runs: runs.last_backfill_id(DAG),
    "create_backfill": lambda runs: runs.create_backfill(DAG, MAY),
}


def answering(answer: httpx.Response) -> AirflowRuns:
    return RunServer(instead=lambda _method, _path: answer).runs()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"detail": "Internal"}),
        httpx.Response(502, html="<html>Bad gateway</html>"),
        httpx.Response(503, json={"detail": "Database is locked"}),
        httpx.Response(429, json={"detail": "slow down"}),
        httpx.Response(403, json={"detail": "Forbidden"}),
        httpx.Response(404, json={"detail": "Not Found"}),
        httpx.Response(404, html="<html>no such page</html>"),
        httpx.Response(400, html="<html>what?</html>"),
        httpx.Response(302, headers={"location": "http://elsewhere"}),
        httpx.Response(200, html="<html>welcome</html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, text="[" * 100_000),
    ],
    ids=lambda one: f"{one.status_code} {one.text[:12]}",
)
def test_what_is_no_answer_of_airflow_says_nothing_of_the_dag(
    call: str, answer: httpx.Response
) -> None:
    with pytest.raises(AirflowUnavailable) as unknown:
        CALLS[call](answering(answer))
    assert not unknown.value.is_away


@pytest.mark.parametrize("call", CALLS)
def test_a_network_error_means_that_airflow_is_away(call: str) -> None:
    def refuse(_method: str, _path: str) -> None:
        raise httpx.ConnectError("refused")

    with pytest.raises(AirflowUnavailable) as unknown:
        CALLS[call](RunServer(before=refuse).runs())
    assert unknown.value.is_away


@pytest.mark.parametrize("body", ["<html>", "{}", "[]", '{"access_token": null}'])
@pytest.mark.parametrize("status", [201, 401, 500])
def test_a_sign_in_that_fails_concerns_all_requests(status: int, body: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        is_sign_in = request.url.path == "/auth/token"
        return httpx.Response(status if is_sign_in else 401, text=body)

    api = AirflowApi("http://airflow", "u", "p", transport=httpx.MockTransport(answer))
    with pytest.raises(AirflowUnavailable):
        AirflowRuns(api).is_paused(DAG)


@pytest.mark.parametrize("call", ["create_run", "clear", "fail_run", "create_backfill"])
@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("No runs to create", "No runs to create"),
        ([{"msg": "wrong type", "input": "secret"}, {"msg": "wrong day"}], "wrong type; wrong day"),
        ({"reason": "Data error", "statement": "INSERT secret"}, "Data error"),
        ("a\nb\x1b" + "x" * 9000, "a b"),
    ],
)
def test_a_refusal_has_airflows_words_in_one_short_line_and_no_statement(
    call: str, detail: Any, words: str
) -> None:
    with pytest.raises(AirflowRefused) as refused:
        CALLS[call](answering(httpx.Response(422, json={"detail": detail})))
    assert str(refused.value).startswith(words)
    assert len(str(refused.value)) <= 500
    assert "secret" not in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_missing_dag_and_a_missing_run_are_none() -> None:
    server = RunServer()
    runs = server.runs()
    for _ in range(2):
        assert runs.is_paused(DAG) is None
        assert runs.run_state(DAG, "r") is None
        assert runs.task(DAG, "r", "record") is None
        assert runs.run_of_date(DAG, datetime(2026, 5, 1, tzinfo=UTC)) is None
        assert not runs.clear(DAG, "r", task_ids=None, note="n")
        assert not runs.fail_run(DAG, "r")
        server.dags = {DAG: FakeDag(is_stale=True)}
    assert not runs.create_run(DAG, "r", {})


def test_a_run_is_created_once_for_each_id() -> None:
    server = RunServer({DAG: FakeDag()})
    runs = server.runs()
    assert runs.create_run(DAG, "r", {"minimum": 5})
    assert runs.create_run(DAG, "r", {"minimum": 6})
    assert server.dags[DAG].runs["r"].conf == {"minimum": 5}


def test_a_conflict_without_a_run_is_a_refusal() -> None:
    server = RunServer({DAG: FakeDag()})
    server.instead = lambda method, _path: (
        httpx.Response(409, json={"detail": "conflict"}) if method == "POST" else None
    )
    with pytest.raises(AirflowRefused):
        server.runs().create_run(DAG, "r", {})


@pytest.mark.parametrize("run_id", ["scheduled__2026-05-01T00:00:00+00:00", "a~b.c", "../x", "a/b"])
def test_an_id_stays_one_part_of_the_address(run_id: str) -> None:
    server = RunServer()
    run = server.add_run(DAG, run_id, "running")
    runs = server.runs()
    assert runs.run_state(DAG, run_id) == "running"
    assert runs.fail_run(DAG, run_id)
    assert run.failed == 1


def test_a_clear_leaves_its_note_on_the_tasks() -> None:
    server = RunServer()
    run = server.add_run(DAG, "r", "failed")
    runs = server.runs()
    assert runs.clear(DAG, "r", task_ids=["load", "record"], note="by row 1")
    assert run.cleared == [["load", "record"]]
    assert runs.task(DAG, "r", "record") == TaskState(state="success", note="by row 1")
    assert runs.task(DAG, "r", "submit") == TaskState(state="success", note=None)


def test_a_body_that_json_cannot_hold_is_the_requests_fault_and_not_airflows() -> None:
    server = RunServer({DAG: FakeDag()})
    with pytest.raises(AirflowRefused):
        server.runs().create_run(DAG, "r", {"minimum": float("inf")})
    assert server.calls == []


def test_a_backfill_is_found_by_its_range_and_values_among_newer_ones() -> None:
    server = RunServer({DAG: FakeDag()})
    runs = server.runs()
    assert runs.last_backfill_id(DAG) == 0
    number = runs.create_backfill(DAG, MAY)
    assert number == runs.last_backfill_id(DAG) == 1
    assert runs.find_backfill(DAG, MAY, after_id=0) == 1
    assert runs.find_backfill(DAG, MAY, after_id=1) is None
    assert runs.find_backfill("amc_schedule_2", MAY, after_id=0) is None
    other = BackfillRange(
        first_day=MAY.first_day, last_day=MAY.last_day, reprocess_behavior="none", conf={"a": 1}
    )
    assert runs.find_backfill(DAG, other, after_id=0) is None
    server.backfills[0]["from_date"] = "2026-05-01T00:00:00+00:00"  # as Airflow may write it
    assert runs.find_backfill(DAG, MAY, after_id=0) == 1


def test_a_second_backfill_of_a_dag_is_a_conflict() -> None:
    runs = RunServer({DAG: FakeDag()}).runs()
    runs.create_backfill(DAG, MAY)
    with pytest.raises(AirflowRefused) as refused:
        runs.create_backfill(DAG, MAY)
    assert refused.value.is_conflict
