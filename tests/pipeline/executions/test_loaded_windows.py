"""A run that starts by itself asks AMC for no window that the rows show as SUCCESS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution

STEPS = (SubmitExecution, WaitForExecution, LoadResults, RecordRun)
SCHEDULED = "scheduled__2026-01-05T00:00:00+00:00"


@pytest.fixture(params=["schedule", "collection"])
def source(request: pytest.FixtureRequest, rows: Rows, instance: Row) -> dict[str, str]:
    workflow = rows.workflow(
        instance=instance,
        sql_query="SELECT campaign, SUM(impressions) AS n FROM dsp_impressions"
        " GROUP BY campaign HAVING SUM(impressions) > {{least}}",
        parameters={"least": 10},
    )
    if request.param == "schedule":
        return {"schedule_id": str(rows.schedule(workflow=workflow)["id"])}
    dates = {"start_date": "2026-01-05", "end_date": "2026-01-11"}
    return {"collection_id": str(rows.collection(workflow=workflow, **dates)["id"])}


def make_run(
    database: Database,
    source: dict[str, str],
    run_type: str,
    run_id: str = SCHEDULED,
    **params: Any,
) -> Run:
    run = Run(database, run_id, **source)
    run.dag_run.run_type, run.params = run_type, params
    # Airflow begins it now, whatever the rows have: later than the clocks may differ
    earlier = database.query("SELECT id FROM workflow_executions")
    run.dag_run.start_date = datetime.now(UTC) + timedelta(minutes=2 if earlier else 0)
    return run


def run_all(run: Run, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    for step in STEPS:
        run.step(step)


def run_skipped(run: Run) -> None:
    with pytest.raises(AirflowSkipException, match=r"has results.*Clear this task"):
        run.step(SubmitExecution)
    run.step(RecordRun)


def shown(database: Database) -> dict[str, list[Row]]:
    """Return what the application shows, but for the times of its runs."""
    return {
        table: database.query(f"SELECT * FROM {table} ORDER BY id")
        for table in ("workflow_executions", "schedule_runs", "report_data_weeks", "notifications")
    } | {"schedules": database.query("SELECT total_runs, last_run_at FROM workflow_schedules")}


@pytest.mark.parametrize("run_id", [SCHEDULED, "scheduled__2026-01-05T00:00:00.000001+00:00"])
@pytest.mark.parametrize("earlier", ["scheduled", "backfill"])
def test_a_run_that_airflow_has_forgotten_is_made_again_and_asks_for_nothing(
    database: Database,
    source: dict[str, str],
    emulator: RunningEmulator,
    run_id: str,
    earlier: str,
) -> None:
    earlier_id = SCHEDULED if earlier == "scheduled" else SCHEDULED.replace("scheduled", "backfill")
    run_all(make_run(database, source, earlier, earlier_id), emulator)
    before = shown(database)
    again = make_run(database, source, "scheduled", run_id)
    run_skipped(again)
    again.dag_run.clear_number += 1  # record alone is cleared
    again.step(RecordRun)
    assert len(emulator.executions()) == 1
    assert shown(database) == before


@pytest.mark.parametrize("how", ["clear", "backfill", "manual"])
def test_a_clear_a_backfill_and_a_manual_run_ask_again(
    database: Database, source: dict[str, str], emulator: RunningEmulator, how: str
) -> None:
    run_all(make_run(database, source, "scheduled"), emulator)
    if how == "clear":
        again = make_run(database, source, "scheduled")
        run_skipped(again)
        again.clear()
    else:
        again = make_run(database, source, how, f"{how}__2026-01-05T00:00:00+00:00")
    run_all(again, emulator)
    assert len(emulator.executions()) == 2
    assert again.executions[-1]["status"] == "SUCCESS"


def test_what_did_not_succeed_is_asked_again_under_the_same_run_id(
    database: Database, source: dict[str, str], emulator: RunningEmulator
) -> None:
    first = make_run(database, source, "scheduled")
    first.step(SubmitExecution)
    database.query("UPDATE workflow_executions SET status = 'FAILED', completed_at = now()")
    run_all(make_run(database, source, "scheduled"), emulator)
    assert [(row["attempt"], row["status"]) for row in first.executions] == [
        (1, "FAILED"),
        (2, "SUCCESS"),
    ]


def test_results_of_another_window_are_no_answer(
    database: Database, source: dict[str, str], rows: Rows, emulator: RunningEmulator
) -> None:
    other = make_run(database, source, "backfill", "backfill__other")
    other.dag_run.data_interval_end = other.dag_run.data_interval_end.replace(day=13)
    run_all(other, emulator)
    run_all(make_run(database, source, "scheduled"), emulator)
    assert len(emulator.executions()) == 2


def test_results_of_another_instance_are_no_answer(
    database: Database,
    source: dict[str, str],
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
) -> None:
    run_all(make_run(database, source, "backfill", "backfill__1"), emulator)
    other = rows.instance(
        user=rows.get("users", instance["user_id"]),
        account=rows.get("amc_accounts", instance["account_id"]),
        instance_id="amcother",
    )
    database.query("UPDATE workflow_executions SET instance_id = %s", [other["id"]])
    run_all(make_run(database, source, "scheduled"), emulator)
    assert len(emulator.executions()) == 2


@pytest.mark.parametrize("how", ["manual", "backfill"])
def test_results_from_before_the_data_was_complete_are_no_answer(
    database: Database, source: dict[str, str], emulator: RunningEmulator, how: str
) -> None:
    """Somebody could not wait. The run that comes when the window is due still asks."""
    run_all(make_run(database, source, how, f"{how}__1"), emulator)
    due = make_run(database, source, "scheduled")
    due.dag_run.run_after = datetime.now(UTC) + timedelta(seconds=1)
    run_all(due, emulator)
    assert len(emulator.executions()) == 2
    run_skipped(make_run(database, source, "scheduled", f"{SCHEDULED}.1"))


def test_a_manual_run_with_values_of_its_own_is_no_answer_and_one_without_is(
    database: Database, source: dict[str, str], emulator: RunningEmulator
) -> None:
    run_all(make_run(database, source, "manual", "manual__1", least=25), emulator)
    run_all(make_run(database, source, "scheduled"), emulator)
    assert len(emulator.executions()) == 2
    database.query("DELETE FROM workflow_executions WHERE dag_run_id = %s", [SCHEDULED])
    run_all(make_run(database, source, "manual", "manual__2"), emulator)
    run_skipped(make_run(database, source, "scheduled"))


def test_a_backfill_with_values_of_its_own_is_no_answer(
    database: Database, source: dict[str, str], emulator: RunningEmulator
) -> None:
    run_all(make_run(database, source, "backfill", "backfill__1", least=25), emulator)
    run_all(make_run(database, source, "scheduled"), emulator)
    assert [one["parameters"] for one in own(database)] == [{"least": "25"}, {"least": "10"}]


@pytest.mark.parametrize("earlier", ["scheduled", "backfill"])
def test_results_of_a_query_that_was_edited_since_are_no_answer(
    database: Database, source: dict[str, str], emulator: RunningEmulator, earlier: str
) -> None:
    run_all(make_run(database, source, earlier, f"{earlier}__earlier"), emulator)
    database.query("UPDATE workflows SET sql_query = sql_query || ' ORDER BY n'")
    run_all(make_run(database, source, "scheduled"), emulator)
    assert len(emulator.executions()) == 2


def test_run_records_of_a_skipped_run_stay_though_its_query_is_edited_before_they_are_written_again(
    database: Database, source: dict[str, str], emulator: RunningEmulator
) -> None:
    run_all(make_run(database, source, "scheduled"), emulator)
    again = make_run(database, source, "scheduled")
    run_skipped(again)
    database.query("UPDATE workflows SET sql_query = sql_query || ' ORDER BY n'")
    before = shown(database)
    again.dag_run.clear_number += 1  # record alone is cleared
    again.step(RecordRun)
    assert shown(database) == before


def test_run_records_of_a_skipped_run_stay_though_its_row_became_invalid(
    database: Database, source: dict[str, str], emulator: RunningEmulator
) -> None:
    run_all(make_run(database, source, "scheduled"), emulator)
    again = make_run(database, source, "scheduled")
    run_skipped(again)
    database.query("UPDATE workflows SET sql_query = 'SELECT {{typo}} FROM amazon'")
    before = shown(database)
    again.step(RecordRun)
    assert shown(database) == before


def own(database: Database) -> list[Row]:
    return database.query("SELECT * FROM workflow_executions ORDER BY created_at")


def test_an_open_attempt_goes_on_though_another_run_has_results(
    database: Database, source: dict[str, str], emulator: RunningEmulator
) -> None:
    run = make_run(database, source, "scheduled")
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run_all(make_run(database, source, "backfill", "backfill__1"), emulator)
    run_all(run, emulator)
    assert [row["status"] for row in run.executions] == ["SUCCESS"]
    assert len(emulator.executions()) == 2


def test_results_that_no_run_had_recorded_are_recorded(
    database: Database, source: dict[str, str], emulator: RunningEmulator
) -> None:
    """Airflow was lost between load and record."""
    emulator.progression("at_once")
    lost = make_run(database, source, "scheduled")
    for step in STEPS[:3]:
        lost.step(step)
    run_skipped(make_run(database, source, "scheduled"))
    (execution,) = lost.executions
    table = "schedule_runs" if "schedule_id" in source else "report_data_weeks"
    (row,) = database.query(f"SELECT status, execution_id FROM {table}")
    assert (row["status"], row["execution_id"]) == ("SUCCESS", execution["id"])
    assert len(emulator.executions()) == 1


def test_a_schedule_shows_its_next_tick_after_a_run_that_was_skipped(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    source = {"schedule_id": str(schedule["id"])}
    run_all(make_run(database, source, "scheduled"), emulator)
    due = rows.get("workflow_schedules", schedule)
    rows.update("workflow_schedules", schedule, next_run_at=datetime(2026, 1, 12, tzinfo=UTC))
    run_skipped(make_run(database, source, "scheduled"))
    after = rows.get("workflow_schedules", schedule)
    assert after["next_run_at"] >= due["next_run_at"]
    assert {**after, "next_run_at": None, "updated_at": None} == {
        **due,
        "next_run_at": None,
        "updated_at": None,
    }


def test_a_week_of_an_adopted_database_is_done_without_an_execution(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    collection = rows.collection(
        workflow=rows.workflow(instance=instance), start_date="2026-01-05", end_date="2026-01-18"
    )
    source = {"collection_id": str(collection["id"])}
    database.query(
        "UPDATE report_data_weeks SET status = 'SUCCESS' WHERE week_start_date = '2026-01-05'"
    )
    before = shown(database)
    run_skipped(make_run(database, source, "scheduled"))
    assert shown(database) == before
    assert emulator.executions() == []
