"""What AMC FAILED is tried again, so often and no more; the rows count it and say when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.errors import ExecutionFailed, PipelineError, SubmissionUnknown
from recomamp.pipeline.executions.base import FAILED_ATTEMPTS
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution


@pytest.fixture(autouse=True)
def fast(emulator: RunningEmulator) -> None:
    """Let AMC end what it has begun by the time it is asked."""
    emulator.progression("at_once")


def fail_executions(emulator: RunningEmulator, times: int | None) -> None:
    emulator.fault("create_execution", "fail_execution", reason="Internal 17", times=times)


def fail_once(run: Run) -> None:
    with pytest.raises(ExecutionFailed, match="Internal 17"):
        run.step(WaitForExecution)
    run.try_number += 1


def fail_for_good(run: Run) -> None:
    """Let AMC FAIL all attempts that are made; a task that fails for good is tried no more."""
    for _ in range(FAILED_ATTEMPTS - 1):
        fail_once(run)
    with pytest.raises(AirflowFailException, match="Internal 17"):
        run.step(WaitForExecution)


def test_a_failed_execution_is_tried_again_as_a_new_attempt(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=1)
    run.step(SubmitExecution)
    fail_once(run)
    run.step(WaitForExecution)
    first, second = run.executions
    assert (first["status"], first["error_type"]) == ("FAILED", "FAILED")
    assert "Internal 17" in first["error_message"]
    assert (second["attempt"], second["status"]) == (2, "RUNNING")


def test_amc_is_not_asked_for_ever_to_run_what_always_fails(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=None)
    run.step(SubmitExecution)
    fail_for_good(run)
    assert len(emulator.executions()) == FAILED_ATTEMPTS


def test_tries_that_failed_for_another_reason_use_up_no_attempt(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=None)
    run.step(SubmitExecution)
    run.try_number = FAILED_ATTEMPTS + 1  # a worker was killed, the database was away
    fail_for_good(run)
    assert len(emulator.executions()) == FAILED_ATTEMPTS


def test_a_worker_that_died_after_the_last_attempt_is_followed_by_no_further_one(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=None)
    run.step(SubmitExecution)
    fail_for_good(run)
    run.try_number += 1  # Airflow does not know that the try before failed for good
    with pytest.raises(AirflowFailException, match="Internal 17"):
        run.step(WaitForExecution)
    assert len(emulator.executions()) == FAILED_ATTEMPTS


def refuse_submission(run: Run, emulator: RunningEmulator, error_type: str) -> None:
    """Fail submit for good."""
    if error_type == "INSTANCE_UNUSABLE":
        run.database.query("UPDATE amc_instances SET health_status = 'ERROR'")
        emulator.fault("*", "forbidden", times=None, matching="/amc/", reason="not for you")
    else:
        emulator.fault("create_execution", "forbidden", times=None, reason="not for you")
    with pytest.raises(AirflowFailException, match="not for you"):
        run.step(SubmitExecution)


@pytest.mark.parametrize("error_type", ["REQUEST_REJECTED", "INSTANCE_UNUSABLE"])
def test_a_worker_that_died_after_a_refusal_is_followed_by_no_further_attempt(
    run: Run, emulator: RunningEmulator, error_type: str
) -> None:
    refuse_submission(run, emulator, error_type)
    sent = len(emulator.calls("create_execution"))
    run.try_number += 1  # Airflow does not know that the try before failed for good
    with pytest.raises(AirflowFailException, match="not for you"):
        run.step(SubmitExecution)
    assert [row["error_type"] for row in run.executions] == [error_type]
    assert len(emulator.calls("create_execution")) == sent


def test_a_worker_that_died_after_amc_ended_what_was_cleared_is_followed_by_no_further_attempt(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=100)
    run.step(SubmitExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    run.clear_task(WaitForExecution)
    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    emulator.end(str(run.executions[0]["amc_execution_id"]), "REJECTED", "not for you")
    for _ in range(2):  # Airflow does not know that the first failed for good
        with pytest.raises(AirflowFailException, match="not for you"):
            run.step(WaitForExecution)
        run.try_number += 1
    assert len(emulator.executions()) == 1


def test_clearing_a_refused_run_asks_again_also_if_the_first_try_after_it_opens_nothing(
    run: Run, emulator: RunningEmulator
) -> None:
    refuse_submission(run, emulator, "REQUEST_REJECTED")
    emulator.clear_faults()
    run.clear()
    run.try_number += 1  # the worker of the first try was killed
    run.step(SubmitExecution)
    assert [row["status"] for row in run.executions] == ["FAILED", "RUNNING"]


def test_clearing_the_run_allows_as_many_attempts_again(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=None)
    run.step(SubmitExecution)
    fail_for_good(run)
    run.clear()
    fail_for_good(run)
    assert len(emulator.executions()) == 2 * FAILED_ATTEMPTS


def test_a_scheduler_whose_clock_is_ahead_allows_no_further_attempt(
    run: Run, emulator: RunningEmulator
) -> None:
    """By its clock the run began after the database had its first attempt."""
    fail_executions(emulator, times=None)
    run.step(SubmitExecution)
    run.dag_run.start_date = run.executions[0]["created_at"]
    run.database.query(
        "UPDATE workflow_executions SET created_at = created_at - INTERVAL '8 seconds'"
    )
    fail_for_good(run)
    assert len(emulator.executions()) == FAILED_ATTEMPTS


@pytest.mark.parametrize("lost", [1, FAILED_ATTEMPTS])
def test_a_run_that_airflow_has_forgotten_and_made_again_has_all_its_attempts(
    run: Run, emulator: RunningEmulator, lost: int
) -> None:
    """The DAG was deleted and made again: the run has its former id, and was never cleared."""
    fail_executions(emulator, times=None)
    run.step(SubmitExecution)
    if lost == FAILED_ATTEMPTS:
        fail_for_good(run)
    else:
        fail_once(run)
    run.database.query("UPDATE workflow_executions SET created_at = created_at - INTERVAL '1 day'")
    again = Run(run.database, run.dag_run.run_id, **run.source)
    again.dag_run.start_date = datetime.now(UTC) - timedelta(hours=1)
    again.step(SubmitExecution)
    fail_for_good(again)
    assert len(emulator.executions()) == lost + FAILED_ATTEMPTS


def test_between_two_attempts_the_first_says_when_the_second_comes(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=1)
    run.step(SubmitExecution)
    fail_once(run)
    (waiting,) = run.executions
    assert waiting["next_retry_at"] > datetime.now(UTC)
    assert waiting["retry_count"] == 0
    run.step(WaitForExecution)
    assert [row["next_retry_at"] for row in run.executions] == [None, None]
    assert [row["retry_count"] for row in run.executions] == [0, 1]


def test_after_the_last_attempt_no_other_is_promised(run: Run, emulator: RunningEmulator) -> None:
    fail_executions(emulator, times=None)
    run.step(SubmitExecution)
    fail_for_good(run)
    assert [row["next_retry_at"] for row in run.executions] == [None] * FAILED_ATTEMPTS
    assert [row["retry_count"] for row in run.executions] == list(range(FAILED_ATTEMPTS))


def test_after_airflows_last_try_no_attempt_is_promised(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=None)
    run.step(SubmitExecution)
    run.try_number = run.max_tries + 1
    with pytest.raises(ExecutionFailed, match="Internal 17"):
        run.step(WaitForExecution)
    assert run.executions[0]["next_retry_at"] is None


def test_a_run_that_is_given_up_between_two_attempts_promises_none(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=1)
    run.step(SubmitExecution)
    fail_once(run)
    run.step(RecordRun)
    (execution,) = run.executions
    assert (execution["status"], execution["next_retry_at"]) == ("FAILED", None)


def test_a_try_that_failed_says_so_in_the_row_until_it_goes_on(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.fault("create_execution", "server_error", times=None, status=503)
    with pytest.raises(SubmissionUnknown):
        run.step(SubmitExecution)
    (waiting,) = run.executions
    assert waiting["next_retry_at"] > datetime.now(UTC)
    assert "503" in waiting["error_message"]
    assert waiting["retry_count"] == 0
    emulator.clear_faults()
    run.try_number = 2
    run.step(SubmitExecution)
    (sent,) = run.executions
    assert (sent["next_retry_at"], sent["error_message"], sent["retry_count"]) == (None, None, 1)


def test_every_try_that_failed_counts_whatever_its_step_and_reason(
    run: Run, emulator: RunningEmulator
) -> None:
    fail_executions(emulator, times=1)
    run.step(SubmitExecution)
    run.try_number = 2  # the first was killed and could say nothing
    run.step(SubmitExecution)
    run.try_number = 1
    fail_once(run)
    run.step(WaitForExecution)
    run.try_number = 1
    emulator.fault("download_urls", "server_error", times=None, status=503)
    with pytest.raises(PipelineError, match="503"):
        run.step(LoadResults)
    emulator.clear_faults()
    run.try_number = 2
    run.step(LoadResults)
    run.try_number = 3  # whose worker was killed before it could say that all was done
    run.step(RecordRun)
    assert [row["retry_count"] for row in run.executions] == [1, 3]


def test_waking_up_and_clearing_are_no_retries(run: Run, emulator: RunningEmulator) -> None:
    run.step(SubmitExecution)
    run.try_number = 2
    run.step(WaitForExecution)
    run.step(WaitForExecution, "resume")
    run.clear()
    run.step(WaitForExecution)
    assert [row["retry_count"] for row in run.executions] == [1]


def test_what_is_run_again_from_the_start_has_not_been_retried(
    run: Run, emulator: RunningEmulator
) -> None:
    for _ in range(2):
        for step in (SubmitExecution, WaitForExecution, LoadResults, RecordRun):
            run.step(step)
        run.clear()
    assert [(row["attempt"], row["retry_count"]) for row in run.executions] == [(1, 0), (2, 0)]


def test_the_week_of_a_collection_counts_the_retries_of_its_execution(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    collection = rows.collection(
        workflow=rows.workflow(instance=instance), start_date="2026-01-05", end_date="2026-01-11"
    )
    run = Run(database, collection_id=str(collection["id"]))
    fail_executions(emulator, times=1)
    run.step(SubmitExecution)
    fail_once(run)
    run.step(WaitForExecution)
    assert [week["retry_count"] for week in rows.weeks(collection)] == [1]
    run.step(LoadResults)  # still the second try: one more retry
    run.step(RecordRun)
    assert [week["retry_count"] for week in rows.weeks(collection)] == [2]
