"""AMC's tables and columns come into the database, and queries are compared with them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from amc_emulator.engine.catalogue import describe_data_sources
from amc_emulator.tenants import read_tenants
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.tenants import europe_instance, hooks
from recomamp.errors import PartialFailure, PipelineError
from recomamp.pipeline.instances.operators import SyncSchema
from recomamp.pipeline.instances.query_findings import check_queries
from recomamp.pipeline.instances.schema import publish_schema, sync_schema

FILE = Path(__file__).resolve().parents[3] / "dags" / "recomamp_schema_sync.py"
TABLES = ("amc_data_sources", "amc_schema_fields", "amc_instance_data_sources", "workflow_findings")


@pytest.fixture
def europe(rows: Rows, instance: Row, fernet_key: str) -> Row:
    return europe_instance(rows, fernet_key)


def sync(**other: Any) -> None:
    now = datetime.now(UTC)
    try:
        sync_schema(**{**hooks(), "now": now, **other})
    finally:
        check_queries(database=hooks()["database"], now=now)


def contents(database: Database) -> dict[str, list[Row]]:
    return {table: database.query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}


def source(database: Database, name: str) -> Row:
    (row,) = database.query("SELECT * FROM amc_data_sources WHERE name = %s", [name])
    return row


def column(database: Database, table: str, name: str) -> Row:
    (row,) = database.query(
        "SELECT * FROM amc_schema_fields WHERE data_source_id = %s AND field_name = %s",
        [source(database, table)["id"], name],
    )
    return row


def tables_of(instance_id: str) -> int:
    """Return how many tables the emulator offers to an instance."""
    return len(describe_data_sources(read_tenants().datasets(instance_id)))


def findings(database: Database) -> list[tuple[str, str]]:
    found = database.query("SELECT kind, message FROM workflow_findings ORDER BY message")
    return [(row["kind"], row["message"]) for row in found]


def hide(emulator: RunningEmulator, table: str, **other: Any) -> None:
    emulator.settings(data_sources=[{"data_source_id": table, "hidden": True, **other}])


def test_a_first_sync_brings_every_table_and_column(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    sync()
    found = database.query("SELECT * FROM amc_data_sources")
    assert len(found) == tables_of("amcdemonorth")
    assert all(row["is_active"] and row["deprecated_at"] is None for row in found)
    impressions = source(database, "dsp_impressions")
    assert impressions["display_name"] == "Dsp impressions"
    assert (impressions["category"], impressions["table_type"]) == ("impressions", "fact")
    assert impressions["description"] == "One row per impression served by Amazon DSP."
    spend = column(database, "dsp_impressions", "impression_cost")
    assert (spend["data_type"], spend["column_type"], spend["sensitivity"]) == (
        "LONG",
        "METRIC",
        "NONE",
    )
    assert rows.get("amc_instances", instance)["schema_last_sync"] is not None


def test_a_second_sync_with_nothing_new_changes_no_row(
    database: Database, rows: Rows, instance: Row, europe: Row
) -> None:
    rows.workflow(instance=instance, sql_query="SELECT odd FROM nowhere")
    sync()
    before = contents(database)
    last = rows.get("amc_instances", instance)["schema_last_sync"]
    sync()
    assert contents(database) == before
    assert all(before.values())
    assert rows.get("amc_instances", instance)["schema_last_sync"] > last


def test_what_changes_at_amc_changes_here_and_nothing_else(
    database: Database, instance: Row, emulator: RunningEmulator
) -> None:
    sync()
    before = contents(database)
    emulator.settings(
        data_sources=[
            {
                "data_source_id": "dsp_clicks",
                "description": "Clicks, better described",
                "columns": [
                    {"name": "brand_new", "dataType": "DATE", "description": "New"},
                    {"name": "click_cost", "dataType": "DECIMAL", "columnType": "METRIC"},
                ],
            }
        ]
    )
    sync()
    assert source(database, "dsp_clicks")["description"] == "Clicks, better described"
    new = column(database, "dsp_clicks", "brand_new")
    assert (new["data_type"], new["description"], new["is_active"]) == ("DATE", "New", True)
    after = contents(database)
    touched = [row for row in after["amc_schema_fields"] if row not in before["amc_schema_fields"]]
    assert sorted(row["field_name"] for row in touched) == ["brand_new", "click_cost"]
    touched = [row for row in after["amc_data_sources"] if row not in before["amc_data_sources"]]
    assert [row["name"] for row in touched] == ["dsp_clicks"]


def test_words_for_people_are_the_applications_own(
    database: Database, rows: Rows, instance: Row
) -> None:
    sync()
    row = source(database, "dsp_clicks")
    mine = {"display_name": "Clicks on DSP", "category": "mine", "grain": "click"}
    rows.update("amc_data_sources", row, **mine)
    sync()
    after = source(database, "dsp_clicks")
    assert {name: after[name] for name in mine} == mine


def test_a_table_that_vanishes_is_deprecated_with_its_columns_and_comes_back(
    database: Database, instance: Row, emulator: RunningEmulator
) -> None:
    sync()
    row = source(database, "dsp_views")
    hide(emulator, "dsp_views")
    sync()
    gone = source(database, "dsp_views")
    assert (gone["id"], gone["is_active"]) == (row["id"], False)
    assert gone["deprecated_at"] is not None
    columns = database.query(
        "SELECT is_active, deprecated_at FROM amc_schema_fields WHERE data_source_id = %s",
        [row["id"]],
    )
    assert {one["is_active"] for one in columns} == {False}
    before = contents(database)
    sync()
    assert contents(database) == before
    emulator.settings(data_sources=[])
    sync()
    back = source(database, "dsp_views")
    assert (back["id"], back["is_active"], back["deprecated_at"]) == (row["id"], True, None)
    inactive = database.query("SELECT 1 AS one FROM amc_schema_fields WHERE NOT is_active")
    assert inactive == []


def test_a_table_that_another_instance_still_offers_has_not_vanished(
    database: Database, instance: Row, europe: Row, emulator: RunningEmulator
) -> None:
    sync()
    before = contents(database)
    hide(emulator, "dsp_views", instance_id="amcdemonorth")
    sync()
    after = contents(database)
    assert after["amc_data_sources"] == before["amc_data_sources"]
    assert after["amc_schema_fields"] == before["amc_schema_fields"]
    gone = database.query(
        "SELECT instance_id, name FROM amc_instance_data_sources WHERE removed_at IS NOT NULL"
    )
    assert gone == [{"instance_id": instance["id"], "name": "dsp_views"}]
    hide(emulator, "dsp_views")
    sync()
    assert source(database, "dsp_views")["is_active"] is False


def test_a_column_vanishes_alone(
    database: Database, instance: Row, emulator: RunningEmulator
) -> None:
    sync()
    emulator.settings(
        data_sources=[{"data_source_id": "dsp_impressions", "hidden_columns": ["impression_cost"]}]
    )
    sync()
    assert column(database, "dsp_impressions", "impression_cost")["deprecated_at"] is not None
    assert source(database, "dsp_impressions")["is_active"] is True
    inactive = database.query("SELECT 1 AS one FROM amc_schema_fields WHERE NOT is_active")
    assert len(inactive) == 1


def test_what_was_written_by_hand_and_never_seen_at_amc_stays(
    database: Database, rows: Rows, instance: Row
) -> None:
    mine = rows.insert("amc_data_sources", name="mine", display_name="Mine", category="c")
    known = rows.insert(
        "amc_data_sources", name="dsp_clicks", display_name="Clicks", category="clicks"
    )
    sync()
    assert rows.get("amc_data_sources", mine) == mine
    after = rows.get("amc_data_sources", known)
    assert after["display_name"] == "Clicks"
    assert after["first_seen_at"] is not None


def test_an_advertisers_upload_is_nobody_elses_business(
    database: Database, rows: Rows, instance: Row, europe: Row, emulator: RunningEmulator
) -> None:
    upload = {
        "data_source_id": "my_customers",
        "instance_id": "amcdemonorth",
        "uploaded": True,
        "columns": [{"name": "loyalty"}],
    }
    emulator.settings(data_sources=[upload])
    rows.workflow(instance=instance, sql_query="SELECT loyalty, oops FROM my_customers")
    sync()
    shared = database.query("SELECT name FROM amc_data_sources")
    assert "my_customers" not in {row["name"] for row in shared}
    assert (
        database.query("SELECT 1 AS one FROM amc_schema_fields WHERE field_name = 'loyalty'") == []
    )
    north, other = tables_of("amcdemonorth") + 1, tables_of("amcdemoeurope")
    for owner, expected in ((instance, north), (europe, other)):
        connection = database.connect("recomamp_analyst", owner["user_id"])
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT name FROM amc_instance_data_sources")
            seen = {name for (name,) in cursor.fetchall()}
            assert (len(seen), "my_customers" in seen) == (expected, owner is instance)
            cursor.execute("SELECT message FROM workflow_findings")
            assert len(cursor.fetchall()) == (1 if owner is instance else 0)
    assert findings(database) == [("UNKNOWN_COLUMN", "column oops is not in my_customers")]


def many_tables(count: int = 120) -> list[dict[str, Any]]:
    return [{"data_source_id": f"table_{number:03}"} for number in range(count)]


def test_all_pages_are_read(database: Database, instance: Row, emulator: RunningEmulator) -> None:
    emulator.settings(data_sources=many_tables())
    sync()
    expected = tables_of("amcdemonorth") + len(many_tables())
    assert database.query("SELECT count(*) AS n FROM amc_data_sources") == [{"n": expected}]
    assert len(emulator.calls("list_data_sources")) == 2


def test_an_instance_that_fails_half_way_loses_nothing_and_alone_is_asked_again(
    database: Database, rows: Rows, instance: Row, europe: Row, emulator: RunningEmulator
) -> None:
    emulator.settings(data_sources=many_tables())
    sync()
    before = contents(database)
    last = rows.get("amc_instances", europe)["schema_last_sync"]
    emulator.settings(data_sources=[*many_tables(), {"data_source_id": "fresh"}])
    # Its first page comes, the second never does
    emulator.fault(
        "list_data_sources", "server_error", times=None, matching="amcdemoeurope", skip=1
    )
    started = datetime.now(UTC)
    with pytest.raises(PartialFailure, match="1 not synced: amcdemoeurope") as failed:
        sync(since=started)
    assert failed.value.is_final is False
    after = contents(database)
    assert source(database, "fresh")["is_active"] is True
    assert len(after["amc_data_sources"]) == len(before["amc_data_sources"]) + 1
    inactive = database.query("SELECT 1 AS one FROM amc_data_sources WHERE NOT is_active")
    assert inactive == []
    assert rows.get("amc_instances", europe)["schema_last_sync"] == last
    emulator.clear_faults()
    asked = len(emulator.calls("list_data_sources"))
    sync(since=started)
    again = emulator.calls("list_data_sources")[asked:]
    assert {"amcdemoeurope" in call["path"] for call in again} == {True}
    assert rows.get("amc_instances", europe)["schema_last_sync"] > started


def test_a_try_that_dies_before_the_shared_tables_are_written_loses_nothing(
    database: Database, instance: Row, emulator: RunningEmulator
) -> None:
    sync()
    whole = {table: contents(database)[table] for table in TABLES[:2]}
    database.query("DELETE FROM amc_data_sources")
    publish_schema(database=hooks()["database"], now=datetime.now(UTC))
    names = [row["name"] for row in contents(database)["amc_data_sources"]]
    assert sorted(names) == sorted(row["name"] for row in whole["amc_data_sources"])
    assert len(contents(database)["amc_schema_fields"]) == len(whole["amc_schema_fields"])


def test_throttling_is_waited_for(
    database: Database, instance: Row, emulator: RunningEmulator
) -> None:
    emulator.fault("list_data_sources", "throttle", times=2, retry_after=7)
    emulator.fault("list_data_sources", "reset_before")
    sync()
    assert len(emulator.calls("list_data_sources")) == 4
    assert source(database, "dsp_clicks")["is_active"] is True


def test_an_empty_list_makes_nothing_vanish(
    database: Database, instance: Row, emulator: RunningEmulator
) -> None:
    sync()
    before = contents(database)
    names = [row["name"] for row in before["amc_data_sources"]]
    emulator.settings(data_sources=[{"data_source_id": name, "hidden": True} for name in names])
    with pytest.raises(PipelineError, match="lists no data source at all"):
        sync()
    assert contents(database) == before


def test_a_withdrawn_consent_is_logged_and_harms_no_other(
    database: Database,
    rows: Rows,
    instance: Row,
    europe: Row,
    emulator: RunningEmulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator.revoke("ENTITYDEMONORTH")
    sync()
    assert "amcdemonorth" in caplog.text
    assert "sign in with Amazon" in caplog.text
    assert rows.get("users", instance["user_id"])["consent_revoked_at"] is not None
    assert rows.get("amc_instances", europe)["schema_last_sync"] is not None
    assert rows.get("amc_instances", instance)["schema_last_sync"] is None
    asked = len(emulator.calls("token"))
    sync()
    assert len(emulator.calls("token")) == asked


def test_an_instance_in_error_is_not_asked_and_keeps_what_was_known(
    database: Database,
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sync()
    before, asked = contents(database), len(emulator.calls())
    rows.update("amc_instances", instance, health_status="ERROR", health_error="Terms")
    with caplog.at_level(logging.INFO):
        sync()
    assert len(emulator.calls()) == asked
    assert contents(database) == before
    assert "not asked, in ERROR: Terms" in caplog.text


# --- Queries ------------------------------------------------------------------------------------


def test_queries_that_name_what_is_not_there_are_reported(
    database: Database,
    rows: Rows,
    instance: Row,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows.workflow(instance=instance)
    rows.workflow(instance=instance, sql_query="SELECT '{{ this cannot be read")
    rows.workflow(
        instance=instance,
        name="Typo",
        sql_query="SELECT campaing, SUM(impressions) AS n FROM dsp_impressions"
        " JOIN dsp_wishes USING (user_id) GROUP BY dsp_impressions.campaing",
    )
    sync()
    assert findings(database) == [
        ("UNKNOWN_COLUMN", "column campaing is not in dsp_impressions"),
        ("UNKNOWN_TABLE", "table dsp_wishes is not among the instance's data sources"),
    ]
    lines = [line.split() for line in caplog.text.splitlines()]
    assert ["instance", "workflow", "finding"] in lines
    assert ["amcdemonorth", "Typo", "column", "campaing", "is", "not", "in"] in [
        line[:7] for line in lines
    ]


def test_a_query_on_what_has_vanished_is_reported_until_it_is_back_or_mended(
    database: Database, rows: Rows, instance: Row, europe: Row, emulator: RunningEmulator
) -> None:
    sql = "SELECT campaign, SUM(events) AS n FROM dsp_views GROUP BY campaign"
    north = rows.workflow(instance=instance, sql_query=sql)
    rows.workflow(instance=europe, sql_query=sql)
    sync()
    assert findings(database) == []
    hide(emulator, "dsp_views", instance_id="amcdemonorth")
    sync()
    (finding,) = database.query("SELECT * FROM workflow_findings")
    assert (finding["kind"], finding["workflow_id"]) == ("REMOVED_TABLE", north["id"])
    emulator.settings(data_sources=[])
    sync()
    assert findings(database) == []


def test_a_collection_on_another_instance_is_compared_with_that_one(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    other = rows.instance(
        user=rows.get("users", str(instance["user_id"])),
        account=rows.get("amc_accounts", str(instance["account_id"])),
        instance_id="amcother",
        is_active=False,
    )
    workflow = rows.workflow(instance=instance)
    rows.collection(workflow=workflow, instance_id=other["id"])
    rows.insert(
        "amc_instance_data_sources",
        instance_id=other["id"],
        name="dsp_clicks",
        is_shared=True,
        fields="[]",
        first_seen_at=datetime.now(UTC),
    )
    sync()
    (finding,) = database.query("SELECT * FROM workflow_findings")
    assert (finding["instance_id"], finding["table_name"]) == (other["id"], "dsp_impressions")


# --- The step and its DAG ---------------------------------------------------------------------


def execute(started: datetime) -> None:
    context: Any = {"dag_run": SimpleNamespace(start_date=started)}
    SyncSchema(task_id="sync_schema").execute(context)


def test_the_step_checks_queries_also_where_an_instance_could_not_be_asked(
    database: Database, rows: Rows, instance: Row, europe: Row, emulator: RunningEmulator
) -> None:
    rows.workflow(instance=europe, sql_query="SELECT x FROM nowhere")
    emulator.revoke("ENTITYDEMONORTH")
    execute(datetime.now(UTC) - timedelta(minutes=1))
    assert [kind for kind, _ in findings(database)] == ["UNKNOWN_TABLE"]


def test_what_is_known_of_one_instance_is_no_part_of_a_failure(
    instance: Row, europe: Row, emulator: RunningEmulator
) -> None:
    emulator.revoke("ENTITYDEMONORTH")
    emulator.fault("list_data_sources", "server_error", times=None, matching="amcdemoeurope")
    with pytest.raises(PartialFailure, match=r"^1 not synced: amcdemoeurope") as failed:
        sync()
    assert not failed.value.is_final


def test_the_dag_runs_daily_one_run_at_a_time(connections: None) -> None:
    bag = DagBag(collect_dags=False, bundle_path=FILE.parent, bundle_name="dags")
    bag.process_file(str(FILE), only_if_updated=False)
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert (dag.dag_id, dag.schedule) == ("recomamp_schema_sync", "40 3 * * *")
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    (task,) = dag.tasks
    assert (task.task_id, task.retries) == ("sync_schema", 3)
