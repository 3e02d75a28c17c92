"""Rows an analyst may get wrong are refused with a message that names the column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from fixtures.postgres import Database, Rows


def refused(table: str, column: str, build: Any, **columns: Any) -> str:
    """Expect that the row is refused because of that column, and return the message."""
    with pytest.raises(psycopg2.errors.CheckViolation) as caught:
        build(**columns)
    said = caught.value.diag
    assert said.message_primary.startswith(f"{table}.{column}: ")
    assert (said.table_name, said.column_name) == (table, column)
    return str(said.message_primary)


@pytest.mark.parametrize(
    "zone",
    ["Mars/Olympus", "europe/berlin", "Europe/berlin", "CEST-2", "Nowhere/Else+3", "+02:00", "",
     "Factory", "../etc/passwd"],
)  # fmt: skip
def test_an_unknown_time_zone_is_refused(rows: Rows, zone: str) -> None:
    message = refused("workflow_schedules", "timezone", rows.schedule, timezone=zone)

    assert repr(zone) in message


@pytest.mark.parametrize(
    "zone",
    ["UTC", "GMT", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT",
     "America/Port-au-Prince", "Asia/Kolkata"],
)  # fmt: skip
def test_an_iana_time_zone_is_accepted(rows: Rows, zone: str) -> None:
    assert rows.schedule(timezone=zone)["timezone"] == zone


def test_checking_a_time_zone_leaves_the_session_in_its_own(database: Database) -> None:
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute("SET timezone = 'Asia/Tokyo'")
        cursor.execute("SELECT is_time_zone('Europe/Berlin'), is_time_zone('No/Where')")
        assert cursor.fetchone() == (True, False)
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("Asia/Tokyo",)


@pytest.mark.parametrize("expression", ["every day", "61 * * * *", "0 0 30 2 *"])
def test_a_bad_cron_expression_is_refused(rows: Rows, expression: str) -> None:
    refused("workflow_schedules", "cron_expression", rows.schedule, cron_expression=expression)


def test_a_bad_change_of_a_schedule_is_refused(rows: Rows) -> None:
    schedule = rows.schedule()

    def update(**columns: Any) -> None:
        rows.update("workflow_schedules", schedule, **columns)

    refused("workflow_schedules", "cron_expression", update, cron_expression="0 25 * * *")
    refused("workflow_schedules", "timezone", update, timezone="Europe/Bonn")
    refused("workflow_schedules", "parameters", update, parameters="[]")
    refused("workflow_schedules", "workflow_id", update, workflow_id=rows.workflow()["id"])


@pytest.mark.parametrize("document", ["[1]", '"text"', "7", "null", "true"])
@pytest.mark.parametrize(
    ("table", "builder"),
    [
        ("workflows", "workflow"),
        ("workflow_schedules", "schedule"),
        ("report_data_collections", "collection"),
    ],
)
def test_parameters_that_are_no_object_are_refused(
    rows: Rows, table: str, builder: str, document: str
) -> None:
    message = refused(table, "parameters", getattr(rows, builder), parameters=document)

    assert "must be a JSON object" in message


def test_null_means_the_default(rows: Rows) -> None:
    schedule = rows.schedule(timezone=None, parameters=None, is_active=None)
    collection = rows.collection(parameters=None, status=None)

    assert (schedule["timezone"], schedule["parameters"], schedule["is_active"]) == (
        "UTC",
        {},
        True,
    )
    assert (collection["parameters"], collection["status"]) == ({}, "ACTIVE")


def test_an_end_before_the_start_is_refused(rows: Rows) -> None:
    message = refused(
        "report_data_collections",
        "end_date",
        rows.collection,
        start_date="2026-02-01",
        end_date="2026-01-31",
    )

    assert message.endswith("2026-01-31 is before start_date 2026-02-01")


@pytest.mark.parametrize(
    ("start_date", "end_date", "column"),
    [
        ("-infinity", "2026-01-31", "start_date"),
        ("2026-01-01", "infinity", "end_date"),
        ("2026-01-01", "2206-01-01", "end_date"),
    ],
)
def test_a_range_without_end_is_refused(
    rows: Rows, start_date: str, end_date: str, column: str
) -> None:
    refused(
        "report_data_collections",
        column,
        rows.collection,
        start_date=start_date,
        end_date=end_date,
    )


def test_a_collection_in_an_unknown_time_zone_is_refused(rows: Rows) -> None:
    parameters = {"timezone": "Europe/Bonn"}

    refused("report_data_collections", "parameters", rows.collection, parameters=parameters)


def test_somebody_elses_workflow_is_refused(rows: Rows) -> None:
    mine, workflow = rows.user(), rows.workflow()
    own = rows.instance(user=mine)

    refused(
        "workflow_schedules",
        "workflow_id",
        lambda: rows.schedule(workflow, user_id=mine["id"]),
    )
    refused(
        "report_data_collections",
        "workflow_id",
        lambda: rows.collection(workflow, user_id=mine["id"], instance_id=own["id"]),
    )
    with pytest.raises(psycopg2.errors.ForeignKeyViolation, match="fk_execution_user_workflow"):
        rows.execution(workflow, user_id=mine["id"])


def test_a_workflow_that_does_not_exist_is_refused_alike(rows: Rows) -> None:
    nobodys = "00000000-0000-0000-0000-000000000000"
    user = rows.user()

    refused(
        "workflow_schedules",
        "workflow_id",
        lambda: rows.schedule({"id": nobodys, "user_id": user["id"]}),
    )


def test_somebody_elses_instance_is_refused(rows: Rows) -> None:
    workflow, other = rows.workflow(), rows.instance()

    refused(
        "workflows",
        "instance_id",
        lambda: rows.workflow(other, user_id=workflow["user_id"]),
    )
    refused(
        "report_data_collections",
        "instance_id",
        lambda: rows.collection(workflow, instance_id=other["id"]),
    )


def test_another_instance_of_the_same_user_is_accepted(rows: Rows) -> None:
    workflow = rows.workflow()
    second = rows.instance(user_id=workflow["user_id"])

    assert rows.collection(workflow, instance_id=second["id"])["instance_id"] == second["id"]


def test_the_constraints_alone_refuse_somebody_elses_workflow(fresh_database: Database) -> None:
    rows = Rows(fresh_database)
    workflow, other = rows.workflow(), rows.user()
    fresh_database.query("ALTER TABLE workflow_schedules DISABLE TRIGGER USER")

    with pytest.raises(psycopg2.errors.ForeignKeyViolation, match="fk_schedule_user_workflow"):
        rows.schedule(workflow, user_id=other["id"], next_run_at="2026-01-01")


def test_what_belongs_to_a_workflow_follows_it_to_another_user(
    database: Database, rows: Rows
) -> None:
    workflow, heir = rows.workflow(), rows.user()
    schedule, execution = rows.schedule(workflow), rows.execution(workflow)

    database.query(
        "UPDATE amc_instances SET user_id = %s WHERE id = %s", [heir["id"], workflow["instance_id"]]
    )
    rows.update("workflows", workflow, user_id=heir["id"])

    assert rows.get("workflow_schedules", schedule)["user_id"] == heir["id"]
    assert rows.get("workflow_executions", execution)["user_id"] == heir["id"]


def test_deleting_a_workflow_deletes_what_belongs_to_it(database: Database, rows: Rows) -> None:
    workflow = rows.workflow()
    schedule, collection = rows.schedule(workflow), rows.collection(workflow)
    execution = rows.execution(workflow, collection_id=collection["id"], status="SUCCESS")
    rows.insert("schedule_runs", schedule_id=schedule["id"], status="SUCCESS")
    rows.update(
        "report_data_weeks",
        rows.weeks(collection)[0],
        status="RUNNING",
        execution_id=execution["id"],
    )

    database.query("DELETE FROM workflows")

    for table in ("workflow_schedules", "workflow_executions", "schedule_runs",
                  "report_data_collections", "report_data_weeks"):  # fmt: skip
        assert database.query(f"SELECT id FROM {table}") == []


@pytest.mark.parametrize(
    ("table", "column", "constraint"),
    [
        ("amc_instances", "health_status", "chk_instance_health_status"),
        ("schedule_runs", "status", "chk_schedule_run_status"),
        ("workflow_schedules", "last_run_status", "chk_schedule_last_run_status"),
        ("report_data_weeks", "status", "chk_week_status"),
        ("report_data_collections", "status", "chk_collection_status"),
        ("workflow_executions", "status", "chk_execution_status"),
        ("workflow_executions", "window_type", "chk_execution_window_type"),
        ("campaigns", "state", "chk_campaign_state"),
        ("campaigns", "budget_type", "chk_campaign_budget_type"),
        ("query_templates", "difficulty_level", "chk_template_difficulty_level"),
        ("build_guides", "difficulty_level", "chk_guide_difficulty_level"),
        ("user_guide_progress", "status", "chk_guide_progress_status"),
    ],
)
def test_a_word_outside_of_the_set_is_refused(
    database: Database, rows: Rows, table: str, column: str, constraint: str
) -> None:
    instance = rows.instance()
    user = instance["user_id"]
    schedule = rows.schedule(rows.workflow(instance))
    collection = rows.collection(rows.workflow(instance))
    rows.execution(rows.workflow(instance))
    rows.insert("schedule_runs", schedule_id=schedule["id"], status="SKIPPED")
    rows.insert(
        "campaigns", campaign_id="1", name="C", campaign_type="sponsoredProducts",
        state="ENABLED", instance_id=instance["id"], user_id=user,
    )  # fmt: skip
    rows.insert("query_templates", name="T", category="c", sql_template="SELECT 1")
    guide = rows.insert("build_guides", title="G", category="c")
    rows.insert("user_guide_progress", user_id=user, guide_id=guide["id"])
    assert rows.weeks(collection)

    with pytest.raises(psycopg2.errors.CheckViolation) as caught:
        database.query(f"UPDATE {table} SET {column} = 'PERHAPS'")
    assert caught.value.diag.constraint_name == constraint


def test_every_instance_health_of_the_document_is_accepted(rows: Rows) -> None:
    instance = rows.instance()
    assert instance["health_status"] == "UNKNOWN"
    for health in ("HEALTHY", "UNHEALTHY", "ERROR"):
        assert rows.update("amc_instances", instance, health_status=health)


def test_a_week_without_status_is_refused(rows: Rows) -> None:
    week = rows.weeks(rows.collection())[0]

    with pytest.raises(psycopg2.errors.CheckViolation, match="chk_week_status"):
        rows.update("report_data_weeks", week, status=None)


def test_next_run_is_the_first_tick_after_the_row_was_made(rows: Rows) -> None:
    schedule = rows.schedule(
        cron_expression="0 6 * * *", timezone="Europe/Berlin", created_at="2026-01-01T05:30Z"
    )

    assert schedule["next_run_at"] == datetime(2026, 1, 2, 5, tzinfo=UTC)


def test_a_first_run_that_is_given_gives_way_to_the_first_tick(rows: Rows) -> None:
    schedule = rows.schedule(
        cron_expression="0 6 * * *", created_at="2026-01-01", next_run_at="2030-01-01T00:00Z"
    )

    assert schedule["next_run_at"] == datetime(2026, 1, 1, 6, tzinfo=UTC)


def test_next_run_follows_a_change_of_the_rule(rows: Rows) -> None:
    schedule = rows.schedule(created_at="2020-01-01", cron_expression="0 6 * * *")
    assert schedule["next_run_at"].year == 2020
    now = datetime.now(UTC)

    hourly = rows.update("workflow_schedules", schedule, cron_expression="30 * * * *")
    assert now < hourly["next_run_at"] <= now + timedelta(hours=1, seconds=5)

    shifted = rows.update("workflow_schedules", schedule, timezone="Asia/Kolkata")
    assert shifted["next_run_at"].astimezone(UTC).minute == 0


def test_next_run_set_by_the_pipeline_stays(rows: Rows) -> None:
    schedule = rows.schedule()
    moment = datetime(2031, 1, 1, tzinfo=UTC)

    assert rows.update("workflow_schedules", schedule, next_run_at=moment)["next_run_at"] == moment
    assert rows.update("workflow_schedules", schedule, name="Renamed")["next_run_at"] == moment


def test_a_pause_is_dated_and_its_end_plans_anew(rows: Rows) -> None:
    schedule = rows.schedule(created_at="2020-01-01")
    assert schedule["next_run_at"].year == 2020
    assert schedule["paused_at"] is None

    paused = rows.update("workflow_schedules", schedule, is_active=False)
    assert paused["paused_at"] is not None

    resumed = rows.update("workflow_schedules", schedule, is_active=True)
    assert resumed["paused_at"] is None
    assert resumed["next_run_at"] > datetime.now(UTC)


@pytest.mark.parametrize("limit", [0, -1, None])
@pytest.mark.parametrize("builder", ["instance", "account"])
def test_a_limit_of_executions_is_at_least_one(rows: Rows, builder: str, limit: int | None) -> None:
    with pytest.raises(psycopg2.IntegrityError):
        getattr(rows, builder)(max_concurrent_executions=limit)


def test_limits_start_at_those_of_amc(rows: Rows) -> None:
    assert rows.instance()["max_concurrent_executions"] == 10
    assert rows.account()["max_concurrent_executions"] == 200


def test_a_dag_run_has_one_open_attempt(rows: Rows) -> None:
    workflow = rows.workflow()
    run = {"schedule_id": rows.schedule(workflow)["id"], "dag_run_id": "scheduled__2026"}
    first = rows.execution(workflow, **run, attempt=1)

    with pytest.raises(psycopg2.errors.UniqueViolation, match="open_dag_run"):
        rows.execution(workflow, **run, attempt=2)
    rows.update("workflow_executions", first, status="FAILED")
    with pytest.raises(psycopg2.errors.UniqueViolation, match="dag_run_attempt"):
        rows.execution(workflow, **run, attempt=1)
    rows.execution(workflow, **run, attempt=2)


def test_a_window_ends_after_it_starts(rows: Rows) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match="chk_execution_window"):
        rows.execution(window_start="2026-01-02", window_end="2026-01-02")


def test_an_execution_dates_its_workflow(rows: Rows) -> None:
    workflow = rows.workflow()
    rows.execution(workflow, created_at="2026-03-01T00:00Z")
    rows.execution(workflow, created_at="2026-02-01T00:00Z")

    dated = rows.get("workflows", workflow)["last_executed_at"]
    assert dated == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "table",
    ["users", "amc_accounts", "amc_instances", "query_templates", "workflows",
     "workflow_executions", "workflow_schedules", "schedule_runs", "report_data_collections",
     "report_data_weeks", "campaigns", "asins", "asin_lists", "amc_data_sources",
     "amc_schema_fields", "build_guides"],
)  # fmt: skip
def test_every_table_with_updated_at_keeps_it(database: Database, table: str) -> None:
    triggers = database.query(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
    )

    assert f"trigger_touch_{table}" in {row["tgname"] for row in triggers}


def test_no_table_with_updated_at_is_forgotten(database: Database) -> None:
    forgotten = database.query(
        """
        SELECT table_name FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE columns.table_schema = 'public' AND columns.column_name = 'updated_at'
          AND tables.table_type = 'BASE TABLE'
          AND NOT EXISTS (
            SELECT FROM pg_trigger
            WHERE tgname = 'trigger_touch_' || table_name
          )
        """
    )

    assert forgotten == []


def test_updated_at_moves_with_a_change_and_only_then(rows: Rows) -> None:
    workflow = rows.workflow(updated_at="2020-01-01")

    same = rows.update("workflows", workflow, name=workflow["name"])
    changed = rows.update("workflows", workflow, name="Other")

    assert same["updated_at"] == workflow["updated_at"] < changed["updated_at"]
