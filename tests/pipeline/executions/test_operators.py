"""The four steps against a real database and the emulator, without a scheduler."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg2
import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import WEEK, Run
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.requests import NewExecution
from recomamp.domain.executions import AmcExecution
from recomamp.errors import (
    AmazonError,
    ExecutionLocked,
    ExecutionNoLongerOpen,
    SubmissionUnknown,
)
from recomamp.pipeline.executions.cancellation import end_cancelled
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import FailInvalidRun, SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.executions import select_execution
from recomamp.store.locks import Purpose, locked


def test_a_run_goes_from_a_row_to_its_results(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
        run.step(step)
    (execution,) = run.executions
    (at_amc,) = emulator.executions()
    assert execution["status"] == "SUCCESS"
    assert execution["amc_execution_id"] == at_amc["workflowExecutionId"]
    assert execution["result_rows"] == len(execution["result_data"]["data"]) > 0
    assert execution["window_start"] == WEEK[0]
    (book,) = run.database.query("SELECT * FROM schedule_runs")
    assert (book["status"], book["execution_id"]) == ("SUCCESS", execution["id"])
    after = rows.get("workflow_schedules", schedule)
    assert (after["total_runs"], after["successful_runs"], after["failed_runs"]) == (1, 1, 0)
    assert after["last_run_status"] == "SUCCESS"
    assert after["next_run_at"] > datetime.now(UTC)


@pytest.mark.parametrize("known", [None, "SANDBOX"])
def test_an_execution_of_a_sandbox_asks_for_made_up_data(
    run: Run, rows: Rows, instance: Row, emulator: RunningEmulator, known: str | None
) -> None:
    """Amazon is asked for the type where no health check has kept it."""
    emulator.settings(instance_type="SANDBOX")
    emulator.progression("at_once")
    rows.update("amc_instances", instance, instance_type=known)
    for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
        run.step(step)
    (execution,), (at_amc,) = run.executions, emulator.executions()
    assert execution["status"] == "SUCCESS"
    assert at_amc["request"]["requireSyntheticData"] is True
    assert len(emulator.calls("get_instance")) == (0 if known else 1)


@pytest.mark.parametrize("fault", ["forbidden", "server_error"])
def test_where_amazon_does_not_say_the_type_the_query_is_sent_as_to_any_instance(
    run: Run, rows: Rows, instance: Row, emulator: RunningEmulator, fault: str
) -> None:
    rows.update("amc_instances", instance, instance_type=None)
    emulator.fault("get_instance", fault, times=None)
    run.step(SubmitExecution)
    (at_amc,) = emulator.executions()
    assert "requireSyntheticData" not in at_amc["request"]


def test_a_consent_that_is_gone_is_said_in_amazons_words_though_the_type_was_asked_first(
    run: Run, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.update("amc_instances", instance, instance_type=None)
    emulator.fault("token", "token_revoked", times=None)
    with pytest.raises(AirflowFailException, match="HTTP 400 invalid_grant"):
        run.step(SubmitExecution)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("FAILED", "CONSENT_REVOKED")


def test_waiting_holds_no_worker_and_goes_on_after_the_trigger(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=3)
    run.step(SubmitExecution)
    with pytest.raises(TaskDeferred) as deferred:
        run.step(WaitForExecution)
    execution_id = str(run.executions[0]["id"])
    assert deferred.value.trigger.serialize()[1] == {"execution_id": execution_id}
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution, "resume")
    assert run.step(WaitForExecution, "resume") == execution_id


def test_a_status_of_amcs_counts_in_either_case(run: Run, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    emulator.fault("get_execution", "unknown_status", status="Succeeded", times=None)
    assert run.run_all()
    assert [(row["status"], row["amc_status"]) for row in run.executions] == [
        ("SUCCESS", "SUCCEEDED")
    ]


def test_a_status_that_the_pipeline_does_not_know_is_shown_in_amcs_word(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.fault("get_execution", "unknown_status", status="Hibernating", times=None)
    run.step(SubmitExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    assert [row["amc_status"] for row in run.executions] == ["Hibernating"]


def test_submitting_again_finds_what_was_submitted(run: Run, emulator: RunningEmulator) -> None:
    assert run.step(SubmitExecution) == run.step(SubmitExecution)
    assert len(emulator.executions()) == 1


def test_a_connection_lost_after_acceptance_submits_nothing_twice(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.fault("create_execution", "reset_after")
    run.step(SubmitExecution)
    (execution,), (at_amc,) = run.executions, emulator.executions()
    assert execution["amc_execution_id"] == at_amc["workflowExecutionId"]


def test_an_intention_left_by_a_crash_is_adopted_where_amc_knows_it(
    run: Run, emulator: RunningEmulator
) -> None:
    run.step(SubmitExecution)
    run.database.query("UPDATE workflow_executions SET status = 'PENDING', amc_execution_id = NULL")
    run.step(SubmitExecution)
    (execution,), (at_amc,) = run.executions, emulator.executions()
    assert execution["amc_execution_id"] == at_amc["workflowExecutionId"]
    assert execution["status"] == "RUNNING"


def test_an_attempt_is_sent_as_it_was_opened_though_the_workflow_is_edited_meanwhile(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.fault("create_execution", "reset_before", times=4)
    emulator.fault("create_execution", "throttle", times=None, retry_after=0)
    with pytest.raises(AmazonError):
        run.step(SubmitExecution)
    before = run.executions[0]["submitted_sql"]
    other = "SELECT campaign, SUM(clicks) AS clicks FROM dsp_clicks GROUP BY campaign"
    rows.update("workflows", str(schedule["workflow_id"]), sql_query=other)
    emulator.clear_faults()
    run.step(SubmitExecution)
    (at_amc,) = emulator.executions()
    assert at_amc["request"]["workflow"]["sqlQuery"] == before
    assert run.executions[0]["submitted_sql"] == before


def test_two_workers_with_the_same_task_submit_it_once(
    run: Run, database: Database, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    database.query("UPDATE workflow_executions SET status = 'PENDING', amc_execution_id = NULL")
    (row,) = run.executions
    key = UUID(str(row["id"]))
    with (
        locked(lambda: psycopg2.connect(database.uri), key, Purpose.SUBMIT),
        pytest.raises(ExecutionLocked, match="another try"),
    ):
        run.step(SubmitExecution)
    assert len(emulator.executions()) == 1


def test_what_amc_accepts_after_the_run_was_given_up_is_cancelled_there(
    run: Run, database: Database, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.progression("per_poll", polls=100)
    create = AmcClient.create_execution

    async def create_and_give_up(amc: AmcClient, request: NewExecution) -> AmcExecution:
        accepted = await create(amc, request)
        database.query("UPDATE workflow_executions SET status = 'CANCELLED'")
        return accepted

    monkeypatch.setattr(AmcClient, "create_execution", create_and_give_up)
    with pytest.raises(ExecutionNoLongerOpen, match="which is now CANCELLED"):
        run.step(SubmitExecution)
    assert [one["status"] for one in emulator.executions()] == ["CANCELLED"]


def test_an_execution_that_passes_its_deadline_is_cancelled_and_never_tried_again(
    run: Run, database: Database, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    database.query("UPDATE workflow_executions SET deadline_at = now()")
    with pytest.raises(AirflowFailException, match="deadline"):
        run.step(WaitForExecution)
    (execution,), (at_amc,) = run.executions, emulator.executions()
    assert (execution["status"], execution["error_type"]) == ("TIMEOUT", "TIMED_OUT")
    assert at_amc["status"] == "CANCELLED"


def test_results_that_come_just_before_the_deadline_are_taken(
    run: Run, database: Database, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    database.query("UPDATE workflow_executions SET deadline_at = now()")

    async def come_too_late(amc: AmcClient, amc_execution_id: str) -> AmcExecution:
        emulator.progression("at_once")
        return await amc.get_execution(amc_execution_id)

    monkeypatch.setattr(AmcClient, "cancel_execution", come_too_late)
    run.step(WaitForExecution)
    run.step(LoadResults)
    assert run.executions[0]["status"] == "SUCCESS"


def test_an_end_that_was_written_is_kept_though_the_worker_died_before_saying_so(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    emulator.fault("create_execution", "reject_execution", reason="Unsupported")
    run.step(SubmitExecution)
    for run.try_number in (1, 2):
        with pytest.raises(AirflowFailException, match="Unsupported"):
            run.step(WaitForExecution)
    assert len(run.executions) == 1


def test_a_cleared_task_goes_on_though_its_execution_is_killed_under_its_next_try(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    (first,) = run.executions
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    database = DatabaseHook()
    with database.transaction() as connection:
        execution = select_execution(connection, UUID(str(first["id"])))
    assert execution is not None
    assert end_cancelled(database, execution, "cleared")
    emulator.end(str(first["amc_execution_id"]), "CANCELLED")
    with pytest.raises(ExecutionNoLongerOpen, match="ended while"):
        run.step(WaitForExecution, "resume")
    run.try_number = 2
    emulator.progression("at_once")
    run.step(WaitForExecution)
    assert [row["status"] for row in run.executions] == ["CANCELLED", "RUNNING"]


def test_a_collection_refuses_a_window_that_is_no_week_of_it(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    collection = rows.collection(
        workflow=rows.workflow(instance=instance), start_date="2026-01-05", end_date="2026-01-18"
    )
    run = Run(database, collection_id=str(collection["id"]))
    run.dag_run.run_type = "manual"
    run.params = {"window_start": "2026-01-12T12:00", "window_end": "2026-01-18T01:00"}
    remedy = "not a week of the collection.*window_start 2026-01-12, window_end 2026-01-19"
    with pytest.raises(AirflowFailException, match=remedy):
        run.step(SubmitExecution)
    run.params = {}
    run.dag_run.data_interval_end = datetime(2026, 1, 13, tzinfo=UTC)  # as REST may set it
    with pytest.raises(AirflowFailException, match="not a week of the collection"):
        run.step(SubmitExecution)
    run.step(RecordRun)
    assert run.executions == []
    assert [week["status"] for week in rows.weeks(collection)] == ["PENDING", "PENDING"]


@pytest.mark.parametrize("ui_zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_days_picked_in_a_form_are_days_of_the_row_and_mark_its_week(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator, ui_zone: str
) -> None:
    emulator.progression("at_once")
    collection = rows.collection(
        workflow=rows.workflow(instance=instance),
        start_date="2026-03-02",
        end_date="2026-03-15",  # clocks change in the first week
        parameters={"timezone": "America/Los_Angeles"},
    )
    run = Run(database, collection_id=str(collection["id"]))
    run.dag_run.run_type = "manual"
    run.params = {
        name: f"{datetime(2026, 3, day, tzinfo=ZoneInfo(ui_zone)).astimezone(UTC):%FT%T}.000Z"
        for name, day in (("window_start", 2), ("window_end", 9))
    }
    for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
        run.step(step)
    (execution,) = run.executions
    assert execution["window_start"] == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert execution["window_end"] == datetime(2026, 3, 9, 7, tzinfo=UTC)
    assert [week["status"] for week in rows.weeks(collection)] == ["SUCCESS", "PENDING"]


def test_failing_to_run_a_week_again_takes_its_results_from_nobody(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    collection = rows.collection(
        workflow=rows.workflow(instance=instance), start_date="2026-01-05", end_date="2026-01-11"
    )
    run = Run(database, collection_id=str(collection["id"]))
    for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
        run.step(step)
    (before,) = rows.weeks(collection)
    run.clear()
    emulator.fault("create_execution", "reject_execution", reason="not again")
    run.step(SubmitExecution)
    with pytest.raises(AirflowFailException):
        run.step(WaitForExecution)
    run.step(RecordRun)
    (after,) = rows.weeks(collection)
    assert (after["status"], after["execution_id"]) == ("SUCCESS", before["execution_id"])


def test_loading_that_failed_can_be_repeated_without_running_the_query_again(
    run: Run, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    url = os.environ["RECOMAMP_RESULTS_URL"]
    monkeypatch.delenv("RECOMAMP_RESULTS_URL")
    with pytest.raises(AirflowFailException, match="RECOMAMP_RESULTS_URL"):
        run.step(LoadResults)
    run.step(RecordRun)
    assert run.executions[0]["status"] == "FAILED"
    monkeypatch.setenv("RECOMAMP_RESULTS_URL", url)
    for step in (LoadResults, RecordRun):
        run.step(step)
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    (book,) = run.database.query("SELECT status FROM schedule_runs")
    assert book["status"] == "SUCCESS"
    assert len(emulator.executions()) == 1


def test_an_intention_that_was_never_sent_is_sent_without_a_look(
    run: Run, emulator: RunningEmulator
) -> None:
    run.step(SubmitExecution)
    run.database.query(
        "UPDATE workflow_executions SET status = 'PENDING', amc_execution_id = NULL,"
        " submission_started_at = NULL"
    )
    emulator.reset()
    run.step(SubmitExecution)
    assert len(emulator.executions()) == 1
    assert emulator.calls("list_executions") == []


def test_without_a_free_slot_the_task_waits_for_its_turn_and_sends_nothing(
    run: Run, database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.update("amc_instances", instance, max_concurrent_executions=1)
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    second = Run(database, run_id="run 2", **run.source)
    with pytest.raises(TaskDeferred) as deferred:
        second.step(SubmitExecution)
    assert deferred.value.trigger.serialize()[0].endswith("SlotTrigger")
    assert len(emulator.executions()) == 1
    (waiting,) = second.executions
    assert (waiting["status"], waiting["slot_granted_at"]) == ("PENDING", None)

    run.step(RecordRun)  # ends the first, which frees its slot
    assert second.step(SubmitExecution, "execute_again") == str(waiting["id"])
    assert [one["status"] for one in emulator.executions()].count("CANCELLED") == 1
    assert len(emulator.executions()) == 2


def test_wait_submits_its_next_attempt_once_it_has_a_slot(
    run: Run, database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.update("amc_instances", instance, max_concurrent_executions=1)
    emulator.progression("at_once")
    run.step(SubmitExecution)
    emulator.progression("per_poll", polls=100)
    database.query(
        "UPDATE workflow_executions SET status = 'FAILED', amc_status = 'FAILED',"
        " error_type = 'FAILED', completed_at = NOW()"
    )
    other = Run(database, run_id="run 2", **run.source)
    other.step(SubmitExecution)
    run.try_number = 2
    with pytest.raises(TaskDeferred) as deferred:
        run.step(WaitForExecution)
    assert deferred.value.trigger.serialize()[0].endswith("SlotTrigger")

    other.step(RecordRun)  # ends the other one, which frees its slot
    with pytest.raises(TaskDeferred) as submitted:
        run.step(WaitForExecution, deferred.value.method_name)
    assert submitted.value.trigger.serialize()[0].endswith("ExecutionTrigger")
    assert [row["status"] for row in run.executions] == ["FAILED", "RUNNING"]


class SubmitOfInvalidRow(FailInvalidRun):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(problem="parameters.typo is not declared", **kwargs)


def test_an_attempt_opened_before_its_row_became_invalid_goes_on_and_no_other_is_opened(
    run: Run, database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.update("amc_instances", instance, max_concurrent_executions=1)
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    second, third = (Run(database, run_id=f"run {n}", **run.source) for n in (2, 3))
    with pytest.raises(TaskDeferred):
        second.step(SubmitExecution)
    database.query("""UPDATE workflow_schedules SET parameters = '{"typo": 1}'""")
    run.step(RecordRun)
    emulator.progression("at_once")
    second.step(SubmitOfInvalidRow, "execute_again")
    for step in (WaitForExecution, LoadResults, RecordRun):
        second.step(step)
    assert [row["status"] for row in second.executions] == ["SUCCESS"]
    with pytest.raises(AirflowFailException, match=r"parameters\.typo is not declared"):
        third.step(SubmitOfInvalidRow)
    assert third.executions == []


def test_sql_that_amc_refuses_fails_for_good_with_amazons_words(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    workflow = rows.workflow(
        instance=instance,
        sql_query="SELECT campaign, SUM(nonsense) AS n FROM dsp_impressions GROUP BY 1",
    )
    schedule = rows.schedule(workflow=workflow)
    run = Run(database, schedule_id=str(schedule["id"]))
    with pytest.raises(AirflowFailException, match="nonsense"):
        run.step(SubmitExecution)
    run.step(RecordRun)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("FAILED", "REQUEST_REJECTED")
    (book,) = database.query("SELECT * FROM schedule_runs")
    assert book["status"] == "FAILED"
    assert "nonsense" in book["error_message"]
    assert rows.get("workflow_schedules", schedule)["failed_runs"] == 1


def test_a_refusal_of_a_long_value_says_how_a_list_of_any_length_is_written(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    emulator.settings(max_parameter_chars=1024)
    asins = [f"B{number:09}" for number in range(300)]
    query = (
        "SELECT tracked_asin, SUM(conversions) AS n FROM conversions WHERE {} GROUP BY tracked_asin"
    )
    array = "ARRAY_CONTAINS(CUSTOM_PARAMETER('asins'), tracked_asin)"
    workflow = rows.workflow(
        instance=instance,
        sql_query=query.format(f"({array} OR CUSTOM_PARAMETER('asins') IS NULL)"),
        parameters={"asins": asins},
    )
    run = Run(database, schedule_id=str(rows.schedule(workflow=workflow)["id"]))
    with pytest.raises(AirflowFailException, match=r"The value of parameter asins has 4200"):
        run.step(SubmitExecution)
    assert "write a list such as x IN ({{asins}})" in run.executions[0]["error_message"]

    literals = query.format("tracked_asin IN (CUSTOM_PARAMETER('asins'))")
    rows.update("workflows", workflow, sql_query=literals)
    run = Run(database, "run 2", schedule_id=run.source["schedule_id"])
    run.step(SubmitExecution)
    assert run.executions[-1]["amc_execution_id"]


def test_a_rejected_execution_is_never_tried_again(run: Run, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    emulator.fault("create_execution", "reject_execution", reason="Unsupported scalar operation")
    run.step(SubmitExecution)
    with pytest.raises(AirflowFailException, match="Unsupported scalar operation"):
        run.step(WaitForExecution)
    assert run.executions[0]["error_type"] == "REJECTED"


def test_a_run_that_failed_half_way_is_cancelled_at_amc_when_its_books_are_closed(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    run.step(RecordRun)
    (execution,), (at_amc,) = run.executions, emulator.executions()
    assert (execution["status"], at_amc["status"]) == ("CANCELLED", "CANCELLED")


def test_while_nobody_can_look_an_accepted_submission_is_neither_lost_nor_repeated(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    emulator.fault("create_execution", "reset_after")
    emulator.fault("list_executions", "forbidden")
    with pytest.raises(SubmissionUnknown, match="does not let us look"):
        run.step(SubmitExecution)
    assert run.executions[0]["status"] == "PENDING"
    run.step(SubmitExecution)
    (execution,), (at_amc,) = run.executions, emulator.executions()
    assert execution["amc_execution_id"] == at_amc["workflowExecutionId"]


def test_a_submission_in_doubt_is_cancelled_at_amc_when_the_books_are_closed(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    emulator.fault("create_execution", "reset_after")
    emulator.fault("list_executions", "forbidden")
    with pytest.raises(SubmissionUnknown):
        run.step(SubmitExecution)
    run.step(RecordRun)
    (execution,), (at_amc,) = run.executions, emulator.executions()
    assert (execution["status"], at_amc["status"]) == ("CANCELLED", "CANCELLED")


def test_whatever_amc_lists_under_another_name_is_not_cancelled(
    run: Run, schedule: Row, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should AMC ignore the name that was asked for, it would list everybody's."""
    emulator.progression("per_poll", polls=100)
    other = Run(run.database, run_id="run 2", schedule_id=str(schedule["id"]))
    other.step(SubmitExecution)
    emulator.fault("create_execution", "reset_after")
    emulator.fault("list_executions", "forbidden")
    with pytest.raises(SubmissionUnknown):
        run.step(SubmitExecution)
    listing = AmcClient.list_executions

    def list_all(amc: AmcClient, **_: Any) -> AsyncIterator[AmcExecution]:
        return listing(amc, min_creation_time=datetime.now(UTC) - timedelta(days=1))

    monkeypatch.setattr(AmcClient, "list_executions", list_all)
    run.step(RecordRun)

    statuses = {one["workflowExecutionId"]: one["status"] for one in emulator.executions()}
    assert len(statuses) == 2
    assert sorted(statuses.values()).count("CANCELLED") == 1
    assert statuses[other.executions[0]["amc_execution_id"]] != "CANCELLED"


def test_a_manual_run_takes_its_window_and_parameters_from_the_form(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    workflow = rows.workflow(
        instance=instance,
        sql_query="SELECT campaign, SUM(impressions) AS n FROM dsp_impressions"
        " GROUP BY campaign HAVING SUM(impressions) > {{least}}",
        parameters={"least": 10},
    )
    schedule = rows.schedule(workflow=workflow, timezone="Europe/Berlin")
    run = Run(database, schedule_id=str(schedule["id"]))
    run.dag_run.run_type = "manual"
    run.params = {"window_start": "2026-03-02", "window_end": "2026-03-03T00:00", "least": "25"}
    run.step(SubmitExecution)
    (execution,) = run.executions
    assert execution["window_start"] == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert execution["window_end"] == datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert execution["parameters"] == {"least": "25"}


@pytest.mark.parametrize(
    ("params", "conf", "complaint"),
    [
        ({"window_start": "2026-03-02"}, {}, "both window_start and window_end"),
        ({"window_start": "2026-03-03", "window_end": "2026-03-02"}, {}, "before window_end"),
        ({"window_start": "soon", "window_end": "2026-03-02"}, {}, "not an ISO date"),
        ({"window_start": "0001-01-01", "window_end": "2026-03-02"}, {}, "not an ISO date|between"),
        ({"window_start": "1999-12-30", "window_end": "1999-12-31"}, {}, "between 2000-01-01"),
        ({"window_start": "2026-03-02", "window_end": "9999-12-31"}, {}, "between 2000-01-01"),
        ({}, {"lest": 1}, "'lest' is not a parameter"),
    ],
)
def test_what_a_manual_run_asks_for_wrongly_is_said_and_nothing_is_sent(
    run: Run,
    emulator: RunningEmulator,
    params: dict[str, Any],
    conf: dict[str, Any],
    complaint: str,
) -> None:
    run.dag_run.run_type = "manual"
    run.params, run.dag_run.conf = params, conf
    with pytest.raises(AirflowFailException, match=complaint):
        run.step(SubmitExecution)
    assert (run.executions, emulator.executions()) == ([], [])


def test_clearing_a_finished_run_opens_the_next_attempt_and_counts_it_once(
    run: Run, rows: Rows, schedule: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    for _ in range(2):
        for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
            run.step(step)
        run.clear()
    assert [row["attempt"] for row in run.executions] == [1, 2]
    assert len(emulator.executions()) == 2
    assert rows.get("workflow_schedules", schedule)["total_runs"] == 1


def test_a_week_of_a_collection_shows_its_progress(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    collection = rows.collection(
        workflow=rows.workflow(instance=instance), start_date="2026-01-05", end_date="2026-01-15"
    )
    run = Run(database, collection_id=str(collection["id"]))
    run.step(SubmitExecution)
    assert [week["status"] for week in rows.weeks(collection)] == ["RUNNING", "PENDING"]
    for step in (WaitForExecution, LoadResults, RecordRun):
        run.step(step)
    first, second = rows.weeks(collection)
    assert (first["status"], second["status"]) == ("SUCCESS", "PENDING")
    assert first["result_rows"] == run.executions[0]["result_rows"]
    after = rows.get("report_data_collections", collection)
    assert (after["completed_weeks"], after["progress_percentage"]) == (1, 50)


@pytest.mark.parametrize(
    ("operation", "fault", "options"),
    [
        ("create_execution", "throttle", {"retry_after": 0}),
        ("create_execution", "unauthorized", {}),
        ("download_urls", "server_error", {"status": 503}),
        ("download", "expired_link", {}),
    ],
)
def test_an_ordinary_error_does_not_fail_the_run(
    run: Run, emulator: RunningEmulator, operation: str, fault: str, options: dict[str, Any]
) -> None:
    emulator.progression("at_once")
    emulator.fault(operation, fault, **options)
    assert run.run_all()
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    assert len(emulator.executions()) == 1
