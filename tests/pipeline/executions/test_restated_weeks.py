"""A run that restates a week changes the week by its results alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import WEEK, Run
from recomamp.domain.reconciliation import RunState
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.reconciliation.operator import reconcile
from recomamp.store.restatements import insert_restatement_requests

SQL = (
    "SELECT campaign, SUM(total_purchases) AS purchases, SUM(total_product_sales) AS sales"
    " FROM amazon_attributed_events_by_traffic_time GROUP BY campaign"
)
COUNTED = (
    "status", "total_weeks", "completed_weeks", "failed_weeks", "progress_percentage",
    "completed_at", "estimated_completion",
)  # fmt: skip
DAY = timedelta(hours=24)


@pytest.fixture
def emulated(emulator: RunningEmulator) -> RunningEmulator:
    """Let AMC know more as its clock goes on."""
    emulator.progression("at_once")
    emulator.settings(restates=True)
    emulator.clock(now="2026-01-26T00:00:00+00:00")
    return emulator


@pytest.fixture
def collection(rows: Rows, instance: Row) -> Row:
    """Insert a collection of one week."""
    return rows.collection(
        rows.workflow(instance=instance, sql_query=SQL),
        start_date="2026-01-05",
        end_date="2026-01-11",
        parameters={"window": {"restate_days": [16, 31]}},
    )


@pytest.fixture
def first(database: Database, collection: Row) -> Run:
    """Give the run of the week that starts by itself."""
    run = Run(database, run_id="week_1", collection_id=str(collection["id"]))
    run.dag_run.run_type = "scheduled"
    return run


def restatement(run: Run, number: int = 1) -> Run:
    """Give a run as the follower starts it, of the exact times of the week."""
    again = Run(run.database, run_id=f"restate__{number}", **run.source)
    again.dag_run.run_type = "manual"
    names = ("window_start", "window_end")
    again.params = {name: end.isoformat() for name, end in zip(names, WEEK, strict=True)}
    return again


def counted(rows: Rows, collection: Row) -> dict[str, Any]:
    row = rows.get("report_data_collections", collection)
    return {name: row[name] for name in COUNTED}


def kinds(database: Database) -> list[str]:
    return [row["kind"] for row in database.query("SELECT kind FROM notifications")]


def test_results_of_a_restatement_take_the_place_of_those_before(
    database: Database, rows: Rows, collection: Row, first: Run, emulated: RunningEmulator
) -> None:
    assert first.run_all()
    (before,) = rows.weeks(collection)
    was_counted = counted(rows, collection)
    assert (was_counted["status"], was_counted["completed_weeks"]) == ("COMPLETED", 1)

    emulated.clock(now="2026-02-12T00:00:00+00:00")
    again = restatement(first)
    assert again.try_until_done(SubmitExecution)
    assert rows.weeks(collection) == [before]  # it shows its results until there are others
    assert again.run_all()
    (after,) = rows.weeks(collection)
    (execution,) = again.executions
    assert (after["status"], after["execution_id"]) == ("SUCCESS", execution["id"])
    assert after["result_rows"] == execution["result_rows"]
    assert (after["started_at"], after["completed_at"]) == (
        before["started_at"], before["completed_at"],
    )  # fmt: skip
    assert counted(rows, collection) == was_counted
    (difference,) = database.query("SELECT * FROM result_differences")
    assert difference["previous_execution_id"] == first.executions[0]["id"]
    assert difference["change_ratio"] > 0
    assert kinds(database) == ["COLLECTION_COMPLETED"]


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "PENDING"])
def test_a_restatement_that_fails_leaves_the_week_as_it_is(
    database: Database,
    rows: Rows,
    collection: Row,
    first: Run,
    emulated: RunningEmulator,
    status: str,
) -> None:
    assert first.run_all()
    rows.update("report_data_weeks", rows.weeks(collection)[0], status=status)
    before, was_counted, events = (
        rows.weeks(collection), counted(rows, collection), kinds(database)
    )  # fmt: skip
    again = restatement(first)
    emulated.fault("create_execution", "forbidden")
    with pytest.raises(AirflowFailException):
        again.step(SubmitExecution)
    again.step(RecordRun)
    assert again.executions[0]["status"] == "FAILED"
    assert rows.weeks(collection) == before
    assert (counted(rows, collection), kinds(database)) == (was_counted, events)


def test_a_restatement_that_is_lost_leaves_the_week_as_it_is(
    rows: Rows, collection: Row, first: Run, emulated: RunningEmulator
) -> None:
    assert first.run_all()
    rows.update("report_data_weeks", rows.weeks(collection)[0], status="FAILED")
    before = rows.weeks(collection)
    emulated.progression("per_poll")
    again = restatement(first)
    again.step(SubmitExecution)
    now = datetime.now(UTC)
    for minutes in (0, 15):
        reconcile(
            database=DatabaseHook(),
            amazon=AmcHook(),
            run_state_of=lambda dag_id, run_id: RunState.GONE,
            clock=lambda minutes=minutes: now + timedelta(minutes=minutes),
        )
    assert again.executions[0]["status"] == "CANCELLED"
    assert rows.weeks(collection) == before


def test_a_failed_week_is_a_success_once_a_restatement_has_results(
    database: Database, rows: Rows, collection: Row, first: Run, emulated: RunningEmulator
) -> None:
    """Such as a week whose results a condition refused."""
    assert first.run_all()
    failed = rows.update("report_data_weeks", rows.weeks(collection)[0], status="FAILED")
    again = restatement(first)
    assert again.run_all()
    (week,) = rows.weeks(collection)
    assert (week["status"], week["execution_id"]) == ("SUCCESS", again.executions[0]["id"])
    assert week["completed_at"] > failed["completed_at"]
    assert counted(rows, collection)["status"] == "COMPLETED"


def test_a_skipped_week_is_not_read_again(
    rows: Rows, collection: Row, first: Run, emulated: RunningEmulator
) -> None:
    assert first.run_all()
    rows.update("report_data_weeks", rows.weeks(collection)[0], status="SKIPPED")
    before = rows.weeks(collection)
    again = restatement(first)
    with pytest.raises(AirflowSkipException):
        again.step(SubmitExecution)
    again.step(RecordRun)
    assert (again.executions, rows.weeks(collection)) == ([], before)


def test_a_window_with_results_is_submitted_again_by_a_restatement_alone(
    first: Run, emulated: RunningEmulator
) -> None:
    assert first.run_all()
    by_itself = Run(first.database, run_id="week_1 again", **first.source)
    by_itself.dag_run.run_type = "scheduled"
    by_itself.dag_run.run_after = datetime(2026, 1, 26, tzinfo=UTC)
    with pytest.raises(AirflowSkipException, match="has results"):
        by_itself.step(SubmitExecution)
    again = restatement(first)
    again.step(SubmitExecution)
    assert len(again.executions) == 1


def test_what_a_run_has_loaded_is_asked_for_at_the_next_age(
    database: Database, rows: Rows, collection: Row, first: Run, emulated: RunningEmulator
) -> None:
    assert first.run_all()
    loaded_at = WEEK[1] + 14 * DAY
    rows.update("workflow_executions", first.executions[0], created_at=loaded_at)
    pipeline = database.connect("recomamp_pipeline")
    user = collection["user_id"]

    def look(age_days: int) -> list[int]:
        with pipeline:
            asked = insert_restatement_requests(
                pipeline, user, now=WEEK[1] + age_days * DAY, lock_milliseconds=500
            )
        return [one.restate_age_days for one in asked]

    assert look(16) == [16]
    emulated.clock(now="2026-02-12T00:00:00+00:00")
    again = restatement(first)
    assert again.run_all()
    rows.update("workflow_executions", again.executions[0], created_at=WEEK[1] + 16 * DAY)
    assert (look(17), look(31)) == ([], [31])
