"""The pipeline against an AMC that keeps no names: what is ours is told by what was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fixtures.amazon import Pauses
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.domain.reconciliation import RunState
from recomamp.errors import PipelineError
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.reconciliation.operator import reconcile


@pytest.fixture
def first(
    database: Database,
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Give a run, already submitted, of which AMC does not know the name."""
    monkeypatch.setattr(AmcHook, "sleep", Pauses())
    emulator.settings(keep_workflow_id=False)
    emulator.progression("per_poll", polls=1000)
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    run = Run(database, schedule_id=str(schedule["id"]))
    run.step(SubmitExecution)
    return run


def amc_ids(*runs: Run) -> list[str]:
    return [run.executions[0]["amc_execution_id"] for run in runs]


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
def test_runs_over_the_same_window_never_take_each_others_execution(
    first: Run, emulator: RunningEmulator, fault: str
) -> None:
    second = Run(first.database, run_id="run 2", **first.source)
    emulator.fault("create_execution", fault)

    assert second.try_until_done(SubmitExecution)

    ids = amc_ids(first, second)
    assert sorted(ids) == sorted(one["workflowExecutionId"] for one in emulator.executions())
    assert len(set(ids)) == 2


def test_what_a_lost_try_has_sent_is_adopted_by_the_next(
    first: Run, emulator: RunningEmulator
) -> None:
    before = amc_ids(first)
    first.database.query(
        "UPDATE workflow_executions SET status = 'PENDING', amc_execution_id = NULL"
    )

    first.step(SubmitExecution)

    assert amc_ids(first) == before
    assert len(emulator.executions()) == 1


def test_an_orphan_is_cancelled_by_its_id_and_no_other(
    first: Run, emulator: RunningEmulator
) -> None:
    second = Run(first.database, run_id="run 2", **first.source)
    second.step(SubmitExecution)
    start = datetime.now(UTC)

    for minutes in (0, 15):
        reconcile(
            database=DatabaseHook(),
            amazon=AmcHook(),
            run_state_of=lambda dag_id, run_id: (
                RunState.GONE if run_id == "run 1" else RunState.RUNNING
            ),
            clock=lambda minutes=minutes: start + timedelta(minutes=minutes),
        )

    statuses = {one["workflowExecutionId"]: one["status"] for one in emulator.executions()}
    assert [statuses[key] for key in amc_ids(first, second)] == ["CANCELLED", "RUNNING"]
    assert [run.executions[0]["status"] for run in (first, second)] == ["CANCELLED", "RUNNING"]
    (counted,) = first.database.query("SELECT external_executions FROM amc_instances")
    assert counted["external_executions"] == 0


def test_a_query_with_other_parameters_is_not_taken_for_ours(
    first: Run, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    workflow = rows.workflow(instance=instance, sql_query=OTHER, parameters={"least": 10})
    other = Run(
        first.database, run_id="run 2", schedule_id=str(rows.schedule(workflow=workflow)["id"])
    )
    first.database.query("UPDATE workflow_executions SET status = 'FAILED'")
    first.database.query("DELETE FROM workflow_executions")  # so that nothing is taken
    other.params = {"least": "11"}
    emulator.fault("create_execution", "reset_before")

    assert other.try_until_done(SubmitExecution)

    assert len(emulator.executions()) == 2


def test_without_a_look_nothing_is_sent_again(first: Run, emulator: RunningEmulator) -> None:
    second = Run(first.database, run_id="run 2", **first.source)
    emulator.fault("create_execution", "reset_after")
    emulator.fault("list_executions", "forbidden")

    with pytest.raises(PipelineError, match="does not let us look"):
        second.step(SubmitExecution)
    second.step(SubmitExecution)

    assert len(emulator.executions()) == 2
    assert len(set(amc_ids(first, second))) == 2


OTHER = (
    "SELECT campaign, SUM(impressions) AS n FROM dsp_impressions"
    " GROUP BY campaign HAVING SUM(impressions) > {{least}}"
)


def test_what_others_asked_while_ours_waited_for_its_slot_is_not_taken_for_ours(
    database: Database,
    run: Run,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AmcHook, "sleep", Pauses())
    emulator.settings(keep_workflow_id=False)
    emulator.progression("per_poll", polls=1000)
    emulator.clock(advance_seconds=-1800)
    other = Run(database, run_id="of somebody else", **run.source)
    other.step(SubmitExecution)
    database.query("UPDATE workflow_executions SET status = 'FAILED'")
    database.query("DELETE FROM workflow_executions")  # so that nothing is taken
    emulator.clock(advance_seconds=1800)
    emulator.fault("create_execution", "reset_before")
    database.query(OPENED_AN_HOUR_AGO)
    try:
        assert run.try_until_done(SubmitExecution)
    finally:
        database.query("DROP FUNCTION open_an_hour_ago() CASCADE")
    ours = run.executions[0]["amc_execution_id"]
    assert [one["workflowExecutionId"] == ours for one in emulator.executions()] == [False, True]


# As of one that has waited for its slot
OPENED_AN_HOUR_AGO = """
CREATE FUNCTION open_an_hour_ago() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    NEW.created_at := NOW() - INTERVAL '1 hour';
    RETURN NEW;
END $$;
CREATE TRIGGER open_an_hour_ago BEFORE INSERT ON workflow_executions FOR EACH ROW
    EXECUTE FUNCTION open_an_hour_ago();
"""
