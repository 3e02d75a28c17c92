"""A database that the application has filled keeps its rows, and gets what ours have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from fixtures.postgres import Database, Row, Rows, Server, migrate_database, requires_postgres
from recomamp.errors import MigrationError
from recomamp.store.migrate import migrate, read_migrations
from store.schema_snapshot import dump_schema
from store.test_counters import wrong_counters

LONG = "x" * 10_000
NAMES = [migration.name for migration in read_migrations()]

Adopt = Callable[[], list[str]]


@pytest.fixture
def rows(application_database: Database) -> Rows:
    """Provide builders of the application's rows."""
    return Rows(application_database)


@pytest.fixture
def adopt(postgres_server: Server, application_database: Database) -> Adopt:
    """Provide what migrates the application's database."""
    name = application_database.uri.rpartition("/")[2]
    return lambda: migrate_database(postgres_server, name)


def schedule(rows: Rows, **columns: Any) -> Row:
    """Insert a schedule as the application does, with a first run that it chose."""
    return rows.schedule(**{"next_run_at": "2026-01-01T06:00Z", **columns})


def structure(server: Server, name: str) -> list[str]:
    """Return the lines of a database's structure, whatever the order of the columns."""
    lines = dump_schema(server.bin_path, server.uri(name)).splitlines()
    return sorted(line.rstrip(",") for line in lines)


def test_it_has_the_same_structure_as_a_new_database(
    postgres_server: Server, template_database: str, application_database: Database, adopt: Adopt
) -> None:
    name = application_database.uri.rpartition("/")[2]

    assert adopt() == NAMES
    assert structure(postgres_server, name) == structure(postgres_server, template_database)


def test_only_collections_that_are_still_to_be_run_get_weeks(rows: Rows, adopt: Adopt) -> None:
    days = {"start_date": "2026-01-01", "end_date": "2026-01-10"}
    kept = [rows.collection(status=status, **days) for status in ("ACTIVE", "COMPLETED")]

    adopt()

    assert [len(rows.weeks(collection)) for collection in kept] == [2, 0]
    assert rows.get("report_data_collections", kept[1])["status"] == "COMPLETED"


def test_an_open_execution_holds_a_slot(rows: Rows, adopt: Adopt) -> None:
    workflow = rows.workflow()
    running, ended = (
        rows.execution(workflow, status=status, amc_execution_id=status)
        for status in ("RUNNING", "SUCCESS")
    )

    adopt()

    assert rows.get("workflow_executions", running)["slot_granted_at"] == running["created_at"]
    assert (
        rows.get("workflow_executions", running)["submission_started_at"] == running["created_at"]
    )
    assert rows.get("workflow_executions", ended)["slot_granted_at"] is None


def test_items_in_one_position_are_numbered_as_they_were_shown(rows: Rows, adopt: Adopt) -> None:
    user = rows.user()
    same, different = (
        rows.insert("asin_lists", name="L", user_id=user["id"], updated_at="2026-01-01")
        for _ in range(2)
    )
    items = []
    for number, (one, position) in enumerate(
        [(same, 0), (same, 0), (different, 7), (different, 3)]
    ):
        product = rows.insert("asins", asin=f"B00000000{number}", user_id=user["id"])
        items.append(
            rows.insert(
                "asin_list_items", list_id=one["id"], asin_id=product["id"], position=position,
                added_at=f"2026-01-0{4 - number}",
            )
        )  # fmt: skip

    adopt()

    assert [rows.get("asin_list_items", item)["position"] for item in items] == [1, 0, 7, 3]


def test_counters_are_counted(application_database: Database, rows: Rows, adopt: Adopt) -> None:
    user = rows.user()
    lists = [
        rows.insert("asin_lists", name="L", user_id=user["id"], asin_count=count)
        for count in (0, 41, 5)
    ]
    for number in range(3):
        product = rows.insert("asins", asin=f"B00000000{number}", user_id=user["id"])
        for one in lists[:2]:
            rows.insert("asin_list_items", list_id=one["id"], asin_id=product["id"])
    used, unused = (
        rows.insert(
            "query_templates", name="T", category="c", usage_count=9,
            sql_template="SELECT {{a}}", parameters={"unknown": 1},
        )
        for _ in range(2)
    )  # fmt: skip
    workflow = rows.workflow(template_id=used["id"])
    guide = rows.insert(
        "build_guides", title="G", category="c", section_count=4, query_count=3,
        completion_count=8, favorite_count=2,
    )  # fmt: skip
    progress = {
        status: rows.insert(
            "user_guide_progress", user_id=rows.user()["id"], guide_id=guide["id"], status=status,
            completed_sections=sections, last_accessed_at="2026-02-03T00:00Z",
        )
        for status, sections in (("COMPLETED", [1]), ("IN_PROGRESS", [1, 2, 9]))
    }  # fmt: skip

    adopt()

    assert wrong_counters(application_database) == []
    assert [rows.get("asin_lists", one)["asin_count"] for one in lists] == [3, 3, 0]
    assert rows.get("query_templates", used)["usage_count"] == 1
    assert rows.get("query_templates", used)["last_used_at"] == workflow["created_at"]
    assert rows.get("query_templates", unused)["last_used_at"] is None
    after = rows.get("build_guides", guide)
    assert (after["section_count"], after["query_count"]) == (4, 0)
    assert (after["completion_count"], after["favorite_count"]) == (1, 0)
    done = rows.get("user_guide_progress", progress["COMPLETED"])
    assert (done["progress_percentage"], done["completed_sections"]) == (100, [1, 2, 3, 4])
    assert done["completed_at"] == done["last_accessed_at"]
    half = rows.get("user_guide_progress", progress["IN_PROGRESS"])
    assert (half["progress_percentage"], half["status"]) == (50, "IN_PROGRESS")
    assert half["last_accessed_at"] == progress["IN_PROGRESS"]["last_accessed_at"]


def test_rows_beyond_a_bound_stay_and_the_operator_is_warned(
    application_database: Database, rows: Rows
) -> None:
    workflow = rows.workflow(name=LONG)
    for _ in range(2):
        schedule(rows, workflow=workflow, description=LONG)

    connection = psycopg2.connect(application_database.uri)
    migrate(connection)
    warnings = [notice for notice in connection.notices if "WARNING" in notice]
    connection.close()

    assert len(warnings) == 2
    assert "workflow_schedules: 2 rows" in warnings[0]
    assert "chk_workflow_schedules_description_length" in warnings[0]
    assert "workflows: 1 rows" in warnings[1]
    open_bounds = application_database.query(
        "SELECT conname AS name FROM pg_constraint WHERE NOT convalidated ORDER BY 1"
    )
    assert [one["name"] for one in open_bounds] == [
        "chk_workflow_schedules_description_length",
        "chk_workflows_name_length",
    ]
    with pytest.raises(psycopg2.errors.CheckViolation, match="chk_workflows_name_length"):
        rows.workflow(name=LONG)
    assert rows.update("workflows", workflow, name="short")["name"] == "short"


def test_times_that_mean_nothing_are_corrected(rows: Rows, adopt: Adopt) -> None:
    """One open row beyond a bound would stop the statement that grants everybody's slots."""
    execution = rows.execution(created_at="-infinity")
    user = rows.user(full_name="A" * 300, last_login_at="infinity")

    adopt()

    assert rows.get("workflow_executions", execution)["created_at"].year == 2000
    named = rows.get("users", user)
    assert (len(named["full_name"]), named["last_login_at"].year) == (200, 9998)
    rows.update("workflow_executions", execution, status="RUNNING")


@requires_postgres(17)  # before that, a migration cannot subtract infinite times
def test_several_times_of_a_week_are_corrected_at_once(rows: Rows, adopt: Adopt) -> None:
    collection = rows.collection()
    week = rows.insert(
        "report_data_weeks", collection_id=collection["id"], status="SUCCESS", week_number=1,
        week_start_date="2026-01-01", week_end_date="2026-01-07", started_at="-infinity",
        completed_at="infinity",
    )  # fmt: skip

    adopt()

    corrected = rows.get("report_data_weeks", week)
    assert (corrected["started_at"].year, corrected["completed_at"].year) == (2000, 9998)
    assert rows.get("report_data_collections", collection)["status"] == "COMPLETED"


def test_executions_get_the_definition_that_names_them(rows: Rows, adopt: Adopt) -> None:
    workflow = rows.workflow()
    shown, collection = schedule(rows, workflow=workflow), rows.collection(workflow)
    run, week = (
        rows.execution(workflow, status="SUCCESS"),
        rows.execution(workflow, status="FAILED"),
    )
    rows.insert("schedule_runs", schedule_id=shown["id"], execution_id=run["id"], status="SUCCESS")
    rows.insert(
        "report_data_weeks", collection_id=collection["id"], execution_id=week["id"],
        week_start_date="2026-01-01", week_end_date="2026-01-07",
    )  # fmt: skip

    adopt()

    assert rows.get("workflow_executions", run)["schedule_id"] == shown["id"]
    after = rows.get("workflow_executions", week)
    assert after["collection_id"] == collection["id"]
    assert after["updated_at"] == week["updated_at"]


def contradict_schedule(rows: Rows) -> tuple[str, Row]:
    """Let a run of one user name an execution of another."""
    execution = rows.execution(status="SUCCESS")
    run = schedule(rows)
    rows.insert(
        "schedule_runs", schedule_id=run["id"], execution_id=execution["id"], status="SUCCESS"
    )
    return r"workflow_executions\.schedule_id", execution


def contradict_week(rows: Rows) -> tuple[str, Row]:
    """Let a week name an execution that a schedule's run names too."""
    workflow = rows.workflow()
    execution = rows.execution(workflow, status="SUCCESS")
    run = schedule(rows, workflow=workflow)
    rows.insert(
        "schedule_runs", schedule_id=run["id"], execution_id=execution["id"], status="SUCCESS"
    )
    week = rows.insert(
        "report_data_weeks", collection_id=rows.collection(workflow)["id"],
        execution_id=execution["id"], week_start_date="2026-01-01", week_end_date="2026-01-07",
    )  # fmt: skip
    return r"report_data_weeks\.execution_id", week


def contradict_campaign(rows: Rows) -> tuple[str, Row]:
    """Let a campaign of one user name an AMC instance of another."""
    campaign = rows.insert(
        "campaigns", campaign_id="1", name="C", campaign_type="dsp", state="ENABLED",
        instance_id=rows.instance()["id"], user_id=rows.user()["id"],
    )  # fmt: skip
    return r"campaigns\.instance_id", campaign


@pytest.mark.parametrize("contradict", [contradict_schedule, contradict_week, contradict_campaign])
def test_rows_that_contradict_are_named(
    rows: Rows, adopt: Adopt, contradict: Callable[[Rows], tuple[str, Row]]
) -> None:
    column, row = contradict(rows)
    with pytest.raises(MigrationError, match=rf"{column}: .*{row['id']}.* migrate again"):
        adopt()
