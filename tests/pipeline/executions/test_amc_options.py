"""The options of a workflow go to AMC with its executions, and what privacy hides is counted."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution

STEPS = (SubmitExecution, WaitForExecution, LoadResults, RecordRun)
COUNTING = {
    "filteredMetricsDiscriminatorColumn": "recomamp_filtered",
    "filteredReasonColumn": "recomamp_filter_reason",
}
# Few users saw a campaign at one second, so that privacy hides rows
FINE = (
    "SELECT campaign, impression_dt, SUM(impressions) AS n, COUNT(DISTINCT user_id) AS users"
    " FROM dsp_impressions GROUP BY campaign, impression_dt"
)


def make_run(
    database: Database, rows: Rows, instance: Row, run_id: str = "run 1", **columns: Any
) -> Run:
    workflow = rows.workflow(instance=instance, **columns)
    return Run(database, run_id, schedule_id=str(rows.schedule(workflow=workflow)["id"]))


def run_all(run: Run, emulator: RunningEmulator) -> Row:
    emulator.progression("at_once")
    for step in STEPS:
        run.step(step)
    execution: Row = run.executions[-1]
    return execution


def test_without_options_nothing_more_is_sent_or_stored(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    execution = run_all(make_run(database, rows, instance), emulator)
    (at_amc,) = emulator.executions()
    assert execution["amc_options"] == {}
    assert not {*COUNTING, "privacyFilteringBehavior"} & set(at_amc["request"]["workflow"])
    assert not {"disableAggregationControls", "dryRun"} & set(at_amc["request"])
    assert (execution["hidden_rows"], execution["hidden_reasons"]) == (None, None)


def test_counted_rows_leave_the_result_that_remove_rows_alone_gives(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    plain = run_all(make_run(database, rows, instance, "plain", sql_query=FINE), emulator)
    counted = run_all(
        make_run(database, rows, instance, "counted", sql_query=FINE, counts_hidden_rows=True),
        emulator,
    )
    assert counted["amc_options"] == COUNTING
    assert emulator.executions()[-1]["request"]["workflow"].items() >= COUNTING.items()
    for name in ("schema", "data"):
        assert counted["result_data"][name] == plain["result_data"][name]
    assert counted["result_rows"] == plain["result_rows"]
    assert counted["hidden_rows"] > 0
    assert counted["blanked_rows"] == 0
    assert sum(counted["hidden_reasons"].values()) == counted["hidden_rows"]


def test_blanked_rows_are_counted_and_stay(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    options = {"privacy_filtering": "REMOVE_VALUES", "counts_hidden_rows": True}
    execution = run_all(make_run(database, rows, instance, sql_query=FINE, **options), emulator)
    assert execution["amc_options"] == {**COUNTING, "privacyFilteringBehavior": "REMOVE_VALUES"}
    assert execution["hidden_rows"] == 0
    assert execution["blanked_rows"] > 0
    names = [one["name"] for one in execution["result_data"]["schema"]["fields"]]
    assert names == ["campaign", "impression_dt", "n", "users"]


def test_a_resend_sends_what_the_attempt_was_opened_with(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    run = make_run(database, rows, instance, counts_hidden_rows=True)
    emulator.fault("create_execution", "server_error")
    with pytest.raises(Exception, match="50"):
        run.step(SubmitExecution)
    rows.update("workflows", run.executions[0]["workflow_id"], counts_hidden_rows=False)
    run.step(SubmitExecution)
    (at_amc,) = emulator.executions()
    assert at_amc["request"]["workflow"].items() >= COUNTING.items()


@pytest.mark.parametrize(("kind", "is_sent"), [("SANDBOX", True), ("STANDARD", False)])
def test_disabled_controls_are_sent_for_made_up_data_alone(
    database: Database,
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
    kind: str,
    is_sent: bool,
) -> None:
    emulator.settings(instance_type=kind)
    rows.update("amc_instances", instance, instance_type=kind)
    run = make_run(database, rows, instance, disable_aggregation_controls=True)
    execution = run_all(run, emulator)
    (at_amc,) = emulator.executions()
    assert execution["status"] == "SUCCESS"
    assert at_amc["request"].get("disableAggregationControls", False) is is_sent


def test_results_with_other_options_are_none_of_this_workflow(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    run = make_run(database, rows, instance)
    run.dag_run.run_type = "scheduled"
    workflow_id = run_all(run, emulator)["workflow_id"]
    again = Run(database, "scheduled__2", **run.source)
    again.dag_run.run_type = "scheduled"
    with pytest.raises(AirflowSkipException):
        again.step(SubmitExecution)
    rows.update("workflows", workflow_id, privacy_filtering="REMOVE_VALUES")
    again.step(SubmitExecution)
    assert len(emulator.executions()) == 2


def test_a_query_with_a_reserved_name_is_refused_with_the_remedy(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    sql = "SELECT campaign AS recomamp_filtered, SUM(clicks) AS n FROM dsp_clicks GROUP BY 1"
    run = make_run(database, rows, instance, sql_query=sql, counts_hidden_rows=True)
    with pytest.raises(AirflowFailException, match=r"workflows.sql_query.*recomamp_filtered"):
        run.step(SubmitExecution)
    assert emulator.executions() == []
