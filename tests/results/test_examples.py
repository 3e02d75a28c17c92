"""The example DAGs parse, and their tasks work on real results."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import PartitionedAssetTimetable

from fixtures.emulator import RunningEmulator
from fixtures.example_dags import FILE, WORKFLOW_ID
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.pipeline.assets import workflow_assets


@pytest.fixture
def bag() -> DagBag:
    found = DagBag(collect_dags=False, bundle_path=FILE.parent, bundle_name="examples")
    found.process_file(str(FILE), only_if_updated=False)
    assert found.import_errors == {}
    return found


@pytest.fixture
def run(database: Database, rows: Rows, instance: Row) -> Run:
    schedule = rows.schedule(workflow=rows.workflow(instance=instance, id=WORKFLOW_ID))
    return Run(database, schedule_id=str(schedule["id"]))


def report(bag: DagBag, dag_id: str, **context: Any) -> Any:
    return bag.dags[dag_id].get_task("report").python_callable(**context)  # type: ignore[union-attr]


def test_the_examples_wait_for_the_assets_of_their_workflow(bag: DagBag) -> None:
    plain, keyed = workflow_assets(UUID(WORKFLOW_ID), "")
    by_load, by_window = (
        bag.dags[name].timetable for name in ("report_on_all_windows", "report_on_one_window")
    )
    assert repr(plain.name) in repr(by_load.asset_condition)
    assert repr(keyed.name) in repr(by_window.asset_condition)
    assert not isinstance(by_load, PartitionedAssetTimetable)
    assert isinstance(by_window, PartitionedAssetTimetable)


def test_the_tasks_of_the_examples_read_a_real_result(
    bag: DagBag, run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    assert run.run_all()
    (row,) = run.executions
    data = row["result_data"]["data"]
    impressions = sum(line["impressions"] for line in data)
    assert impressions > 0

    assert report(bag, "report_on_all_windows") == {"windows": 1, "impressions": impressions}
    key = "2026-01-05/2026-01-12"
    assert report(bag, "report_on_one_window", partition_key=key) == {
        "window": key,
        "campaigns": len({line["campaign"] for line in data}),
        "impressions": impressions,
    }
