"""What ``record`` returns: the result of the DAG run, as Airflow's REST API shows it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import WEEK, Run
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution

WINDOW = {"window_start": WEEK[0].isoformat(), "window_end": WEEK[1].isoformat()}
NOTHING = {"execution_id": None, "rows": None, "window_start": None, "window_end": None}


def result_of(run: Run) -> Any:
    result = run.xcom["record"]
    assert json.loads(json.dumps(result)) == result
    return result


def success(execution: Row) -> dict[str, Any]:
    return {
        "execution_id": str(execution["id"]),
        "status": "SUCCESS",
        "rows": execution["result_rows"],
        "error_type": None,
        **WINDOW,
    }


def test_a_success_names_its_execution_rows_and_window(run: Run, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    assert run.run_all()
    (execution,) = run.executions
    assert result_of(run) == success(execution)
    assert execution["result_rows"] > 0


def test_a_run_that_is_skipped_as_loaded_names_the_execution_that_loaded_it(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    assert run.run_all()
    (execution,) = run.executions
    again = Run(run.database, run_id="run 2", **run.source)
    again.dag_run.run_type = "scheduled"
    with pytest.raises(AirflowSkipException):
        again.step(SubmitExecution)
    again.step(RecordRun)
    assert result_of(again) == success(execution)


def test_a_failure_says_the_type_of_its_error(run: Run, emulator: RunningEmulator) -> None:
    run.step(SubmitExecution)
    run.step(RecordRun)  # the other tasks were marked failed
    (execution,) = run.executions
    result = result_of(run)
    assert (result["status"], result["error_type"]) == (
        execution["status"],
        execution["error_type"],
    )
    assert execution["error_type"]
    assert {name: result[name] for name in ("execution_id", "rows", *WINDOW)} == {
        "execution_id": str(execution["id"]),
        "rows": None,
        **WINDOW,
    }


def test_results_that_were_not_loaded_again_are_no_success(
    run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    assert run.run_all()
    run.clear()
    run.step(RecordRun)
    result = result_of(run)
    assert (result["status"], result["rows"]) == ("FAILED", None)
    assert result["error_type"] == "RUN_FAILED"


def test_a_run_without_an_execution_has_failed(run: Run, rows: Rows, schedule: Row) -> None:
    rows.update("workflows", str(schedule["workflow_id"]), sql_query="SELECT {{nobody_says}}")
    with pytest.raises(AirflowFailException):
        run.step(SubmitExecution)
    run.step(RecordRun)
    assert result_of(run) == {**NOTHING, "status": "FAILED", "error_type": "RUN_FAILED"}


def test_a_week_that_is_skipped_has_nothing(database: Database, rows: Rows, instance: Row) -> None:
    collection = rows.collection(
        workflow=rows.workflow(instance=instance), start_date="2026-01-05", end_date="2026-01-11"
    )
    rows.update("report_data_weeks", rows.weeks(collection)[0], status="SKIPPED")
    run = Run(database, collection_id=str(collection["id"]))
    with pytest.raises(AirflowSkipException):
        run.step(SubmitExecution)
    run.step(RecordRun)
    assert result_of(run) == {**NOTHING, "status": "SKIPPED", "error_type": None}
