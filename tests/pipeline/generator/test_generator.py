"""Rows become DAGs: all of them, each by itself, and the same ones while nothing changes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from fixtures.postgres import Database, Row, Rows

ROOT = Path(__file__).resolve().parents[3]
GENERATORS = ["amc_schedules.py", "amc_collections.py"]
STEPS = {"submit", "wait", "load", "record"}


@pytest.fixture
def parse(connections: None) -> Callable[..., DagBag]:
    """Parse the generators as Airflow's DAG processor does."""

    def parse(*files: str) -> DagBag:
        bag = DagBag(collect_dags=False, bundle_path=ROOT / "dags", bundle_name="dags")
        for file in files or GENERATORS:
            bag.process_file(str(ROOT / "dags" / file), only_if_updated=False)
        return bag

    return parse


def serialized(bag: DagBag) -> dict[str, str]:
    return {
        dag_id: json.dumps(DagSerialization.to_dict(dag), sort_keys=True)
        for dag_id, dag in bag.dags.items()
    }


def test_every_row_becomes_one_dag_with_the_four_steps(
    parse: Callable[..., DagBag], rows: Rows, instance: Row
) -> None:
    workflow = rows.workflow(instance=instance)
    schedules = [rows.schedule(workflow=workflow) for _ in range(3)]
    collection = rows.collection(workflow=workflow)
    bag = parse()
    assert bag.import_errors == {}
    expected = {f"amc_schedule_{row['id']}" for row in schedules}
    assert set(bag.dags) == expected | {f"amc_collection_{collection['id']}"}
    for dag in bag.dags.values():
        assert {task.task_id for task in dag.tasks} == STEPS
        assert dag.get_task("record").is_teardown


def test_a_run_that_has_begun_ends_before_another_begins(
    parse: Callable[..., DagBag], rows: Rows
) -> None:
    """With fewer slots than tasks, `record` would else wait until no run has anything to submit."""
    dag_id = f"amc_schedule_{rows.schedule()['id']}"
    dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(parse().dags[dag_id]))

    def priority(task_id: str) -> int:
        task = dag.get_task(task_id)
        return task.weight_rule.get_weight(SimpleNamespace(task=task))

    assert [priority(step) for step in ("submit", "wait", "load", "record")] == [1, 2, 3, 4]


def test_unchanged_rows_give_byte_equal_dags(
    parse: Callable[..., DagBag], rows: Rows, instance: Row, database: Database
) -> None:
    workflow = rows.workflow(
        instance=instance,
        sql_query="SELECT campaign, SUM(impressions) AS n FROM dsp_impressions"
        " WHERE advertiser IN ({{names}}) GROUP BY campaign",
        parameters={"names": ["b", "a"]},
    )
    schedule = rows.schedule(workflow=workflow)
    rows.collection(workflow=workflow)
    before = serialized(parse())
    rows.update("workflow_schedules", schedule, total_runs=7, last_run_status="SUCCESS")
    database.query("UPDATE report_data_weeks SET status = 'RUNNING'")
    assert serialized(parse()) == before


def test_a_row_that_cannot_run_becomes_a_dag_that_says_so_and_hurts_no_other(
    parse: Callable[..., DagBag], rows: Rows, instance: Row
) -> None:
    workflow = rows.workflow(instance=instance)
    good = rows.schedule(workflow=workflow)
    bad = rows.schedule(workflow=workflow, parameters={"undeclared": 1})
    bag = parse("amc_schedules.py")
    assert bag.import_errors == {}
    assert set(bag.dags) == {f"amc_schedule_{row['id']}" for row in (good, bad)}
    dag = bag.dags[f"amc_schedule_{bad['id']}"]
    assert "invalid" in dag.tags
    assert "workflow_schedules.parameters" in dag.doc_md
    assert "undeclared" in dag.doc_md
    assert dag.timetable.can_be_scheduled is False


HOSTILE = (
    "'; DROP TABLE users; -- {{ 1/0 }} {% raw %} <script>alert(1)</script> ```\n# x\n"
    "[a](b) \u202e🎉 "
)


def test_a_hostile_row_removes_no_other_dag(
    parse: Callable[..., DagBag], rows: Rows, instance: Row
) -> None:
    good = rows.schedule(workflow=rows.workflow(instance=instance))
    workflow = rows.workflow(instance=instance, name=HOSTILE, description=HOSTILE)
    rows.schedule(workflow=workflow, name=HOSTILE, description=HOSTILE)
    rows.schedule(workflow=workflow, name="", description="README.md")
    rows.schedule(workflow=workflow, parameters={HOSTILE: HOSTILE})
    rows.schedule(workflow=workflow, parameters={"window": {"lag_day": -(10**30)}})
    broken = rows.workflow(instance=instance, sql_query="SELECT '{{", name=HOSTILE)
    rows.schedule(workflow=broken)
    bag = parse("amc_schedules.py")
    assert bag.import_errors == {}
    assert len(bag.dags) == 6
    assert f"amc_schedule_{good['id']}" in bag.dags
    for text in serialized(bag).values():
        assert "<script>" not in json.loads(text)["dag"]["doc_md"].split("```")[0]


UNREADABLE = {
    "a year beyond Python": "created_at = '20026-01-01'",
    "a year before Christ": "created_at = '0044-03-15 BC'",
    "a number without end": """parameters = '{"x": 1e5000}'""",
    "a bottomless document": """parameters =
        (repeat('{"a":', 3000) || '1' || repeat('}', 3000))::jsonb""",
    "words of the snapshot": """parameters = '{"x": {"$time": "soon"}}'""",
}


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
def test_a_column_that_cannot_be_read_costs_its_own_dag_alone(
    parse: Callable[..., DagBag],
    rows: Rows,
    instance: Row,
    database: Database,
    change: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workflow = rows.workflow(instance=instance)
    good, bad = rows.schedule(workflow=workflow), rows.schedule(workflow=workflow)
    database.write_beyond_bounds(
        "workflow_schedules", f"UPDATE workflow_schedules SET {change} WHERE id = %s", [bad["id"]]
    )
    for away in (False, True):
        if away:
            monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgresql://nobody@127.0.0.1:1/x")
        bag = parse("amc_schedules.py")
        assert bag.import_errors == {}
        assert "invalid" in bag.dags[f"amc_schedule_{bad['id']}"].tags
        assert "invalid" not in bag.dags[f"amc_schedule_{good['id']}"].tags


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"0f000000-0000-4000-8000-000000000000": {"definition": "{}", "verdicts": null}}',
        '{"0f000000-0000-4000-8000-000000000000": {"definition": "{}", "verdicts": []}}',
        '{"0f000000-0000-4000-8000-000000000000": "{\\"owner\\": null, \\"name\\": 1}"}',
        '{"no UUID": "{}"}',
    ],
)
def test_a_broken_snapshot_is_no_import_error(
    parse: Callable[..., DagBag], connections: None, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    snapshot = Path(os.environ["RECOMAMP_SNAPSHOT_DIR"]) / "schedules-0.json"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_text(text, encoding="utf-8")
    monkeypatch.delenv("AIRFLOW_CONN_RECOMAMP_DB")
    assert parse().import_errors == {}


@pytest.mark.parametrize("kind", ["schedule", "collection"])
@pytest.mark.parametrize("mistake", ["a parameter", "a region"])
def test_an_invalid_dag_does_for_runs_under_way_all_that_the_valid_one_did(
    parse: Callable[..., DagBag],
    rows: Rows,
    database: Database,
    instance: Row,
    kind: str,
    mistake: str,
) -> None:
    row = getattr(rows, kind)(workflow=rows.workflow(instance=instance))
    dag_id = f"amc_{kind}_{row['id']}"

    def steps() -> dict[str, Any]:
        stored = json.loads(serialized(parse(f"amc_{kind}s.py"))[dag_id])["dag"]["tasks"]
        return {task["__var"]["task_id"]: task["__var"] for task in stored}

    before = steps()
    if mistake == "a parameter":
        table = {"schedule": "workflow_schedules", "collection": "report_data_collections"}[kind]
        database.query(f"UPDATE {table} SET parameters = '{{\"typo\": 1}}'")
    else:
        database.query("UPDATE amc_instances SET region = 'moon-1'")
    after = steps()
    assert set(after) == STEPS
    assert (before.pop("submit")["task_type"], after.pop("submit")["task_type"]) == (
        "SubmitExecution",
        "FailInvalidRun",
    )
    assert after == before
    assert after["load"]["outlets"]


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"region": "moon-1"}, "amc_instances.region"),
        ({"country_code": "XX"}, "amc_accounts.country_code"),
    ],
)
def test_an_unknown_region_or_country_is_named(
    parse: Callable[..., DagBag],
    rows: Rows,
    connections: None,
    columns: dict[str, Any],
    complaint: str,
) -> None:
    account = rows.account(**{k: v for k, v in columns.items() if k == "country_code"})
    instance = rows.instance(account=account, **{k: v for k, v in columns.items() if k == "region"})
    rows.schedule(workflow=rows.workflow(instance=instance))
    (dag,) = parse("amc_schedules.py").dags.values()
    assert complaint in dag.doc_md


def test_a_marketplace_that_is_not_known_here_is_named_by_the_account(
    parse: Callable[..., DagBag], rows: Rows, connections: None
) -> None:
    account = rows.account(country_code="XX", marketplace_id="A0NEWMARKET")
    rows.schedule(workflow=rows.workflow(instance=rows.instance(account=account)))
    (dag,) = parse("amc_schedules.py").dags.values()
    assert "invalid" not in dag.tags


def test_while_the_database_is_away_the_last_rows_stay(
    parse: Callable[..., DagBag],
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workflow = rows.workflow(instance=instance, parameters={"day": "2026-01-05", "n": 1})
    rows.schedule(workflow=workflow)
    rows.collection(workflow=workflow)
    before = serialized(parse())
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgresql://nobody@127.0.0.1:1/nothing")
    bag = parse()
    assert bag.import_errors == {}
    assert serialized(bag) == before


def test_without_any_snapshot_an_absent_database_is_no_import_error(
    parse: Callable[..., DagBag], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RECOMAMP_DB")
    assert parse().import_errors == {}


def test_a_deleted_row_takes_its_dag_along(
    parse: Callable[..., DagBag], rows: Rows, instance: Row, database: Database
) -> None:
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    assert len(parse("amc_schedules.py").dags) == 1
    database.query("DELETE FROM workflow_schedules WHERE id = %s", [schedule["id"]])
    assert parse("amc_schedules.py").dags == {}


def test_within_a_task_only_its_own_dag_is_built(
    parse: Callable[..., DagBag], rows: Rows, instance: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = rows.workflow(instance=instance)
    schedules = [rows.schedule(workflow=workflow) for _ in range(3)]
    rows.collection(workflow=workflow)
    own = f"amc_schedule_{schedules[1]['id']}"
    whole = serialized(parse())[own]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", own)
    alone = serialized(parse())
    assert alone == {own: whole}


@pytest.mark.parametrize(
    ("workflow_columns", "parameters", "complaint"),
    [
        ({"parameters": {"window_start": "2026-01-01"}}, {}, "pipeline's own"),
        ({"parameters": {"timezone": "UTC"}}, {}, "pipeline's own"),
        (
            {"sql_query": "SELECT COUNT(*) AS n FROM conversions WHERE d = {{start_date}}"},
            {"window": {"type": "CURRENT_MONTH"}},
            "AMC chooses the window",
        ),
        ({}, {"window": {"lookback": 7}}, "unknown 'lookback'"),
    ],
)
def test_what_would_fail_in_every_run_is_said_when_the_dag_is_built(
    parse: Callable[..., DagBag],
    rows: Rows,
    instance: Row,
    workflow_columns: dict[str, Any],
    parameters: dict[str, Any],
    complaint: str,
) -> None:
    workflow = rows.workflow(instance=instance, **workflow_columns)
    rows.schedule(workflow=workflow, parameters=parameters)
    (dag,) = parse("amc_schedules.py").dags.values()
    assert "invalid" in dag.tags
    assert complaint in dag.doc_md.replace("&#x27;", "'")


@pytest.mark.parametrize("change", ["schedule", "instance", "owner"])
def test_what_is_not_active_stays_visible_and_starts_nothing(
    parse: Callable[..., DagBag], rows: Rows, instance: Row, change: str
) -> None:
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    table, row = {
        "schedule": ("workflow_schedules", schedule),
        "instance": ("amc_instances", instance),
        "owner": ("users", str(instance["user_id"])),
    }[change]
    rows.update(table, row, is_active=False)
    (dag,) = parse("amc_schedules.py").dags.values()
    assert dag.timetable.is_active is False
    assert dag.timetable.periodic  # a backfill is still possible


def test_the_plugin_folder_executes_only_the_plugin() -> None:
    from airflow import plugins_manager

    plugins, errors = plugins_manager._get_plugins()
    assert errors == {}
    assert "recomamp" in {plugin.name for plugin in plugins}
    assert "windows" not in __import__("sys").modules
    assert os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] == str(ROOT / "plugins")


@pytest.mark.parametrize(
    ("cron", "format_"), [("0 6 * * *", "date"), ("0 * * * *", None)], ids=["days", "hours"]
)
def test_the_fields_of_the_window_name_the_rows_zone_and_take_what_rest_may_send(
    parse: Callable[..., DagBag], rows: Rows, instance: Row, cron: str, format_: str | None
) -> None:
    rows.schedule(
        workflow=rows.workflow(instance=instance), cron_expression=cron, timezone="Asia/Tokyo"
    )
    (dag,) = parse("amc_schedules.py").dags.values()
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    for name in ("window_start", "window_end"):
        param = stored.params.get_param(name)
        assert (param.schema.get("format"), param.schema["type"]) == (format_, ["null", "string"])
        assert "Asia/Tokyo" in param.schema["title"]
        assert "Asia/Tokyo" in param.description
        for value in (
            None,
            "2026-05-04",
            "2026-05-04T06:00",
            "2026-05-04T00:00:00.000Z",
            "2026-05-04T00:00:00+02:00",
        ):
            assert stored.params.deep_merge({name: value}).validate()[name] == value
        for value in ("4.5.2026", "2026-05-04T", "soon", 20260504):
            with pytest.raises(ParamValidationError, match=f"Invalid input for param {name}"):
                stored.params.deep_merge({name: value}).validate()
