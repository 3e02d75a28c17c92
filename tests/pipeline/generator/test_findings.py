"""What is wrong with an instance or a query is shown on its DAGs, and changes with its cause."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Row, Rows
from fixtures.tenants import europe_instance, hooks
from recomamp.domain.amc_options import AmcOptions
from recomamp.domain.definitions import read_options
from recomamp.pipeline.instances.health import check_instances
from recomamp.pipeline.instances.query_findings import check_queries
from recomamp.pipeline.instances.schema import sync_schema

DAGS = Path(__file__).resolve().parents[3] / "dags"

Parsed = dict[str, Any]


@pytest.fixture
def parse(connections: None) -> Callable[[], Parsed]:
    """Parse the generators as Airflow's DAG processor does."""

    def parse() -> Parsed:
        bag = DagBag(collect_dags=False, bundle_path=DAGS, bundle_name="dags")
        for file in ("amc_schedules.py", "amc_collections.py"):
            bag.process_file(str(DAGS / file), only_if_updated=False)
        assert bag.import_errors == {}
        return dict(bag.dags)

    return parse


def serialized(dags: Parsed) -> dict[str, str]:
    return {
        dag_id: json.dumps(DagSerialization.to_dict(dag), sort_keys=True)
        for dag_id, dag in dags.items()
    }


def check() -> None:
    check_instances(**hooks(), now=datetime.now(UTC))


def test_an_instance_in_error_is_shown_on_its_dags_and_on_no_other(
    parse: Callable[[], Parsed],
    rows: Rows,
    instance: Row,
    fernet_key: str,
    emulator: RunningEmulator,
) -> None:
    workflow = rows.workflow(instance=instance)
    own = {
        f"amc_schedule_{rows.schedule(workflow=workflow)['id']}",
        f"amc_collection_{rows.collection(workflow=workflow)['id']}",
    }
    europe = rows.workflow(instance=europe_instance(rows, fernet_key))
    rows.schedule(workflow=europe)
    before = parse()
    emulator.fault(
        "*", "forbidden", times=None, matching="amcdemonorth", reason="<b>Accept</b> the terms"
    )
    check()
    dags = parse()
    assert {one for one, dag in dags.items() if "instance error" in dag.tags} == own
    for dag_id in own:
        assert "The instance is in ERROR" in dags[dag_id].doc_md
        assert "&lt;b&gt;Accept&lt;/b&gt; the terms" in dags[dag_id].doc_md
        assert [task.task_id for task in dags[dag_id].tasks] == [
            task.task_id for task in before[dag_id].tasks
        ]
    others = set(dags) - own
    assert {one: serialized(dags)[one] for one in others} == {
        one: serialized(before)[one] for one in others
    }
    emulator.clear_faults()
    check()
    assert serialized(parse()) == serialized(before)


def test_check_after_check_leaves_the_dags_of_an_ailing_instance_byte_equal(
    parse: Callable[[], Parsed], rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.schedule(workflow=rows.workflow(instance=instance))
    emulator.revoke("ENTITYDEMONORTH")
    check()
    first = serialized(parse())
    assert "instance error" in str(first)
    check()
    assert serialized(parse()) == first


def test_an_instance_that_is_merely_unhealthy_changes_no_dag(
    parse: Callable[[], Parsed], rows: Rows, instance: Row
) -> None:
    rows.schedule(workflow=rows.workflow(instance=instance))
    before = serialized(parse())
    rows.update("amc_instances", instance, health_status="UNHEALTHY", health_error="slow")
    assert serialized(parse()) == before


def test_findings_are_shown_until_the_query_is_mended(
    parse: Callable[[], Parsed], rows: Rows, instance: Row
) -> None:
    workflow = rows.workflow(instance=instance, sql_query="SELECT a, b FROM dsp_clicks WHERE c = 1")
    rows.schedule(workflow=workflow)
    (before,) = parse().values()
    assert "finding" not in before.tags
    now = datetime.now(UTC)
    sync_schema(**hooks(), now=now)
    check_queries(database=hooks()["database"], now=now)
    (dag,) = parse().values()
    assert "finding" in dag.tags
    lines = [f"- column {name} is not in dsp_clicks" for name in "abc"]
    assert "\n".join(lines) in dag.doc_md
    rows.update("workflows", workflow, sql_query="SELECT campaign FROM dsp_clicks")
    (mended,) = parse().values()
    assert "finding" not in mended.tags
    assert "AMC may refuse" not in mended.doc_md


def test_what_a_query_says_by_itself_is_shown_before_its_instance_is_known(
    parse: Callable[[], Parsed], rows: Rows, instance: Row
) -> None:
    workflow = rows.workflow(
        instance=instance,
        sql_query="SELECT campaign FROM dsp_clicks WHERE click_dt_utc >= '{{startDate}}'"
        " AND click_dt_utc >= {{start_date}} AND campaign LIKE {{b}} AND site <> '${site}'",
        parameters={"startDate": "2025-07-01", "b": "Brand"},
    )
    schedule = rows.schedule(workflow=workflow, timezone="Europe/Berlin")
    rows.collection(workflow=workflow)  # in UTC
    dags = parse()
    assert all("finding" in dag.tags for dag in dags.values())
    (of_schedule,) = [dag for dag in dags.values() if str(schedule["id"]) in dag.dag_id]
    (of_collection,) = [dag for dag in dags.values() if dag is not of_schedule]
    for text in (
        "parameter startDate at line 1, column 55 is 2025-07-01 at every run",
        "has neither % nor _ with the value of b",
        "${site} at line 1, column ",
    ):
        assert text in of_schedule.doc_md
        assert text in of_collection.doc_md
    assert "click_dt_utc is in UTC" in of_schedule.doc_md
    assert "click_dt_utc is in UTC" not in of_collection.doc_md
    assert serialized(parse()) == serialized(dags)
    # A schedule's own value counts, not the workflow's
    rows.update("workflow_schedules", schedule, parameters={"b": "Brand%"})
    (changed,) = [dag for dag in parse().values() if str(schedule["id"]) in dag.dag_id]
    assert "has neither % nor _" not in changed.doc_md


def test_a_timestamp_compared_with_a_date_is_shown_once_its_type_is_known(
    parse: Callable[[], Parsed], rows: Rows, instance: Row
) -> None:
    workflow = rows.workflow(
        instance=instance,
        sql_query="SELECT campaign FROM dsp_clicks WHERE Click_Dt_Utc < '{{end_date}}'"
        " AND click_date <= '2026-01-01'",
    )
    rows.schedule(workflow=workflow)
    now = datetime.now(UTC)
    sync_schema(**hooks(), now=now)
    check_queries(database=hooks()["database"], now=now)
    (dag,) = parse().values()
    assert "finding" in dag.tags
    assert "column click_dt_utc of dsp_clicks is a TIMESTAMP" in dag.doc_md
    assert "write &lt; {{time_window_end}}" in dag.doc_md
    assert "click_date of" not in dag.doc_md


def test_options_are_shown_and_a_snapshot_may_lack_them(
    parse: Callable[[], Parsed], rows: Rows, instance: Row
) -> None:
    workflow = rows.workflow(instance=instance)
    rows.schedule(workflow=workflow)
    before = serialized(parse())
    options = {
        "privacy_filtering": "REMOVE_VALUES",
        "counts_hidden_rows": True,
        "disable_aggregation_controls": True,
    }
    rows.update("workflows", workflow, **options)
    (dag,) = parse().values()
    assert "`REMOVE_VALUES`" in dag.doc_md
    assert "disable_aggregation_controls has no effect" in dag.doc_md
    assert "finding" in dag.tags
    rows.update("amc_instances", instance, instance_type="SANDBOX")
    (dag,) = parse().values()
    assert "finding" not in dag.tags
    old = dict.fromkeys(options)
    assert read_options({"workflow_id": workflow["id"], "sql_query": "", **old}) == AmcOptions()
    rows.update("workflows", workflow, **{name: workflow[name] for name in options})
    rows.update("amc_instances", instance, instance_type="STANDARD")
    assert serialized(parse()) == before
