"""What the books say of runs that end otherwise than they began, and of two runs of one week."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from psycopg2.extensions import connection as Connection

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.domain.reconciliation import RunState
from recomamp.errors import ExecutionFailed, PipelineError
from recomamp.pipeline.executions.cancellation import end_cancelled
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.reconciliation.operator import reconcile
from recomamp.store import executions, run_records
from recomamp.store.executions import select_execution

STEPS = (SubmitExecution, WaitForExecution, LoadResults, RecordRun)
UNBOUND = "SELECT campaign FROM dsp_impressions WHERE impressions > {{nobody_says}}"


def do_all(run: Run) -> None:
    for step in STEPS:
        run.step(step)


def kill(run: Run) -> None:
    """End the run's execution as the trigger does whose task was marked failed."""
    database = DatabaseHook()
    with database.transaction() as connection:
        execution = select_execution(connection, UUID(str(run.executions[-1]["id"])))
    assert execution is not None
    assert end_cancelled(database, execution, "given up")


def lose(run: Run) -> datetime:
    """Delete the run in Airflow and reconcile until it is closed; return when it was missed."""
    missed_at = datetime.now(UTC)
    for minutes in (0, 15):
        reconcile(
            database=DatabaseHook(),
            amazon=AmcHook(),
            run_state_of=lambda dag_id, run_id: RunState.GONE,
            clock=lambda minutes=minutes: missed_at + timedelta(minutes=minutes),
        )
    assert run.executions[-1]["status"] == "CANCELLED"
    return missed_at


def fail_before_anything_is_written(run: Run, rows: Rows, workflow_id: str) -> None:
    rows.update("workflows", workflow_id, sql_query=UNBOUND)
    with pytest.raises(AirflowFailException, match="nobody_says"):
        run.step(SubmitExecution)
    run.step(RecordRun)


def test_results_of_before_a_clear_make_no_success_of_a_run_that_could_not_be_submitted(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    do_all(run)
    run.clear()
    fail_before_anything_is_written(run, rows, str(schedule["workflow_id"]))
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    assert book["status"] == "FAILED"
    assert "load has not succeeded since" in book["error_message"]
    after = rows.get("workflow_schedules", schedule)
    assert (after["last_run_status"], after["failed_runs"]) == ("FAILED", 1)


def test_clearing_the_last_step_alone_writes_the_same_books_again(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    do_all(run)
    run.step(RecordRun)
    assert [book["status"] for book in run.database.query("SELECT * FROM schedule_runs")] == [
        "SUCCESS"
    ]


def test_the_books_follow_the_row_though_airflow_has_forgotten_its_xcoms(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    do_all(run)
    before = run.database.query("SELECT status, duration_seconds FROM schedule_runs")
    run.xcom.clear()  # as by airflow db clean
    run.clear_task(RecordRun)
    run.dag_run.start_date = datetime.now(UTC) + timedelta(days=3)  # of the run, once cleared
    run.step(RecordRun)
    assert run.database.query("SELECT status, duration_seconds FROM schedule_runs") == before
    assert before[0]["status"] == "SUCCESS"
    after = rows.get("workflow_schedules", schedule)
    assert (after["last_run_status"], after["failed_runs"]) == ("SUCCESS", 0)
    assert run.database.query("SELECT * FROM notifications") == []


def test_the_last_run_is_the_latest_by_its_tick_whenever_it_was_recorded(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    old = Run(run.database, run_id="old run", **run.source)
    old.dag_run.run_after -= timedelta(days=30)
    fail_at_loading(old, emulator)
    do_all(run)
    last = rows.get("workflow_schedules", schedule)
    assert last["last_run_status"] == "SUCCESS"
    old.clear()
    fail_at_loading(old, emulator)
    assert (
        last.items()
        <= (
            rows.get("workflow_schedules", schedule)
            | {key: last[key] for key in ("total_runs", "failed_runs", "next_run_at", "updated_at")}
        ).items()
    )
    kill_and_record = Run(run.database, run_id="older run", **run.source)
    kill_and_record.dag_run.run_after -= timedelta(days=60)
    emulator.progression("per_poll", polls=100)
    kill_and_record.step(SubmitExecution)
    kill(kill_and_record)
    after = rows.get("workflow_schedules", schedule)
    assert (after["last_run_status"], after["last_run_at"]) == ("SUCCESS", last["last_run_at"])

    run.clear()
    fail_at_loading(run, emulator)
    assert rows.get("workflow_schedules", schedule)["last_run_status"] == "FAILED"


def fail_at_loading(run: Run, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    emulator.fault("download_urls", "forbidden")
    with pytest.raises(AirflowFailException):
        run.step(LoadResults)
    run.step(RecordRun)


def test_a_run_took_as_long_as_its_attempts_since_it_was_last_cleared(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    do_all(run)
    run.database.query("UPDATE workflow_executions SET created_at = NOW() - INTERVAL '5 days'")
    run.clear()
    emulator.fault("create_execution", "fail_execution")
    run.step(SubmitExecution)
    with pytest.raises(ExecutionFailed):
        run.step(WaitForExecution)
    run.database.query(
        "UPDATE workflow_executions SET created_at = NOW() - INTERVAL '1 hour' WHERE attempt = 2"
    )
    run.try_number += 1
    for step in STEPS[1:]:
        run.step(step)
    (book,) = run.database.query("SELECT duration_seconds FROM schedule_runs")
    assert book["duration_seconds"] // 60 == 60


def test_a_schedule_that_is_deleted_while_its_run_is_recorded_is_gone(
    run: Run, schedule: Row, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.progression("at_once")
    for step in STEPS[:-1]:
        run.step(step)
    record = run_records.record_schedule_run

    def delete_and_record(connection: Connection, **columns: Any) -> bool:
        run.database.query("DELETE FROM workflow_schedules WHERE id = %s", [schedule["id"]])
        return record(connection, **columns)

    monkeypatch.setattr(run_records, "record_schedule_run", delete_and_record)
    run.step(RecordRun)
    assert run.database.query("SELECT * FROM schedule_runs") == []
    assert [row["status"] for row in run.executions] == ["SUCCESS"]


def test_an_execution_that_is_deleted_while_its_run_is_recorded_leaves_the_run(
    run: Run, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.progression("at_once")
    for step in STEPS[:-1]:
        run.step(step)
    record = run_records.record_schedule_run

    def delete_and_record(connection: Connection, **columns: Any) -> bool:
        run.database.query("DELETE FROM workflow_executions")
        return record(connection, **columns)

    monkeypatch.setattr(run_records, "record_schedule_run", delete_and_record)
    run.step(RecordRun)
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    assert (book["status"], book["execution_id"]) == ("SUCCESS", None)


def test_a_run_that_is_given_up_is_the_schedules_last_run_at_once(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    before = rows.get("workflow_schedules", schedule)
    kill(run)
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    after = rows.get("workflow_schedules", schedule)
    assert (book["status"], after["last_run_status"]) == ("FAILED", "FAILED")
    assert after["last_run_at"] == run.executions[0]["completed_at"]
    assert after["next_run_at"] == before["next_run_at"]


def test_a_run_that_was_lost_ended_when_it_was_missed(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    run.database.query("UPDATE workflow_executions SET created_at = created_at - INTERVAL '1 hour'")
    missed_at = lose(run)
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    assert (book["status"], book["duration_seconds"] // 60) == ("FAILED", 60)
    assert rows.get("workflow_schedules", schedule)["last_run_at"] == missed_at


def test_a_run_that_was_missed_as_it_began_took_no_time(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    run.database.query("UPDATE workflow_executions SET created_at = NOW() + INTERVAL '1 minute'")
    lose(run)
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    assert (book["status"], book["duration_seconds"]) == ("FAILED", 0)


@pytest.fixture
def collection(rows: Rows, instance: Row, emulator: RunningEmulator) -> Row:
    """Insert a collection of one week; AMC works on its executions for long."""
    emulator.progression("per_poll", polls=100)
    return rows.collection(
        workflow=rows.workflow(instance=instance), start_date="2026-01-05", end_date="2026-01-11"
    )


@pytest.fixture
def former(database: Database, collection: Row) -> Run:
    """Give a run of the week that has been submitted before the other one."""
    run = Run(database, collection_id=str(collection["id"]))
    run.step(SubmitExecution)
    return run


@pytest.fixture
def other(database: Database, collection: Row, former: Run) -> Run:
    """Give another run of the week, submitted too: the week is its now."""
    run = Run(database, run_id="run 2", collection_id=str(collection["id"]))
    run.step(SubmitExecution)
    return run


@pytest.mark.parametrize("ends", ["by itself", "killed", "killed and recorded"])
def test_a_run_that_fails_leaves_the_week_to_another_one_in_flight(
    rows: Rows, collection: Row, former: Run, other: Run, emulator: RunningEmulator, ends: str
) -> None:
    if ends.startswith("killed"):
        kill(former)
    if ends != "killed":
        former.step(RecordRun)
    assert former.executions[0]["status"] == "CANCELLED"
    (week,) = rows.weeks(collection)
    assert (week["status"], week["execution_id"]) == ("RUNNING", other.executions[0]["id"])
    assert (week["error_message"], week["completed_at"]) == (None, None)
    after = rows.get("report_data_collections", collection)
    assert (after["status"], after["failed_weeks"]) == ("ACTIVE", 0)

    emulator.progression("at_once")
    for step in STEPS[1:]:
        other.step(step)
    (week,) = rows.weeks(collection)
    assert (week["status"], week["execution_id"]) == ("SUCCESS", other.executions[0]["id"])
    assert rows.get("report_data_collections", collection)["status"] == "COMPLETED"


def be_refused(run: Run, emulator: RunningEmulator) -> None:
    emulator.fault("create_execution", "forbidden")
    with pytest.raises(AirflowFailException):
        run.step(SubmitExecution)
    run.step(RecordRun)
    assert run.executions[0]["status"] == "FAILED"


def test_a_run_that_is_refused_leaves_the_week_to_another_one_in_flight(
    database: Database, rows: Rows, collection: Row, former: Run, emulator: RunningEmulator
) -> None:
    be_refused(Run(database, run_id="run 2", collection_id=str(collection["id"])), emulator)
    (week,) = rows.weeks(collection)
    assert (week["status"], week["execution_id"]) == ("RUNNING", former.executions[0]["id"])


def test_a_week_that_a_lost_run_has_left_behind_fails_with_the_next_one(
    database: Database, rows: Rows, collection: Row, former: Run, emulator: RunningEmulator
) -> None:
    database.query("UPDATE workflow_executions SET status = 'TIMEOUT'")  # and nobody recorded it
    second = Run(database, run_id="run 2", collection_id=str(collection["id"]))
    be_refused(second, emulator)
    (week,) = rows.weeks(collection)
    assert (week["status"], week["execution_id"]) == ("FAILED", second.executions[0]["id"])


def test_results_are_shown_whoever_the_week_belongs_to(
    rows: Rows, collection: Row, former: Run, other: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    for step in STEPS[1:]:
        former.step(step)
    (shown,) = rows.weeks(collection)
    assert (shown["status"], shown["execution_id"]) == ("SUCCESS", former.executions[0]["id"])
    assert shown["result_rows"] == former.executions[0]["result_rows"]
    other.step(RecordRun)
    assert rows.weeks(collection) == [shown]


def test_of_two_runs_that_failed_the_week_shows_the_last(
    rows: Rows, collection: Row, former: Run, other: Run
) -> None:
    for run in (other, former):
        run.step(RecordRun)
        (week,) = rows.weeks(collection)
        (execution,) = run.executions
        assert (week["status"], week["execution_id"]) == ("FAILED", execution["id"])
        assert week["error_message"] == execution["error_message"]
        assert week["execution_duration"] == execution["execution_duration"]


def test_a_run_that_fails_does_not_undo_that_its_week_was_skipped(
    rows: Rows, collection: Row, former: Run
) -> None:
    (week,) = rows.weeks(collection)
    rows.update("report_data_weeks", week, status="SKIPPED")
    former.step(RecordRun)
    assert [week["status"] for week in rows.weeks(collection)] == ["SKIPPED"]


def test_a_week_that_was_skipped_before_its_run_came_is_asked_of_nobody(
    database: Database, rows: Rows, collection: Row, emulator: RunningEmulator
) -> None:
    (week,) = rows.weeks(collection)
    rows.update("report_data_weeks", week, status="SKIPPED")
    run = Run(database, collection_id=str(collection["id"]))
    with pytest.raises(AirflowSkipException, match="SKIPPED"):
        run.step(SubmitExecution)
    run.step(RecordRun)
    assert [week["status"] for week in rows.weeks(collection)] == ["SKIPPED"]
    assert (run.executions, emulator.executions()) == ([], [])
    mails = database.query("SELECT kind FROM notifications")
    assert [mail["kind"] for mail in mails] == ["COLLECTION_COMPLETED"]
    rows.update("report_data_weeks", week, status="PENDING")
    run.clear()
    run.step(SubmitExecution)
    assert [week["status"] for week in rows.weeks(collection)] == ["RUNNING"]


def test_a_week_that_was_skipped_though_it_has_results_stays_skipped(
    database: Database, rows: Rows, collection: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run = Run(database, collection_id=str(collection["id"]))
    for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
        run.step(step)
    (week,) = rows.weeks(collection)
    rows.update("report_data_weeks", week, status="SKIPPED")
    run.clear()
    with pytest.raises(AirflowSkipException, match="SKIPPED"):
        run.step(SubmitExecution)
    run.step(RecordRun)
    assert [week["status"] for week in rows.weeks(collection)] == ["SKIPPED"]


def test_a_week_that_is_skipped_while_its_run_submits_stays_skipped(
    database: Database,
    rows: Rows,
    collection: Row,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (week,) = rows.weeks(collection)
    start = run_records.start_week

    def skip_and_start(connection: Connection, **columns: Any) -> bool:
        rows.update("report_data_weeks", week, status="SKIPPED")
        return start(connection, **columns)

    monkeypatch.setattr(run_records, "start_week", skip_and_start)
    emulator.fault("create_execution", "reject_execution")
    run = Run(database, collection_id=str(collection["id"]))
    run.step(SubmitExecution)
    with pytest.raises(AirflowFailException):
        run.step(WaitForExecution)
    run.step(RecordRun)
    assert [week["status"] for week in rows.weeks(collection)] == ["SKIPPED"]
    assert rows.get("report_data_collections", collection)["failed_weeks"] == 0


@pytest.mark.own_sessions
@pytest.mark.parametrize("stalls_before", ["start_week", "mark_submitted"])
def test_a_week_that_failed_while_its_submit_stalled_stays_failed(
    database: Database,
    rows: Rows,
    collection: Row,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
    stalls_before: str,
) -> None:
    """A person marks the run failed. The process of submit goes on afterwards."""
    emulator.progression("per_poll", polls=100)
    run = Run(database, collection_id=str(collection["id"]))
    module: Any = run_records if stalls_before == "start_week" else executions
    go_on, stalled = getattr(module, stalls_before), []

    def end_the_run_first(connection: Connection, *ids: Any, **columns: Any) -> bool:
        if not stalled:
            stalled.append(stalls_before)
            run.states["submit"] = "failed"
            run.step(RecordRun)
        return go_on(connection, *ids, **columns)

    monkeypatch.setattr(module, stalls_before, end_the_run_first)
    with suppress(PipelineError):
        run.step(SubmitExecution)
    assert stalled
    assert [row["status"] for row in run.executions] == ["CANCELLED"]
    assert [week["status"] for week in rows.weeks(collection)] == ["FAILED"]


def test_a_killed_run_fails_its_own_week_and_tells_how_long_it_took(
    rows: Rows, collection: Row, former: Run
) -> None:
    kill(former)
    (week,), (execution,) = rows.weeks(collection), former.executions
    assert (week["status"], week["error_message"]) == ("FAILED", "given up")
    assert week["execution_duration"] == execution["execution_duration"] is not None
    assert week["completed_at"] == execution["completed_at"]


def test_a_lost_run_fails_its_own_week_and_tells_the_retries_of_its_execution(
    rows: Rows, database: Database, collection: Row, former: Run
) -> None:
    database.query("UPDATE workflow_executions SET retry_count = 2")
    lose(former)
    (week,), (execution,) = rows.weeks(collection), former.executions
    assert (week["status"], week["retry_count"]) == ("FAILED", 2)
    assert week["execution_duration"] == execution["execution_duration"] >= 15 * 60
    assert week["completed_at"] == execution["completed_at"]


def test_a_lost_run_over_part_of_a_week_fails_no_week(
    rows: Rows, database: Database, collection: Row
) -> None:
    run = Run(database, collection_id=str(collection["id"]))
    run.dag_run.data_interval_end = datetime(2026, 1, 11, 1, tzinfo=UTC)
    run.step(SubmitExecution)
    lose(run)
    assert [week["status"] for week in rows.weeks(collection)] == ["PENDING"]
