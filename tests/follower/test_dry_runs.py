"""The follower has the dry runs of changed workflows started, once for many changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from fixtures.postgres import Database, Row, Rows
from recomamp.follower.airflow_api import AirflowApi
from recomamp.follower.dry_runs import GIVE_UP, DryRunStarter, run_id_of
from recomamp.follower.listener import DefinitionChange
from recomamp.store.dry_runs import is_any_dry_run_due

NOW = datetime(2026, 5, 1, 12, 0, 3, tzinfo=UTC)


class Airflow:
    """Airflow's runs of the DAG."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.is_away = False

    def trigger(self, dag_id: str, run_id: str) -> bool:
        if self.is_away:
            raise httpx.ConnectError("away")
        assert dag_id == "recomamp_dry_runs"
        is_new = run_id not in self.runs
        self.runs += [run_id] if is_new else []
        return is_new


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def changed(table: str) -> set[DefinitionChange]:
    return {DefinitionChange(table=table, id=uuid4())}


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def starter(airflow: Airflow) -> DryRunStarter:
    return DryRunStarter(airflow)


def test_a_changed_workflow_starts_one_run_at_once(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    starter.note(changed("workflows"), lambda: True, NOW)
    assert starter.is_waiting
    starter.start(NOW)
    starter.start(after(1))
    assert airflow.runs == ["changed__2026-05-01T12:00:00"]
    assert not starter.is_waiting


def test_a_change_after_the_run_has_begun_gets_the_next_one(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    for seconds in (0, 4):
        starter.note(changed("workflows"), lambda: True, after(seconds))
        starter.start(after(seconds))
    assert starter.is_waiting
    for seconds in range(5, 40):
        starter.start(after(seconds))
    assert airflow.runs == ["changed__2026-05-01T12:00:00", "changed__2026-05-01T12:00:20"]
    assert not starter.is_waiting


@pytest.mark.parametrize("table", ["workflow_findings", "users", "workflow_schedules"])
def test_other_changes_start_nothing(airflow: Airflow, starter: DryRunStarter, table: str) -> None:
    starter.note(changed(table), lambda: True, NOW)
    starter.start(NOW)
    assert airflow.runs == []


def test_a_notification_about_nothing_that_is_due_starts_nothing(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    starter.note(changed("workflows"), lambda: False, NOW)
    starter.note(None, lambda: False, NOW)
    starter.start(NOW)
    assert airflow.runs == []


def test_what_changed_before_it_listened_starts_a_run(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    starter.note(None, lambda: True, NOW)
    starter.start(NOW)
    assert len(airflow.runs) == 1


def test_with_dry_runs_off_nothing_is_started(
    airflow: Airflow, starter: DryRunStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOMAMP_DRY_RUNS", "off")
    starter.note(changed("workflows"), lambda: True, NOW)
    starter.start(NOW)
    assert airflow.runs == []


def test_while_airflow_is_away_it_is_asked_again_and_in_the_end_no_more(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    airflow.is_away = True
    starter.note(changed("workflows"), lambda: True, NOW)
    starter.start(NOW)
    airflow.is_away = False
    starter.start(after(1))  # too soon
    assert airflow.runs == []
    starter.start(after(6))
    assert len(airflow.runs) == 1
    airflow.is_away = True
    starter.note(changed("workflows"), lambda: True, after(30))
    starter.start(after(31) + GIVE_UP)
    assert not starter.is_waiting


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, True), (409, False)], ids=["started", "there already"]
)
def test_airflow_is_asked_for_a_run_of_that_id(status: int, outcome: bool) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "x"})
        asked.append(request)
        return httpx.Response(status, json={})

    airflow = AirflowApi("http://airflow", "u", "p", transport=httpx.MockTransport(answer))
    assert airflow.trigger("recomamp_dry_runs", run_id_of(NOW)) is outcome
    (request,) = asked
    assert (request.method, request.url.path) == ("POST", "/api/v2/dags/recomamp_dry_runs/dagRuns")
    assert b'"logical_date":null' in request.content.replace(b" ", b"")


def test_the_rows_say_whether_a_dry_run_is_due(database: Database, rows: Rows) -> None:
    connection = database.connect("recomamp_pipeline")
    is_due: Callable[[], bool] = lambda: is_any_dry_run_due(connection, now=NOW)  # noqa: E731
    assert not is_due()
    workflow: Row = rows.workflow()
    connection.rollback()
    assert is_due()
    rows.insert(
        "workflow_dry_runs",
        workflow_id=workflow["id"],
        instance_id=workflow["instance_id"],
        definition_md5="of an earlier version",
        status="ACCEPTED",
        checked_at=NOW,
    )
    connection.rollback()
    assert is_due()
