"""The follower has the dry runs of changed workflows started, once for many changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.dry_runs import DryRunAnswer, DryRunStatus
from recomamp.follower.airflow_api import AirflowApi
from recomamp.follower.dry_runs import GIVE_UP, GIVE_UP_BEHIND_A_RUN, DryRunStarter, run_id_of
from recomamp.follower.listener import DefinitionChange
from recomamp.store.dry_runs import (
    MOST_PER_HOUR,
    count_dry_run,
    is_any_dry_run_due,
    record_dry_run,
    select_due_dry_runs,
)

NOW = datetime(2026, 5, 1, 12, 0, 3, tzinfo=UTC)


class Airflow:
    """Airflow's runs of the DAG."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.is_away = False
        self.is_running = False

    def has_open_run(self, dag_id: str) -> bool:
        if self.is_away:
            raise httpx.ConnectError("away")
        assert dag_id == "recomamp_dry_runs"
        return self.is_running

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
    starter.note(changed("workflows"))
    assert starter.is_waiting
    starter.start(lambda: True, NOW)
    starter.start(lambda: True, after(1))
    assert airflow.runs == ["changed__2026-05-01T12:00:00"]
    assert not starter.is_waiting


def test_a_change_after_the_run_has_begun_gets_the_next_one(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    for seconds in (0, 4):
        starter.note(changed("workflows"))
        starter.start(lambda: True, after(seconds))
    assert starter.is_waiting
    for seconds in range(5, 40):
        starter.start(lambda: True, after(seconds))
    assert airflow.runs == ["changed__2026-05-01T12:00:00", "changed__2026-05-01T12:00:20"]
    assert not starter.is_waiting


def test_while_a_run_is_open_no_other_is_started(airflow: Airflow, starter: DryRunStarter) -> None:
    airflow.is_running = True
    for seconds in range(300):  # a tenant edits a query all the time
        starter.note(changed("workflows"))
        starter.start(lambda: True, after(seconds))
    assert airflow.runs == []
    airflow.is_running = False
    starter.start(lambda: True, after(305))
    assert len(airflow.runs) == 1


def test_behind_a_run_that_never_ends_nothing_waits_for_ever(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    airflow.is_running = True
    starter.note(changed("workflows"))
    starter.start(lambda: True, NOW)
    starter.start(lambda: True, after(1) + GIVE_UP_BEHIND_A_RUN)
    assert not starter.is_waiting


def test_the_rows_are_looked_at_once_in_a_period(starter: DryRunStarter) -> None:
    looks: list[bool] = []
    for seconds in range(60):
        starter.note(changed("workflows"))
        starter.start(lambda: bool(looks.append(True)), after(seconds))
    assert len(looks) == 3


@pytest.mark.parametrize("table", ["workflow_findings", "users", "workflow_schedules"])
def test_other_changes_start_nothing(airflow: Airflow, starter: DryRunStarter, table: str) -> None:
    starter.note(changed(table))
    starter.start(lambda: True, NOW)
    assert airflow.runs == []


def test_a_notification_about_nothing_that_is_due_starts_nothing(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    starter.note(changed("workflows"))
    starter.note(None)
    starter.start(lambda: False, NOW)
    assert airflow.runs == []


def test_what_changed_before_it_listened_starts_a_run(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    starter.note(None)
    starter.start(lambda: True, NOW)
    assert len(airflow.runs) == 1


def test_with_dry_runs_off_nothing_is_started(
    airflow: Airflow, starter: DryRunStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOMAMP_DRY_RUNS", "off")
    starter.note(changed("workflows"))
    starter.start(lambda: True, NOW)
    assert airflow.runs == []


def test_while_airflow_is_away_it_is_asked_again_and_in_the_end_no_more(
    airflow: Airflow, starter: DryRunStarter
) -> None:
    airflow.is_away = True
    starter.note(changed("workflows"))
    starter.start(lambda: True, NOW)
    airflow.is_away = False
    starter.start(lambda: True, after(1))  # too soon
    assert airflow.runs == []
    starter.start(lambda: True, after(6))
    assert len(airflow.runs) == 1
    airflow.is_away = True
    starter.note(changed("workflows"))
    starter.start(lambda: True, after(30))
    assert starter.is_waiting
    starter.start(lambda: True, after(31) + GIVE_UP)
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


@pytest.mark.parametrize("open_runs", [0, 1])
def test_airflow_is_asked_for_runs_that_are_queued_or_running(open_runs: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "x"})
        assert request.url.params.get_list("state") == ["queued", "running"]
        return httpx.Response(200, json={"dag_runs": [{}] * open_runs})

    airflow = AirflowApi("http://airflow", "u", "p", transport=httpx.MockTransport(answer))
    assert airflow.has_open_run("recomamp_dry_runs") is bool(open_runs)


def test_the_rows_say_whether_a_dry_run_is_due(database: Database, rows: Rows) -> None:
    connection = database.connect("recomamp_pipeline")
    is_due: Callable[[], bool] = lambda: is_any_dry_run_due(connection, now=NOW)  # noqa: E731
    assert not is_due()
    workflow: Row = rows.workflow()
    connection.rollback()
    assert is_due()
    assert len(select_due_dry_runs(connection, now=NOW, most_per_user=1)) == 1
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
    row = rows.get("workflows", workflow)
    database.query("UPDATE workflow_dry_runs SET definition_md5 = %s", [row["definition_md5"]])
    connection.rollback()
    assert not is_due()
    assert select_due_dry_runs(connection, now=NOW, most_per_user=1) == []
    rows.update("workflows", workflow, sql_query="SELECT 2", definition_md5=row["definition_md5"])
    connection.rollback()
    assert is_due()


def test_an_instance_has_so_many_dry_runs_an_hour(database: Database, rows: Rows) -> None:
    """Whether or not the user deletes what they were about."""
    workflow = rows.workflow()
    connection = database.connect("recomamp_pipeline")
    answer = DryRunAnswer(status=DryRunStatus.ACCEPTED)
    for number in range(MOST_PER_HOUR):
        (due,) = select_due_dry_runs(connection, now=NOW, most_per_user=1)
        assert is_any_dry_run_due(connection, now=NOW)
        assert count_dry_run(connection, due, now=NOW)
        record_dry_run(connection, due, answer, checked_at=NOW)
        connection.commit()
        rows.update("workflows", workflow, sql_query=f"SELECT {number}")
        if number == 5:
            database.query("DELETE FROM workflows")
            workflow = rows.workflow(instance=rows.get("amc_instances", {"id": due.instance_key}))
        connection.rollback()
    assert not is_any_dry_run_due(connection, now=NOW)
    assert select_due_dry_runs(connection, now=NOW, most_per_user=1) == []
    assert not count_dry_run(connection, due, now=NOW)
    later = NOW + timedelta(hours=1)
    assert is_any_dry_run_due(connection, now=later)
    (due,) = select_due_dry_runs(connection, now=later, most_per_user=1)
    assert count_dry_run(connection, due, now=later)
    connection.commit()
    assert rows.get("amc_instances", {"id": due.instance_key})["dry_runs"] == 1
