"""What OpenLineage's own provider gets from the task ``load``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.providers.openlineage.extractors.base import DefaultExtractor
from openlineage.client.serde import Serde

from fixtures.amazon import Pauses
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.errors import ExecutionLocked
from recomamp.pipeline.executions.lineage import dataset_name
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.store.locks import Purpose, locked

SQL = "SELECT campaign, SUM(impressions) AS impressions FROM dsp_impressions GROUP BY campaign"


@pytest.fixture
def run(
    database: Database,
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Give a run whose execution AMC has finished, in two files."""
    monkeypatch.setattr(AmcHook, "sleep", Pauses())
    emulator.progression("at_once")
    emulator.settings(result_parts=2)
    schedule = rows.schedule(workflow=rows.workflow(instance=instance, sql_query=SQL))
    run = Run(database, schedule_id=str(schedule["id"]))
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    return run


def extract(run: Run) -> OperatorLineage | None:
    """Ask the task as the provider's listener does after its end."""
    extractor = DefaultExtractor(run.tasks["load"])
    return extractor.extract_on_complete(SimpleNamespace())


def as_json(value: Any) -> Any:
    return json.loads(Serde.to_json(value))


def test_a_load_says_which_columns_became_which_files(run: Run) -> None:
    run.step(LoadResults)

    found = extract(run)

    assert found is not None
    (row,) = run.executions
    (source,) = (as_json(one) for one in found.inputs)
    assert (source["namespace"], source["name"]) == ("amc://amcdemonorth", "dsp_impressions")
    fields = [field["name"] for field in source["facets"]["schema"]["fields"]]
    assert fields == ["campaign", "impressions"]

    (target,) = (as_json(one) for one in found.outputs)
    assert target["namespace"] == "file"
    assert target["name"].endswith(f"/results/recomamp_workflow={row['workflow_id']}")
    assert [(field["name"], field["type"]) for field in target["facets"]["schema"]["fields"]] == [
        (one["name"], one["dataType"]) for one in row["result_data"]["schema"]["fields"]
    ]
    assert target["facets"]["storage"]["fileFormat"] == "parquet"
    counted = target["outputFacets"]["outputStatistics"]
    assert (counted["rowCount"], counted["size"], counted["fileCount"]) == (
        row["result_rows"],
        row["result_size_bytes"],
        2,
    )
    files = target["outputFacets"]["subset"]["outputCondition"]["locations"]
    assert files == [file["uri"] for file in row["result_data"]["files"]]

    assert as_json(found.job_facets["sql"])["query"] == row["submitted_sql"]
    assert as_json(found.run_facets["externalQuery"])["externalQueryId"] == row["amc_execution_id"]


def test_a_try_that_has_stored_nothing_has_no_lineage(run: Run) -> None:
    (row,) = run.executions
    with (
        locked(DatabaseHook().get_conn, row["id"], Purpose.LOAD),
        pytest.raises(ExecutionLocked),
    ):
        run.step(LoadResults)

    assert extract(run) is None


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        ("file:///var/results/recomamp_workflow=1", "file", "/var/results/recomamp_workflow=1"),
        ("s3://bucket/a/recomamp_workflow=1", "s3://bucket", "a/recomamp_workflow=1"),
        (
            "abfss://box@name.dfs.core.windows.net/recomamp_workflow=1",
            "abfss://box@name.dfs.core.windows.net",
            "recomamp_workflow=1",
        ),
    ],
)
def test_data_sets_are_named_by_the_rules_of_openlineage(
    uri: str, namespace: str, name: str
) -> None:
    assert dataset_name(uri) == (namespace, name)


PROGRAM = """
import sys
import recomamp_plugin
from recomamp.pipeline.executions.load import LoadResults
task = LoadResults(task_id="load", definition_kind="schedule", definition_id="0192")
assert task.get_openlineage_facets_on_complete(None) is None
lazy = {"openlineage.client", "statsd", "opentelemetry.sdk.metrics", "pyarrow.parquet"}
assert not lazy & set(sys.modules), lazy & set(sys.modules)
"""


def test_neither_the_plugin_nor_the_task_loads_what_only_some_settings_need() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env=environment)
