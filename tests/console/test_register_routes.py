"""The routes that check and save rows, on a real database. Airflow's rights are those of a stub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx
import psycopg2
import pytest
from fastapi import FastAPI, status

from fixtures.postgres import Database, Row, Rows
from recomamp.console import register
from recomamp.console.access import Method, Visitor, current_visitor
from recomamp.console.app import build_app
from recomamp.console.database import MAX_CONNECTIONS
from recomamp.console.register import CHANGED_SINCE, TRIED_LATER

QUERY = "SELECT campaign, SUM(clicks) AS clicks FROM sponsored_ads_traffic GROUP BY campaign"

Ask = Callable[..., httpx.Response]


class Editor(Visitor):
    """A user who may change these DAGs, or all of them."""

    id = "ann"
    may_edit_all = False

    def __init__(self, dag_ids: Iterable[str] | None = None, *, reads: Iterable[str] = ()) -> None:
        self.dag_ids, self.reads = set(dag_ids or ()), set(reads)
        self.may_edit_all = dag_ids is None

    def may(self, method: Method, dag_id: str, entity: object = None) -> bool:
        """Answer for Airflow."""
        allowed = self.dag_ids | (self.reads if method == "GET" else set())
        return self.may_edit_all or dag_id in allowed

    def require_read_all(self, entity: object) -> None:
        """Allow it."""


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, database: Database) -> FastAPI:
    """Build the console, with the rights of its role."""
    uri = urlsplit(database.uri)
    server = dict(parse_qsl(uri.query))
    connection = {
        "conn_type": "postgres",
        "host": uri.hostname or server.get("host"),
        "port": uri.port or server.get("port"),
        "login": uri.username or server.get("user"),
        "password": uri.password,
        "schema": uri.path.lstrip("/"),
        "extra": {"options": "-c role=recomamp_console"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_CONSOLE_DB", json.dumps(connection))
    return build_app()


@pytest.fixture
def ask(app: FastAPI) -> Ask:
    """Give a function that asks a route: ask("POST", "/check", form, by=Editor())."""

    async def request(method: str, path: str, form: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.request(method, f"/api/register{path}", json=form)

    def ask(
        method: str, path: str = "", form: Any = None, by: Visitor | None = None
    ) -> httpx.Response:
        app.dependency_overrides[current_visitor] = lambda: by or Editor()
        return asyncio.run(request(method, path, form))

    return ask


@pytest.fixture
def schedule(rows: Rows) -> Row:
    return rows.schedule(workflow=rows.workflow(sql_query=QUERY))


def dag_of(schedule: Row) -> str:
    return f"amc_schedule_{schedule['id']}"


def opened(ask: Ask, kind: str, key: object) -> dict[str, Any]:
    return dict(ask("GET", f"/{kind}/{key}").json() | {"kind": kind})


def test_a_row_is_saved_as_its_owner(ask: Ask, rows: Rows, database: Database) -> None:
    instance = rows.instance()
    form = {
        "kind": "workflow",
        "instance_id": str(instance["id"]),
        "name": "Clicks",
        "sql_query": f"{QUERY} HAVING SUM(clicks) > {{{{least}}}}",
        "parameters": [{"name": "least", "type": "LONG", "value": "9007199254740993"}],
        "tags": ["daily"],
    }
    answer = ask("POST", form=form)
    assert answer.status_code == status.HTTP_201_CREATED
    [row] = database.query("SELECT * FROM workflows WHERE id = %s", [answer.json()["id"]])
    assert (row["user_id"], row["tags"]) == (instance["user_id"], ["daily"])
    assert row["parameters"] == {"least": {"type": "LONG", "default": "9007199254740993"}}
    shown = opened(ask, "workflow", row["id"])
    assert shown["parameters"][0]["value"] == "9007199254740993"
    assert ask("PUT", f"/{row['id']}", shown | {"name": "Clicks, changed"}).is_success


def test_a_collection_is_previewed_and_saved(ask: Ask, rows: Rows, database: Database) -> None:
    workflow = rows.workflow(sql_query=QUERY)
    form = {
        "kind": "collection",
        "workflow_id": str(workflow["id"]),
        "instance_id": str(workflow["instance_id"]),
        "name": "Winter",
        "start_date": "2026-01-05",
        "end_date": "2026-02-03",
        "timezone": "Europe/Madrid",
        "window": {"lag_days": "3", "restate_days": "7, 31"},
        "late_after": "2 days",
    }
    weeks = ask("POST", "/check", form).json()["weeks"]
    assert (weeks["count"], weeks["settled"]) == (5, 5)
    assert weeks["first"]["start"] == "2026-01-04T23:00:00Z"
    key = ask("POST", form=form).json()["id"]
    [row] = database.query("SELECT * FROM report_data_collections WHERE id = %s", [key])
    assert row["parameters"] == {
        "timezone": "Europe/Madrid",
        "window": {"lag_days": 3, "restate_days": [7, 31]},
    }
    assert row["late_after"] == timedelta(days=2)
    shown = opened(ask, "collection", key)
    assert ask("POST", f"/check?row_id={key}", shown).json()["problems"] == []
    assert ask("PUT", f"/{key}", shown | {"end_date": "2026-02-10"}).is_success


def test_a_check_writes_nothing(ask: Ask, rows: Rows, database: Database) -> None:
    form = {
        "kind": "workflow",
        "instance_id": str(rows.instance()["id"]),
        "sql_query": "SELECT x FROM t WHERE a = {{b}}",
    }
    answer = ask("POST", "/check", form).json()
    assert answer["problems"] == []
    assert [one["name"] for one in answer["parameters"]] == ["b"]
    assert database.query("SELECT COUNT(*) AS rows FROM workflows") == [{"rows": 0}]


def test_problems_name_the_column_and_the_place(ask: Ask, rows: Rows) -> None:
    form = {
        "kind": "workflow",
        "instance_id": str(rows.instance()["id"]),
        "name": "x" * 201,
        "sql_query": "SELECT a\nFROM {{table}}",
    }
    query, name = ask("POST", "/check", form).json()["problems"]
    assert (query["column"], query["line"], query["position"]) == ("sql_query", 2, 6)
    assert (name["column"], name["line"]) == ("name", None)
    wrong = {"name": "least", "type": "LONG", "value": "a lot"}
    typed = form | {"name": "", "sql_query": QUERY, "parameters": [wrong]}
    [problem] = ask("POST", "/check", typed).json()["problems"]
    assert (problem["column"], problem["message"][:35]) == (
        "parameters",
        "parameter least is a string, expect",
    )
    refused = ask("POST", form=form)
    assert refused.status_code == status.HTTP_422_UNPROCESSABLE_CONTENT
    assert refused.json() == {"detail": name["message"], "column": "name"}


def test_a_schedule_shows_its_ticks_and_one_problem_for_each_mistake(
    ask: Ask, schedule: Row
) -> None:
    form = opened(ask, "schedule", schedule["id"]) | {"timezone": "Europe/Madrid"}
    path = f"/check?row_id={schedule['id']}"
    answer = ask("POST", path, form).json()
    assert (answer["problems"], len(answer["ticks"])) == ([], 5)
    answer = ask("POST", path, form | {"window": {"lag_days": "-1"}}).json()
    assert [one["column"] for one in answer["problems"]] == ["parameters.window.lag_days"]
    answer = ask("POST", path, form | {"cron_expression": "0 6 * * 9"}).json()
    assert [one["column"] for one in answer["problems"]] == ["cron_expression"]
    assert answer["ticks"] == []


def test_the_tables_of_the_instance_are_known(ask: Ask, rows: Rows, database: Database) -> None:
    instance = rows.instance()
    database.query(
        "INSERT INTO amc_instance_data_sources (instance_id, name, is_shared, fields,"
        " first_seen_at) VALUES (%s, 'sponsored_ads_traffic', true, '[{\"name\": \"campaign\"}]',"
        " now())",
        [instance["id"]],
    )
    query = "SELECT campaign, SUM(klicks) AS clicks FROM sponsored_ads_traffic GROUP BY campaign"
    form = {"kind": "workflow", "instance_id": str(instance["id"]), "sql_query": query}
    [finding] = ask("POST", "/check", form).json()["findings"]
    assert finding["message"] == "column klicks is not in sponsored_ads_traffic"


def test_a_long_query_is_parsed_without_a_connection(
    ask: Ask, rows: Rows, database: Database, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four people who type would otherwise stop all pages."""
    instance = rows.instance()
    database.query(
        "INSERT INTO amc_instance_data_sources (instance_id, name, is_shared, fields,"
        " first_seen_at) VALUES (%s, 't', true, '[]', now())",
        [instance["id"]],
    )
    parsed = []

    def parse(*_arguments: object) -> tuple[()]:
        with ExitStack() as all_connections:
            for _ in range(MAX_CONNECTIONS):
                all_connections.enter_context(app.state.database.read())
        parsed.append(True)
        return ()

    monkeypatch.setattr(register, "find_missing", parse)
    form = {"kind": "workflow", "instance_id": str(instance["id"]), "sql_query": "SELECT a FROM t"}
    assert ask("POST", "/check", form).is_success
    assert parsed


def test_quotas_of_the_owner_hold(ask: Ask, rows: Rows, schedule: Row) -> None:
    rows.quotas(schedule["user_id"], max_schedules=1)
    form = {
        "kind": "schedule",
        "workflow_id": str(schedule["workflow_id"]),
        "cron_expression": "0 6 * * *",
    }
    [problem] = ask("POST", "/check", form).json()["problems"]
    assert "max_schedules" in problem["message"]
    assert ask("POST", form=form).status_code == status.HTTP_422_UNPROCESSABLE_CONTENT


def test_a_row_that_somebody_else_changed_is_not_overwritten(
    ask: Ask, schedule: Row, database: Database
) -> None:
    key = schedule["id"]
    before = opened(ask, "schedule", key)
    # What the pipeline writes after each run is no change of the form's columns
    database.query("UPDATE workflow_schedules SET last_run_at = now() WHERE id = %s", [key])
    assert ask("PUT", f"/{key}", before | {"name": "Ours"}).is_success
    refused = ask("PUT", f"/{key}", before | {"name": "Theirs"})
    assert (refused.status_code, refused.json()["detail"]) == (409, CHANGED_SINCE)
    checked = ask("POST", f"/check?row_id={key}", before).json()
    assert [one["message"] for one in checked["problems"]] == [CHANGED_SINCE]
    [row] = database.query("SELECT name FROM workflow_schedules WHERE id = %s", [key])
    assert row["name"] == "Ours"


def test_a_lock_of_a_person_holds_up_no_check(ask: Ask, schedule: Row, database: Database) -> None:
    form = opened(ask, "schedule", schedule["id"])
    with closing(psycopg2.connect(database.uri)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM workflow_schedules WHERE id = %s FOR UPDATE", [schedule["id"]]
        )
        answer = ask("POST", f"/check?row_id={schedule['id']}", form).json()
    assert [one["message"] for one in answer["findings"]] == [TRIED_LATER]


def test_a_visitor_has_one_trial_at_a_time(ask: Ask, app: FastAPI, schedule: Row) -> None:
    form = opened(ask, "schedule", schedule["id"])
    path = f"/check?row_id={schedule['id']}"
    with app.state.database.try_as(schedule["user_id"], Editor.id):
        first = ask("POST", path, form).json()
    second = ask("POST", path, form).json()
    assert [one["message"] for one in first["findings"]] == [TRIED_LATER]
    assert second["findings"] == []


def test_who_may_change_one_dag_changes_its_row_alone(ask: Ask, rows: Rows, schedule: Row) -> None:
    key, editor = schedule["id"], Editor([dag_of(schedule)])
    form = opened(ask, "schedule", key)
    other = rows.workflow(instance=None, user_id=schedule["user_id"])
    moved = form | {"workflow_id": str(other["id"])}
    assert ask("GET", f"/schedule/{key}", by=editor).is_success
    assert ask("PUT", f"/{key}", moved, by=editor).status_code == status.HTTP_403_FORBIDDEN
    assert ask("PUT", f"/{key}", form | {"name": "Ours"}, by=editor).is_success
    new = ask("POST", "", form, by=editor)
    assert new.status_code == status.HTTP_403_FORBIDDEN
    reader = Editor([], reads=[dag_of(schedule)])
    assert ask("GET", f"/schedule/{key}", by=reader).status_code == status.HTTP_403_FORBIDDEN
    assert ask("GET", f"/schedule/{key}", by=Editor([])).status_code == status.HTTP_404_NOT_FOUND


def test_a_row_does_not_move_to_another_owner(ask: Ask, rows: Rows, schedule: Row) -> None:
    key, foreign = schedule["id"], rows.workflow()
    moved = opened(ask, "schedule", key) | {"workflow_id": str(foreign["id"])}
    [problem] = ask("POST", f"/check?row_id={key}", moved).json()["problems"]
    assert problem["column"] == "workflow_id"
    assert ask("PUT", f"/{key}", moved).status_code == status.HTTP_422_UNPROCESSABLE_CONTENT


def test_a_workflow_is_changed_by_who_may_change_all_its_dags(
    ask: Ask, rows: Rows, schedule: Row
) -> None:
    second = rows.schedule(workflow_id=schedule["workflow_id"], user_id=schedule["user_id"])
    path, both = f"/workflow/{schedule['workflow_id']}", [dag_of(schedule), dag_of(second)]
    for visitor, code in (
        (Editor(both), 200),
        (Editor(both[:1], reads=both), 403),
        (Editor(both[:1]), 404),
        (Editor([]), 404),
    ):
        assert ask("GET", path, by=visitor).status_code == code
        assert ask("GET", f"{path}/answers", by=visitor).status_code == code
    unused = rows.workflow()["id"]
    assert ask("GET", f"/workflow/{unused}", by=Editor(both)).status_code == 404


def test_airflow_is_asked_without_a_connection(ask: Ask, app: FastAPI, schedule: Row) -> None:
    """It may take long over the DAGs of a workflow. Four people would otherwise stop all pages."""
    asked = []

    class Slow(Editor):
        def may(self, method: Method, dag_id: str, entity: object = None) -> bool:
            with ExitStack() as all_connections:
                for _ in range(MAX_CONNECTIONS):
                    all_connections.enter_context(app.state.database.read())
            asked.append(method)
            return super().may(method, dag_id, entity)

    editor = Slow([dag_of(schedule)])
    path = f"/workflow/{schedule['workflow_id']}"
    form = opened(ask, "workflow", schedule["workflow_id"])
    for method, place, body in (
        ("GET", path, None),
        ("GET", f"{path}/answers", None),
        ("GET", f"/schedule/{schedule['id']}", None),
        ("POST", f"/check?row_id={schedule['workflow_id']}", form),
        ("PUT", f"/{schedule['workflow_id']}", form),
    ):
        asked.clear()
        assert ask(method, place, body, by=editor).is_success
        assert "PUT" in asked


def test_answers_of_amc_are_those_about_the_saved_query(
    ask: Ask, rows: Rows, database: Database
) -> None:
    workflow = rows.workflow(sql_query=QUERY)
    key = {"id": workflow["id"]}
    database.query(
        "INSERT INTO workflow_dry_runs (workflow_id, instance_id, definition_md5, status, message,"
        " checked_at) SELECT id, instance_id, definition_md5, 'REFUSED', 'clicks is unknown', now()"
        " FROM workflows WHERE id = %(id)s",
        key,
    )
    path = f"/workflow/{workflow['id']}/answers"
    [answer] = ask("GET", path).json()["answers"]
    assert (answer["message"], answer["is_current"]) == ("clicks is unknown", True)
    database.query("UPDATE workflows SET sql_query = 'SELECT 1 AS a' WHERE id = %(id)s", key)
    [answer] = ask("GET", path).json()["answers"]
    assert answer["is_current"] is False


def test_workflows_are_found_by_a_part_of_their_name(ask: Ask, rows: Rows) -> None:
    rows.workflow(name="Clicks_by day")
    rows.workflow(name="Clicks by day")
    found = ask("GET", "/workflows?text=clicks_").json()
    assert [one["name"] for one in found] == ["Clicks_by day"]
    assert {one["name"] for one in ask("GET", "/instances").json()} == {"Instance"}


def test_text_that_no_column_holds_is_refused_in_words(ask: Ask, rows: Rows) -> None:
    instance = str(rows.instance()["id"])
    form = {"kind": "workflow", "instance_id": instance, "name": "a\0b", "sql_query": QUERY}
    for answer in (ask("POST", form=form), ask("POST", "/check", form)):
        assert answer.status_code == status.HTTP_422_UNPROCESSABLE_CONTENT
        assert "NUL" in answer.json()["detail"]


def test_rows_that_do_not_exist_are_not_found(ask: Ask) -> None:
    for kind in ("workflow", "schedule", "collection"):
        assert ask("GET", f"/{kind}/{uuid4()}").status_code == status.HTTP_404_NOT_FOUND
    form = {"kind": "workflow", "instance_id": str(uuid4())}
    assert ask("POST", "", form).status_code == status.HTTP_404_NOT_FOUND
