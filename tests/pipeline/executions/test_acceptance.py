"""A result that its user's rules refuse is stored, and its run fails and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException
from psycopg2.extensions import connection as Connection

from fixtures.amazon import Pauses
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.pipeline.executions import acceptance
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook
from recomamp.store import result_checks

RENAMED = "SELECT campaign, SUM(impressions) AS views FROM dsp_impressions GROUP BY campaign"


@pytest.fixture
def first(run: Run, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the schedule once."""
    monkeypatch.setattr(AmcHook, "sleep", Pauses())
    emulator.progression("at_once")
    return to_the_end(run)


def to_the_end(run: Run) -> Run:
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    run.step(LoadResults)
    run.step(RecordRun)
    return run


def refused(run: Run) -> Row:
    """Run to a load that fails for good, record the run and return the execution."""
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    with pytest.raises(AirflowFailException):
        run.step(LoadResults)
    run.step(RecordRun)
    return run.executions[-1]


def schedule_run(database: Database, run: Run) -> Row:
    return database.query(
        "SELECT * FROM schedule_runs WHERE dag_run_id = %s", [run.dag_run.run_id]
    )[0]


def next_run(run: Run, run_id: str = "run 2") -> Run:
    return Run(run.database, run_id, **run.source)


def check(rows: Rows, schedule: Row, **columns: Any) -> Row:
    own = {
        "user_id": schedule["user_id"],
        "schedule_id": schedule["id"],
        "name": "enough",
        "measure": "ROWS",
        "comparison": ">",
        "threshold": 1_000_000,
        "severity": "FAIL",
    }
    return rows.insert("result_checks", **{**own, **columns})


def test_a_broken_contract_keeps_the_result_and_fails_the_run(
    database: Database, rows: Rows, schedule: Row, first: Run
) -> None:
    rows.update("workflows", schedule["workflow_id"], result_contract="FREEZE", sql_query=RENAMED)
    run = next_run(first)
    asset = Asset("workflow")
    run.outlets = {asset: type("Event", (), {})()}
    execution = refused(run)

    assert (execution["status"], execution["error_type"]) == ("SUCCESS", "CONTRACT_BROKEN")
    assert "column views is added (LONG)" in execution["column_changes"]
    assert "column impressions is gone (LONG)" in execution["error_message"]
    assert execution["result_rows"] == len(execution["result_data"]["data"]) > 0
    assert all(
        Path(file["uri"].removeprefix("file://")).exists()
        for file in execution["result_data"]["files"]
    )
    assert not hasattr(run.outlets[asset], "extra")
    recorded = schedule_run(database, run)
    assert (recorded["status"], recorded["error_message"]) == ("FAILED", execution["error_message"])


def test_a_contract_stays_broken_until_the_columns_are_accepted(
    database: Database, rows: Rows, schedule: Row, first: Run
) -> None:
    rows.update("workflows", schedule["workflow_id"], result_contract="FREEZE", sql_query=RENAMED)
    refused(next_run(first))
    run = next_run(first, "run 3")
    refused(run)

    rows.update("workflows", schedule["workflow_id"], result_contract_accepted_at="now()")
    run.clear_task(LoadResults)
    run.states.pop("record", None)
    run.step(LoadResults)
    run.step(RecordRun)

    (execution,) = run.executions
    assert (execution["error_type"], execution["column_changes"]) == (None, None)
    assert schedule_run(database, run)["status"] == "SUCCESS"
    to_the_end(next_run(first, "run 4"))
    rows.update("workflows", schedule["workflow_id"], sql_query=RENAMED.replace("views", "seen"))
    assert refused(next_run(first, "run 5"))["error_type"] == "CONTRACT_BROKEN"


def test_a_reported_change_is_an_event_and_the_run_succeeds(
    database: Database, rows: Rows, schedule: Row, first: Run
) -> None:
    rows.update("workflows", schedule["workflow_id"], result_contract="REPORT", sql_query=RENAMED)
    run = to_the_end(next_run(first))
    assert run.executions[0]["error_type"] is None
    assert schedule_run(database, run)["status"] == "SUCCESS"
    (event,) = database.query("SELECT * FROM notifications")
    assert event["kind"] == "CONTRACT_CHANGED"
    assert event["details"]["error"] == run.executions[0]["column_changes"]


def test_without_a_contract_columns_may_change(
    database: Database, rows: Rows, schedule: Row, first: Run
) -> None:
    rows.update("workflows", schedule["workflow_id"], sql_query=RENAMED)
    to_the_end(next_run(first))
    assert database.query("SELECT * FROM notifications") == []


def test_a_condition_that_fails_the_run_names_itself(
    database: Database, rows: Rows, schedule: Row, first: Run
) -> None:
    check(rows, schedule)
    run = next_run(first)
    execution = refused(run)
    assert (execution["status"], execution["error_type"]) == ("SUCCESS", "CHECK_FAILED")
    assert (
        f"enough: ROWS is {execution['result_rows']}; wanted: > 1000000"
        in (execution["error_message"])
    )
    assert schedule_run(database, run)["error_message"] == execution["error_message"]
    kinds = database.query("SELECT kind FROM notifications")
    assert [row["kind"] for row in kinds] == ["SCHEDULE_RUN_FAILED"]


def test_the_whole_result_is_measured_with_every_part(
    database: Database, rows: Rows, schedule: Row, first: Run, emulator: RunningEmulator
) -> None:
    emulator.settings(result_parts=3)
    for measure, columns in {
        "SUM": {"column_name": "impressions"},
        "MAX": {"column_name": "impressions"},
        "NULLS": {"column_name": "campaign"},
        "DUPLICATES": {"key_columns": ["campaign"]},
        "AVG": {"column_name": "campaign"},
        "MIN": {"column_name": "nothing"},
    }.items():
        check(
            rows, schedule, name=measure, measure=measure, comparison=">=", threshold=0,
            severity="FAIL", **columns,
        )  # fmt: skip
    run = to_the_end(next_run(first))
    data = run.executions[0]["result_data"]["data"]
    shown = {
        row["name"]: (row["passed"], row["value"], row["note"])
        for row in database.query(
            "SELECT name, outcome.* FROM result_check_outcomes AS outcome"
            " JOIN result_checks ON result_checks.id = check_id"
        )
    }
    impressions = [row["impressions"] for row in data]
    assert shown["SUM"][:2] == (True, sum(impressions))
    assert shown["MAX"][:2] == (True, max(impressions))
    assert shown["NULLS"][:2] == (True, 0)
    assert shown["DUPLICATES"][:2] == (True, 0)
    assert shown["AVG"][0] is None
    assert "holds no numbers" in shown["AVG"][2]
    assert shown["MIN"][2] == "not evaluated: the result has no column nothing"


def test_an_error_of_ours_in_a_condition_fails_no_load(
    database: Database,
    rows: Rows,
    schedule: Row,
    first: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check(rows, schedule)

    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(acceptance, "measure", broken)
    run = to_the_end(next_run(first))
    assert schedule_run(database, run)["status"] == "SUCCESS"


def failing(statement: str) -> Callable[..., None]:
    """Return a function of the store whose statement fails."""

    def run_statement(connection: Connection, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '50ms'")
            cursor.execute(statement)

    return run_statement


CANCELLED = "SELECT pg_sleep(5)"
AWAY = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize("function", ["select_result_checks", "insert_check_outcomes"])
def test_a_statement_that_is_cancelled_fails_no_load(
    database: Database, rows: Rows, schedule: Row, first: Run,
    monkeypatch: pytest.MonkeyPatch, function: str,
) -> None:  # fmt: skip
    check(rows, schedule, severity="NOTIFY")
    monkeypatch.setattr(result_checks, function, failing(CANCELLED))
    run = to_the_end(next_run(first))
    assert schedule_run(database, run)["status"] == "SUCCESS"


@pytest.mark.parametrize("function", ["select_result_checks", "insert_check_outcomes"])
def test_a_load_without_its_database_fails_and_stores_the_outcomes_when_it_runs_again(
    database: Database, rows: Rows, schedule: Row, first: Run,
    monkeypatch: pytest.MonkeyPatch, function: str,
) -> None:  # fmt: skip
    check(rows, schedule, severity="NOTIFY")
    run = next_run(first)
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    with monkeypatch.context() as patched:
        patched.setattr(result_checks, function, failing(AWAY))
        with pytest.raises(psycopg2.Error):
            run.step(LoadResults)
    assert database.query("SELECT * FROM result_check_outcomes") == []
    run.step(LoadResults)
    assert len(database.query("SELECT * FROM result_check_outcomes")) == 1
    kinds = database.query("SELECT kind FROM notifications")
    assert [row["kind"] for row in kinds] == ["RESULT_CHECK_FAILED"]


def test_a_refused_result_is_no_result_of_its_window(
    database: Database, rows: Rows, schedule: Row, first: Run
) -> None:
    made = check(rows, schedule)
    refused(next_run(first))
    rows.update("result_checks", made, is_active=False)
    run = next_run(first, "scheduled again")
    run.dag_run.run_type = "scheduled"
    database.query("DELETE FROM workflow_executions WHERE dag_run_id = 'run 1'")
    to_the_end(run)
    assert len(run.executions) == 1
