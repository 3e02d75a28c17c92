"""What is found at AMC after a doubt: our own by its name, and never what another row has."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from fixtures.amazon import Pauses
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import SQL, EmulatorClient
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.requests import NewExecution
from recomamp.domain.executions import AmcExecution
from recomamp.errors import ExecutionNoLongerOpen, SubmissionUnknown
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.hooks import AmcHook


@pytest.fixture(autouse=True)
def endless(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AMC go on with what it runs, and nobody pause."""
    monkeypatch.setattr(AmcHook, "sleep", Pauses())
    emulator.progression("per_poll", polls=1000)


@pytest.fixture
def colleague(database: Database, rows: Rows, instance: Row, run: Run, fernet_key: str) -> Run:
    """Give another user's run, who has a row of his own for the same AMC instance."""
    token = Fernet(fernet_key).encrypt(b"Atzr|demo-north").decode()
    theirs = rows.instance(
        user=rows.user(encrypted_refresh_token=token),
        account_id=instance["account_id"],
        instance_id=instance["instance_id"],
    )
    schedule = rows.schedule(workflow=rows.workflow(instance=theirs))
    return Run(database, run_id="run 2", schedule_id=str(schedule["id"]))


def amc_ids(*runs: Run) -> list[str]:
    return [run.executions[0]["amc_execution_id"] for run in runs]


@pytest.mark.parametrize("ahead_seconds", [-3600, 3600])
def test_our_name_is_found_whatever_amazons_clock_says(
    run: Run, emulator: RunningEmulator, ahead_seconds: int
) -> None:
    emulator.clock(advance_seconds=ahead_seconds)
    emulator.fault("create_execution", "reset_after")
    run.step(SubmitExecution)
    assert amc_ids(run) == [one["workflowExecutionId"] for one in emulator.executions()]


def test_a_name_that_amc_says_it_cannot_find_is_looked_for_by_time(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.fault("create_execution", "reset_after")
    emulator.fault("list_executions", "not_found")
    run.step(SubmitExecution)
    assert amc_ids(run) == [one["workflowExecutionId"] for one in emulator.executions()]


def test_of_a_query_sent_twice_what_still_runs_is_adopted_and_not_what_has_ended_since(
    run: Run, north: EmulatorClient, emulator: RunningEmulator
) -> None:
    emulator.fault("create_execution", "reset_after")
    emulator.fault("list_executions", "forbidden")
    with pytest.raises(SubmissionUnknown):
        run.step(SubmitExecution)
    (first,) = [one["workflowExecutionId"] for one in emulator.executions()]
    name = run.executions[0]["amc_workflow_id"]
    emulator.end(north.create_execution(workflow={"workflowId": name, "sqlQuery": SQL}), "FAILED")
    run.try_number = 2
    run.step(SubmitExecution)
    assert amc_ids(run) == [first]


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
def test_users_who_share_an_instance_never_take_each_others_nameless_executions(
    run: Run, colleague: Run, emulator: RunningEmulator, fault: str
) -> None:
    emulator.settings(keep_workflow_id=False)
    run.step(SubmitExecution)
    emulator.fault("create_execution", fault)
    assert colleague.try_until_done(SubmitExecution)
    ids = amc_ids(run, colleague)
    assert len(set(ids)) == 2
    assert sorted(ids) == sorted(one["workflowExecutionId"] for one in emulator.executions())


def let_another_adopt(other: Run, monkeypatch: pytest.MonkeyPatch, *, then: str = "") -> None:
    """Let another run's row, which waits as well, take what AMC accepts before its own run does.

    :param then: a statement that is run afterwards.
    """
    create = AmcClient.create_execution

    async def create_and_lose(amc: AmcClient, request: NewExecution) -> AmcExecution:
        accepted = await create(amc, request)
        other.database.query(
            "UPDATE workflow_executions SET amc_execution_id = %s, amc_instance_id = %s,"
            " status = 'RUNNING' WHERE dag_run_id = %s",
            [accepted.amc_execution_id, amc.account.instance_id, other.dag_run.run_id],
        )
        if then:
            other.database.query(then)
        monkeypatch.setattr(AmcClient, "create_execution", create)
        return accepted

    monkeypatch.setattr(AmcClient, "create_execution", create_and_lose)


@pytest.fixture
def waiting_colleague(colleague: Run, emulator: RunningEmulator) -> Run:
    """Give the other user's run in doubt: AMC keeps no names, and has not got its query."""
    emulator.settings(keep_workflow_id=False)
    emulator.fault("create_execution", "reset_before")
    emulator.fault("list_executions", "forbidden")
    with pytest.raises(SubmissionUnknown):
        colleague.step(SubmitExecution)
    return colleague


def test_two_rows_never_hold_one_execution_of_amc_and_the_loser_looks_again(
    run: Run,
    waiting_colleague: Run,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_another_adopt(waiting_colleague, monkeypatch)
    with pytest.raises(SubmissionUnknown, match="another execution of the same query has adopted"):
        run.step(SubmitExecution)
    assert run.executions[0]["status"] == "PENDING"
    run.try_number = 2
    run.step(SubmitExecution)
    ids = amc_ids(run, waiting_colleague)
    assert len(set(ids)) == 2
    assert [one["status"] for one in emulator.executions()] == ["RUNNING", "RUNNING"]
    assert sorted(ids) == sorted(one["workflowExecutionId"] for one in emulator.executions())


def test_what_another_row_has_adopted_is_not_cancelled_though_its_own_row_has_ended(
    run: Run,
    waiting_colleague: Run,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_another_adopt(
        waiting_colleague,
        monkeypatch,
        then="UPDATE workflow_executions SET status = 'CANCELLED' WHERE dag_run_id = 'run 1'",
    )
    with pytest.raises(ExecutionNoLongerOpen, match="belongs to another"):
        run.step(SubmitExecution)
    assert emulator.calls("cancel_execution") == []


@pytest.mark.parametrize("fault", ["throttle", "unauthorized", "reset_after"])
@pytest.mark.parametrize("lag_seconds", [0, 20])
def test_what_amc_took_and_then_refused_is_found_before_anything_is_sent_again(
    run: Run, emulator: RunningEmulator, fault: str, lag_seconds: int
) -> None:
    """Airflow tries again after half a minute: what a list still hides then is sent twice."""
    emulator.clock(now="2026-06-01T12:00:00+00:00")
    emulator.settings(list_lag_seconds=lag_seconds)
    emulator.fault("create_execution", fault, **({} if fault == "reset_after" else {"after": True}))
    assert run.try_until_done(
        SubmitExecution, after_each_try=lambda: emulator.clock(advance_seconds=30)
    )
    assert amc_ids(run) == [one["workflowExecutionId"] for one in emulator.executions()]
    assert len(emulator.calls("create_execution")) == 1


def test_a_throttled_submission_pauses_as_long_as_amc_asks_for_but_a_minute_at_most(
    run: Run, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = Pauses()
    monkeypatch.setattr(AmcHook, "sleep", pauses)
    for retry_after in (30, 600):
        emulator.fault("create_execution", "throttle", retry_after=retry_after)
    assert run.try_until_done(SubmitExecution)
    assert pauses.seconds == [30, 60]
