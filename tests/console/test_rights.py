"""What a user may not do in Airflow, the console does not do for them."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.console import Console
from fixtures.postgres import Database, Row, Rows
from recomamp.console import access
from recomamp.console.access import QUERY, RUNS, Visitor


@pytest.fixture
def schedule(rows: Rows) -> Row:
    return rows.schedule()


def dag_of(schedule: Row) -> str:
    return f"amc_schedule_{schedule['id']}"


@pytest.mark.parametrize("action", ["RETRY", "LOAD", "CANCEL"])
def test_runs_are_cleared_and_ended_by_who_may_change_runs(
    console: Console, rows: Rows, schedule: Row, action: str
) -> None:
    execution = rows.execution(
        workflow_id=schedule["workflow_id"],
        schedule_id=schedule["id"],
        dag_id=dag_of(schedule),
        dag_run_id="r",
        status="FAILED",
    )
    console.guest.forbidden = {"PUT"}
    path = f"/api/executions/{execution['id']}"
    assert console.client.get(path).json()["actions"] == []
    answer = console.client.post(f"{path}/requests", json={"action": action})
    assert (answer.status_code, "PUT on its runs" in answer.text) == (403, True)


def test_a_retry_of_weeks_asks_for_the_right_to_change_runs(console: Console, rows: Rows) -> None:
    collection = rows.collection()
    console.guest.forbidden = {"PUT"}
    path = f"/api/definitions/amc_collection_{collection['id']}/requests"
    assert console.client.post(path, json={"action": "RETRY"}).status_code == 403
    shown = console.client.get(f"/api/collections/{collection['id']}").json()
    assert (shown["may_run"], shown["may_change_runs"]) == (True, False)  # no button is shown


def test_a_query_is_read_with_the_right_to_read_code(console: Console, rows: Rows) -> None:
    path = f"/api/register/workflow/{rows.workflow()['id']}"
    assert "sql_query" in console.client.get(path).json()
    console.guest.forbidden = {QUERY}
    assert console.client.get(path).status_code == 404


def test_a_row_that_its_owner_has_locked_is_not_waited_for(
    console: Console, database: Database, schedule: Row
) -> None:
    with database.connect() as owner, owner.cursor() as cursor:
        cursor.execute("SELECT FROM workflow_schedules FOR UPDATE")
        answer = console.client.put(
            f"/api/definitions/{dag_of(schedule)}/status", json={"status": "PAUSED"}
        )
    assert (answer.status_code, "locked the row" in answer.text) == (409, True)


@pytest.mark.parametrize("path", ["schedules?search=a%00", "executions?dag_id=%00"])
def test_the_character_nul_is_refused(console: Console, path: str) -> None:
    assert console.client.get(f"/api/{path}").status_code == 422


class Manager:
    """An auth manager that lets every user do everything, whatever the team."""

    def is_authorized_dag(self, **_asked: Any) -> bool:
        return True


def test_with_teams_nobody_has_rights_on_all_dags_or_on_unknown_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SimpleAuthManager asks for the team only where it is given one."""
    monkeypatch.setattr(access, "get_auth_manager", Manager)
    monkeypatch.setattr(access.DagModel, "get_team_name", lambda dag_id: dag_id[4:] or None)
    visitor: Any = Visitor.__new__(Visitor)
    visitor._user = object()
    monkeypatch.setattr(access, "_has_teams", lambda: False)
    assert visitor._may("PUT", None, None)
    monkeypatch.setattr(access, "_has_teams", lambda: True)
    assert not visitor._may("PUT", None, None)
    assert not visitor.may("GET", "dag_", RUNS)
    assert visitor.may("GET", "dag_a", RUNS)
    assert visitor._may("GET", RUNS, None)
