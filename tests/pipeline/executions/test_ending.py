"""A waiting task is ended in Airflow, or only seems to be: what becomes of run and execution."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from cryptography.fernet import Fernet

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.domain.reconciliation import RunState
from recomamp.errors import SubmissionUnknown
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.reconciliation.operator import reconcile
from recomamp.pipeline.triggers.execution import ExecutionTrigger


def kill_trigger(run: Run) -> None:
    """Do what a triggerer does when it finds its trigger gone."""
    trigger = ExecutionTrigger(execution_id=str(run.executions[0]["id"]))
    asyncio.run(trigger.on_kill())


def test_a_run_loads_its_results_though_a_former_triggerer_comes_back_after_the_wait(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    task_state[0] = "success"
    kill_trigger(run)
    run.step(LoadResults)
    run.step(RecordRun)
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    assert emulator.calls("cancel_execution") == []


def test_a_cleared_task_waits_on_for_the_same_execution(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    run.clear()
    for task_state[0] in (None, "queued", "running"):
        kill_trigger(run)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    assert [row["status"] for row in run.executions] == ["RUNNING"]
    assert len(emulator.executions()) == 1


def test_a_waiting_task_marked_a_success_has_its_execution_cancelled_by_the_last_step(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    task_state[0] = "success"
    kill_trigger(run)
    with pytest.raises(AirflowFailException, match="no results"):
        run.step(LoadResults)
    run.step(RecordRun)
    assert [row["status"] for row in run.executions] == ["CANCELLED"]
    assert [one["status"] for one in emulator.executions()] == ["CANCELLED"]


def close_by_reconciliation(run: Run) -> None:
    """Reconcile until the run, which Airflow says has ended, is closed."""
    start = datetime.now(UTC)
    for minutes in (0, 15):
        reconcile(
            database=DatabaseHook(),
            amazon=AmcHook(),
            run_state_of=lambda dag_id, run_id: RunState.ENDED,
            clock=lambda minutes=minutes: start + timedelta(minutes=minutes),
        )


# Who may come to an execution whose task somebody has marked failed: the first of them ends it
COMERS: dict[str, Callable[[Run], object]] = {
    "on_kill": kill_trigger,
    "record": lambda run: run.step(RecordRun),
    "reconcile": close_by_reconciliation,
}


@pytest.mark.parametrize("at_amc", ["RUNNING", "SUCCEEDED", "nothing"])
@pytest.mark.parametrize("order", [*permutations(COMERS)])
def test_a_run_that_somebody_ends_ends_in_one_way_whoever_comes_first(
    run: Run,
    emulator: RunningEmulator,
    task_state: list[str | None],
    at_amc: str,
    order: Sequence[str],
) -> None:
    if at_amc == "SUCCEEDED":
        emulator.progression("at_once")
    else:
        emulator.progression("per_poll", polls=100)
    if at_amc == "nothing":
        emulator.fault("create_execution", "reset_before")
        with pytest.raises(SubmissionUnknown):
            run.step(SubmitExecution)
    else:
        run.step(SubmitExecution)
    task_state[0] = "failed"
    for comer in order:
        COMERS[comer](run)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("CANCELLED", "KILLED")
    expected = {"RUNNING": "CANCELLED", "SUCCEEDED": "SUCCEEDED", "nothing": None}
    assert execution["amc_status"] == expected[at_amc]
    assert [one["status"] for one in run.database.query("SELECT * FROM schedule_runs")] == [
        "FAILED"
    ]


@pytest.mark.parametrize("comer", ["record", "reconcile"])
def test_a_run_whose_step_failed_by_itself_says_what_the_step_said(
    run: Run, emulator: RunningEmulator, comer: str
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    emulator.fault("download_urls", "forbidden", times=None, reason="not for you")
    with pytest.raises(AirflowFailException, match="not for you"):
        run.step(LoadResults)
    COMERS[comer](run)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("FAILED", "RUN_FAILED")
    assert execution["error_message"].count("not for you") == 1
    assert "REQUEST_REJECTED: " in execution["error_message"]
    assert execution["amc_status"] == "SUCCEEDED"


@pytest.mark.parametrize("at_amc", ["SUCCEEDED", "RUNNING"])
def test_the_row_names_what_record_finds_of_a_query_whose_answer_was_lost(
    run: Run, emulator: RunningEmulator, at_amc: str
) -> None:
    """A person marks the run failed before a search of AMC's list has removed the doubt."""
    if at_amc == "SUCCEEDED":
        emulator.progression("at_once")
    else:
        emulator.progression("per_poll", polls=100)
    emulator.fault("create_execution", "reset_after")
    emulator.fault("list_executions", "forbidden")
    with pytest.raises(SubmissionUnknown):
        run.step(SubmitExecution)
    run.states["submit"] = "failed"
    run.step(RecordRun)
    (execution,) = run.executions
    (sent,) = emulator.executions()
    assert (execution["status"], execution["error_type"]) == ("CANCELLED", "KILLED")
    assert execution["amc_execution_id"] == sent["workflowExecutionId"]
    assert execution["amc_status"] == {"RUNNING": "CANCELLED"}.get(at_amc, at_amc)
    emulator.progression("at_once")
    run.clear()
    assert run.run_all()
    is_asked_again = at_amc == "RUNNING"
    assert len(emulator.executions()) == 1 + is_asked_again
    assert run.executions[-1]["status"] == "SUCCESS"


def test_results_that_no_id_of_amc_leads_to_are_asked_for_again(
    run: Run, emulator: RunningEmulator
) -> None:
    """An earlier version did not keep the id of what it found by name."""
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.states["submit"] = "failed"
    run.database.query(
        "UPDATE workflow_executions SET status = 'CANCELLED', error_type = 'KILLED',"
        " amc_status = 'SUCCEEDED', amc_execution_id = NULL, completed_at = now()"
    )
    run.clear()
    assert run.run_all()
    assert [row["status"] for row in run.executions] == ["CANCELLED", "SUCCESS"]


def test_an_error_that_nobody_expected_is_no_decision_of_people(
    run: Run, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret, perhaps")

    monkeypatch.setattr(LoadResults, "_finished_execution", broken)
    assert not run.try_until_done(LoadResults)
    run.step(RecordRun)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("FAILED", "RUN_FAILED")
    assert "unexpected ZeroDivisionError" in execution["error_message"]
    assert "secret" not in execution["error_message"]


def kill_too_late(run: Run, emulator: RunningEmulator, task_state: list[str | None]) -> None:
    """Mark the waiting task failed; AMC acknowledges that, and succeeds all the same."""
    emulator.clock(now="2026-06-01T12:00:00+00:00")
    emulator.progression("per_second", pending_seconds=0, running_seconds=60)
    emulator.settings(cancel_seconds=120)
    run.step(SubmitExecution)
    task_state[0] = "failed"
    kill_trigger(run)
    run.step(RecordRun)
    assert run.executions[0]["amc_status"] == "RUNNING"
    emulator.clock(advance_seconds=60)


@pytest.mark.parametrize("first", [SubmitExecution, WaitForExecution])
def test_clearing_what_amc_finished_in_spite_of_a_mark_loads_its_results(
    run: Run, emulator: RunningEmulator, task_state: list[str | None], first: type
) -> None:
    kill_too_late(run, emulator, task_state)
    run.clear()
    steps = (SubmitExecution, WaitForExecution, LoadResults, RecordRun)
    for step in steps[steps.index(first) :]:
        run.step(step)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("SUCCESS", None)
    assert len(emulator.executions()) == 1
    assert [one["status"] for one in run.database.query("SELECT * FROM schedule_runs")] == [
        "SUCCESS"
    ]


@pytest.mark.parametrize("first", [SubmitExecution, WaitForExecution])
def test_another_question_is_asked_though_amc_has_results_of_the_last(
    run: Run,
    rows: Rows,
    schedule: Row,
    emulator: RunningEmulator,
    task_state: list[str | None],
    first: type,
) -> None:
    kill_too_late(run, emulator, task_state)
    rows.update("workflows", str(schedule["workflow_id"]), sql_query=OTHER)
    run.clear()
    if first is SubmitExecution:
        run.step(SubmitExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    assert [row["status"] for row in run.executions] == ["CANCELLED", "RUNNING"]


OTHER = "SELECT campaign, SUM(clicks) AS clicks FROM dsp_clicks GROUP BY campaign"


@pytest.mark.parametrize(("first", "attempts"), [(WaitForExecution, 1), (SubmitExecution, 2)])
def test_after_a_load_that_failed_clearing_the_wait_loads_again_and_clearing_all_asks_again(
    run: Run, emulator: RunningEmulator, first: type, attempts: int
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    emulator.fault("download_urls", "forbidden")
    with pytest.raises(AirflowFailException):
        run.step(LoadResults)
    run.step(RecordRun)
    run.clear()
    steps = (SubmitExecution, WaitForExecution, LoadResults, RecordRun)
    for step in steps[steps.index(first) :]:
        run.step(step)
    assert [row["status"] for row in run.executions][-1] == "SUCCESS"
    assert len(run.executions) == len(emulator.executions()) == attempts


def test_after_a_load_of_an_interrupted_attempt_that_failed_clearing_all_asks_again(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    """Else no clear could ever help where its results are broken, or gone."""
    kill_too_late(run, emulator, task_state)
    run.clear()
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    emulator.fault("download_urls", "forbidden", times=None, reason="not for you")
    with pytest.raises(AirflowFailException, match="not for you"):
        run.step(LoadResults)
    run.step(RecordRun)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("CANCELLED", "RUN_FAILED")
    assert execution["error_message"].count("not for you") == 1
    emulator.clear_faults()
    emulator.progression("at_once")
    run.clear()
    for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
        run.step(step)
    assert [row["status"] for row in run.executions] == ["CANCELLED", "SUCCESS"]


@pytest.mark.parametrize("first", [SubmitExecution, WaitForExecution])
def test_results_of_another_instance_are_no_answer(
    run: Run,
    rows: Rows,
    schedule: Row,
    instance: Row,
    emulator: RunningEmulator,
    task_state: list[str | None],
    first: type,
) -> None:
    kill_too_late(run, emulator, task_state)
    other = rows.instance(
        user=rows.get("users", instance["user_id"]),
        account=rows.get("amc_accounts", instance["account_id"]),
        instance_id="amcdemosandbox",
    )
    rows.update("workflows", str(schedule["workflow_id"]), instance_id=other["id"])
    run.clear()
    with suppress(AirflowFailException, TaskDeferred):  # the emulator may not know the other one
        run.step(first)
    assert [row["instance_id"] for row in run.executions] == [instance["id"], other["id"]]


def test_a_withdrawn_consent_ends_what_waits_as_what_it_is(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    revoke(run.database, emulator)
    with pytest.raises(AirflowFailException, match="sign in"):
        run.step(WaitForExecution, "resume")
    run.step(RecordRun)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("FAILED", "CONSENT_REVOKED")
    assert execution["amc_status"] == "UNKNOWN"  # nobody can say it any more
    assert execution["error_message"].count("sign in") == 1


def test_after_a_new_consent_clearing_the_run_loads_what_amc_has_finished_meanwhile(
    run: Run, emulator: RunningEmulator, fernet_key: str
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    revoke(run.database, emulator)
    with pytest.raises(AirflowFailException):
        run.step(WaitForExecution)
    run.step(RecordRun)
    consent_again(run.database, emulator, fernet_key)
    emulator.progression("at_once")
    run.clear()
    for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
        run.step(step)
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    assert len(emulator.executions()) == 1


def revoke(database: Database, emulator: RunningEmulator) -> None:
    """Withdraw the consent; the access token is no good any more either."""
    emulator.fault("token", "token_revoked", times=None)
    database.query("UPDATE users SET token_expires_at = NOW() - INTERVAL '1 hour'")


def consent_again(database: Database, emulator: RunningEmulator, fernet_key: str) -> None:
    """Let the user sign in again, as the application writes it."""
    emulator.clear_faults()
    token = Fernet(fernet_key).encrypt(b"Atzr|demo-north").decode()
    database.query(
        "UPDATE users SET encrypted_refresh_token = %s, encrypted_access_token = NULL", [token]
    )


def test_an_event_that_names_a_wrong_setting_is_noted_until_the_next_one_does_not(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    event = {"reason": "RECOMAMP_POLL_SECONDS: 'abc' is not a number"}
    for given, shown in ((event, True), ({"text": "the row has ended"}, False)):
        with pytest.raises(TaskDeferred):
            run.step(WaitForExecution, "resume", event=given)
        (execution,) = run.executions
        assert execution["status"] == "RUNNING"
        assert ("RECOMAMP_POLL_SECONDS" in (execution["error_message"] or "")) is shown


def test_results_that_amc_had_when_the_run_was_given_up_are_loaded_by_clearing_the_load(
    run: Run, emulator: RunningEmulator, task_state: list[str | None]
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    task_state[0] = "failed"
    kill_trigger(run)
    run.step(RecordRun)
    assert run.executions[0]["error_type"] == "KILLED"
    run.clear()
    for step in (LoadResults, RecordRun):
        run.step(step)
    (execution,) = run.executions
    assert (execution["status"], execution["error_type"]) == ("SUCCESS", None)
    (book,) = run.database.query("SELECT status FROM schedule_runs")
    assert book["status"] == "SUCCESS"
    assert len(emulator.executions()) == 1
