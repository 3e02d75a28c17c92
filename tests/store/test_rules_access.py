"""Analysts see and change their own rows and nobody else's; the pipeline gets what it needs."""

from __future__ import annotations

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.errors import CheckViolation, InsufficientPrivilege, InvalidParameterValue

from fixtures.postgres import Database, Row, Rows
from fixtures.two_users import KEYS, TwoUsers

OWNED = [
    "users", "amc_accounts", "amc_instances", "workflows", "workflow_executions",
    "workflow_schedules", "schedule_runs", "report_data_collections", "report_data_weeks",
    "campaigns", "asins", "asin_lists", "asin_list_items", "query_templates",
    "user_guide_progress", "amc_api_errors", "reconciliations", "amc_instance_data_sources",
    "workflow_findings", "workflow_dry_runs", "campaign_performance", "campaign_reports",
    "user_guide_favorites", "notifications", "run_requests",
    "notification_channels", "channel_deliveries", "result_checks", "result_check_outcomes",
    "result_differences", "result_difference_columns", "result_difference_rows",
]  # fmt: skip
SHARED = [
    "amc_data_sources", "amc_schema_fields", "build_guides", "build_guide_sections",
    "build_guide_queries",
]  # fmt: skip
HIDDEN = ["maintenance_findings", "execution_locks"]  # from all analysts
PIPELINE = [
    "users", "amc_accounts", "amc_instances", "workflows", "workflow_executions",
    "workflow_schedules", "schedule_runs", "report_data_collections", "report_data_weeks",
    "campaigns", "amc_data_sources", "amc_schema_fields", "asins", "amc_api_errors",
    "reconciliations", "amc_instance_data_sources", "workflow_findings", "workflow_dry_runs",
    "campaign_performance", "campaign_reports", "notifications", "run_requests",
    "notification_channels", "channel_deliveries", "result_checks", "result_check_outcomes",
    "result_differences",
]  # fmt: skip

# Tables whose rows an analyst deletes, by delete_own_row(): DELETE would allow LOCK TABLE.
DELETABLE = {
    "workflows", "workflow_schedules", "report_data_collections", "query_templates", "asins",
    "asin_lists", "asin_list_items", "user_guide_progress", "user_guide_favorites",
    "notification_channels", "result_checks",
}  # fmt: skip

# A column of each table that the table's owner may change, None where the pipeline writes.
EDITABLE = {
    "users": "full_name",
    "amc_accounts": None,
    "amc_instances": "name",
    "workflows": "name",
    "workflow_executions": None,
    "workflow_schedules": "name",
    "schedule_runs": None,
    "report_data_collections": "name",
    "report_data_weeks": None,
    "campaigns": None,
    "asins": "notes",
    "asin_lists": "name",
    "asin_list_items": "notes",
    "query_templates": "name",
    "user_guide_progress": "status",
    "amc_api_errors": None,
    "reconciliations": None,
    "amc_instance_data_sources": None,
    "workflow_dry_runs": None,
    "workflow_findings": None,
    "run_requests": None,
    "result_differences": None,
    "result_difference_columns": None,
    "result_difference_rows": None,
    "campaign_performance": None,
    "campaign_reports": None,
    "notifications": None,
    "notification_channels": "is_active",
    "channel_deliveries": None,
    "result_checks": "name",
    "result_check_outcomes": None,
}


def new_value(table: str) -> str:
    return "false" if table == "notification_channels" else "'COMPLETED'"


def key_of(table: str) -> str:
    return KEYS.get(table, "id")


def ids_seen(database: Database, table: str, role: str, user_id: str | None) -> set[str]:
    connection = database.connect(role, user_id)
    with connection, connection.cursor() as cursor:
        key, name = sql.Identifier(key_of(table)), sql.Identifier(table)
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(key, name))
        return {row[0] for row in cursor.fetchall()}


def attempt(database: Database, statement: str, parameters: list[object], user_id: str) -> int:
    """Run a statement as that analyst and return how many rows it reached."""
    connection = database.connect("recomamp_analyst", user_id)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def delete_own_row(database: Database, table: str, row_id: object, user_id: str | None) -> bool:
    connection = database.connect("recomamp_analyst", user_id)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT delete_own_row(%s, %s)", [table, row_id])
        return bool(cursor.fetchall()[0][0])


@pytest.mark.parametrize("table", OWNED)
def test_analysts_see_their_own_rows_only(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    for me, other in two_users.pairs():
        seen = ids_seen(database, table, "recomamp_analyst", me["users"]["id"])

        assert me[table][key_of(table)] in seen
        assert other[table][key_of(table)] not in seen


@pytest.mark.parametrize("table", OWNED)
def test_nobody_signed_in_sees_nothing(database: Database, two_users: TwoUsers, table: str) -> None:
    assert ids_seen(database, table, "recomamp_analyst", None) == set()


@pytest.mark.parametrize("table", OWNED)
def test_analysts_do_not_reach_the_rows_of_others(
    database: Database, two_users: TwoUsers, rows: Rows, table: str
) -> None:
    key = key_of(table)
    for me, other in two_users.pairs():
        theirs = f"SELECT * FROM {table} WHERE {key} = %s", [other[table][key]]
        before = database.query(*theirs)
        if table in DELETABLE:
            assert not delete_own_row(database, table, other[table][key], me["users"]["id"])
        statements = [f"DELETE FROM {table} WHERE {key} = %s"]
        if column := EDITABLE.get(table):
            statements.append(f"UPDATE {table} SET {column} = {new_value(table)} WHERE id = %s")
        for statement in statements:
            try:
                reached = attempt(database, statement, [other[table][key]], me["users"]["id"])
            except InsufficientPrivilege:
                reached = 0
            assert reached == 0
        assert database.query(*theirs) == before != []


@pytest.mark.parametrize("table", [table for table, column in EDITABLE.items() if column])
def test_analysts_change_their_own_rows(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    statement = f"UPDATE {table} SET {EDITABLE[table]} = {new_value(table)} WHERE id = %s"

    assert (
        attempt(database, statement, [two_users.ann[table]["id"]], two_users.ann["users"]["id"])
        == 1
    )


@pytest.mark.parametrize("table", sorted(DELETABLE))
def test_analysts_delete_their_own_rows_one_by_one(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    row_id, me = two_users.ann[table]["id"], two_users.ann["users"]["id"]
    if table == "workflows":  # its execution is open
        database.query("UPDATE workflow_executions SET status = 'CANCELLED'")

    assert not delete_own_row(database, table, row_id, None)
    assert delete_own_row(database, table, row_id, me)
    assert database.query(f"SELECT id FROM {table} WHERE id = %s", [row_id]) == []
    assert not delete_own_row(database, table, row_id, me)


@pytest.mark.parametrize("table", ["users", "workflow_executions", "workflows; DROP TABLE x", None])
def test_other_tables_are_named_as_such(
    database: Database, two_users: TwoUsers, table: str | None
) -> None:
    connection = database.connect("recomamp_analyst", two_users.ann["users"]["id"])
    with (
        connection.cursor() as cursor,
        pytest.raises(InvalidParameterValue, match=r"no rows of .* can be deleted; name workflows"),
    ):
        cursor.execute("SELECT delete_own_row(%s, %s)", [table, two_users.ann["users"]["id"]])


@pytest.mark.parametrize("table", [table for table, column in EDITABLE.items() if not column])
def test_analysts_do_not_write_what_the_pipeline_finds_out(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    key = key_of(table)
    for statement in (
        f"UPDATE {table} SET {key} = DEFAULT WHERE {key} = %s",
        f"DELETE FROM {table} WHERE {key} = %s",
    ):
        with pytest.raises(InsufficientPrivilege):
            attempt(database, statement, [two_users.ann[table][key]], two_users.ann["users"]["id"])


@pytest.mark.parametrize(
    "assignment",
    ["total_runs = 7", "successful_runs = 7", "last_run_status = 'SUCCESS'"],
)
def test_analysts_do_not_write_the_books_of_a_schedule(
    database: Database, two_users: TwoUsers, assignment: str
) -> None:
    schedule = two_users.ann["workflow_schedules"]

    with pytest.raises(InsufficientPrivilege):
        attempt(
            database,
            f"UPDATE workflow_schedules SET {assignment} WHERE id = %s",
            [schedule["id"]],
            two_users.ann["users"]["id"],
        )


INSERTS = {
    "workflows": (
        "INSERT INTO workflows (name, sql_query, user_id, instance_id)"
        " VALUES ('N', 'SELECT 1', %(user)s, %(instance)s)"
    ),
    "workflow_schedules": (
        "INSERT INTO workflow_schedules (name, cron_expression, timezone, workflow_id, user_id)"
        " VALUES ('N', '@daily', 'UTC', %(workflow)s, %(user)s)"
    ),
    "report_data_collections": (
        "INSERT INTO report_data_collections"
        " (name, workflow_id, instance_id, user_id, start_date, end_date)"
        " VALUES ('N', %(workflow)s, %(instance)s, %(user)s, '2026-01-01', '2026-01-31')"
    ),
    "asins": "INSERT INTO asins (asin, user_id) VALUES ('B000000002', %(user)s)",
    "asin_lists": "INSERT INTO asin_lists (name, user_id) VALUES ('N', %(user)s)",
    "query_templates": (
        "INSERT INTO query_templates (name, category, sql_template, author_id)"
        " VALUES ('N', 'c', 'SELECT 1', %(user)s)"
    ),
    "result_checks": (
        "INSERT INTO result_checks (name, workflow_id, user_id, measure, comparison, threshold)"
        " VALUES ('N', %(workflow)s, %(user)s, 'ROWS', '>', 0)"
    ),
    "notification_channels": (
        "INSERT INTO notification_channels (kind, url, user_id)"
        " VALUES ('SLACK', 'https://hooks.example.com/b', %(user)s)"
    ),
}


# Rows that only the pipeline or the application inserts, each of somebody's parent.
PIPELINES_INSERTS = {
    "result_differences": (
        "INSERT INTO result_differences (execution_id, compared_at, key_columns)"
        " SELECT id, NOW(), '{}' FROM workflow_executions WHERE user_id = %(user)s"
    ),
    "result_difference_columns": (
        "INSERT INTO result_difference_columns (execution_id, column_name)"
        " SELECT id, 'x' FROM workflow_executions WHERE user_id = %(user)s"
    ),
    "result_difference_rows": (
        "INSERT INTO result_difference_rows (execution_id, number, kind, key)"
        " SELECT id, 2, 'NEW', '{}' FROM workflow_executions WHERE user_id = %(user)s"
    ),
    "amc_instances": (
        "INSERT INTO amc_instances (instance_id, name, user_id, account_id)"
        " VALUES ('amcnew', 'N', %(user)s, %(account)s)"
    ),
    "workflow_executions": (
        "INSERT INTO workflow_executions (workflow_id, user_id, instance_id)"
        " VALUES (%(workflow)s, %(user)s, %(instance)s)"
    ),
    "schedule_runs": (
        "INSERT INTO schedule_runs (schedule_id, status) VALUES (%(schedule)s, 'SUCCESS')"
    ),
    "report_data_weeks": (
        "INSERT INTO report_data_weeks (collection_id, week_number, week_start_date, week_end_date)"
        " VALUES (%(collection)s, 99, '2030-01-07', '2030-01-13')"
    ),
    "campaigns": (
        "INSERT INTO campaigns (campaign_id, name, campaign_type, state, instance_id, user_id)"
        " VALUES ('2', 'C', 'sponsoredProducts', 'ENABLED', %(instance)s, %(user)s)"
    ),
    "amc_accounts": "INSERT INTO amc_accounts (account_id, account_name) VALUES ('E', 'N')",
    "amc_api_errors": (
        "INSERT INTO amc_api_errors (instance_id, user_id, method, path, operation, message)"
        " VALUES (%(instance)s, %(user)s, 'GET', '/', 'token', 'm')"
    ),
    "reconciliations": (
        "INSERT INTO reconciliations (instance_id, action, detail)"
        " VALUES (%(instance)s, 'CLOSE', 'd')"
    ),
    "amc_instance_data_sources": (
        "INSERT INTO amc_instance_data_sources"
        " (instance_id, name, is_shared, fields, first_seen_at)"
        " VALUES (%(instance)s, 'u', true, '[]', NOW())"
    ),
    "workflow_dry_runs": (
        "INSERT INTO workflow_dry_runs"
        " (workflow_id, instance_id, definition_md5, status, checked_at)"
        " VALUES (%(workflow)s, %(instance)s, '0', 'ACCEPTED', NOW())"
    ),
    "workflow_findings": (
        "INSERT INTO workflow_findings"
        " (workflow_id, instance_id, kind, table_name, message, query_md5)"
        " VALUES (%(workflow)s, %(instance)s, 'UNKNOWN_TABLE', 'u', 'm', '0')"
    ),
    "campaign_performance": (
        "INSERT INTO campaign_performance (campaign_id, date) VALUES (%(campaign)s, '2026-02-01')"
    ),
    "campaign_reports": (
        "INSERT INTO campaign_reports"
        " (instance_id, profile_id, campaign_type, start_date, end_date, requested_at)"
        " VALUES (%(instance)s, '2', 'sponsoredProducts', NOW(), NOW(), NOW())"
    ),
    "notifications": (
        "INSERT INTO notifications (user_id, kind, event_key, happened_at, details)"
        " VALUES (%(user)s, 'CONSENT_REVOKED', 'mine', NOW(), '{}')"
    ),
    "channel_deliveries": (
        "INSERT INTO channel_deliveries (notification_id, channel_id)"
        " VALUES (%(notification)s, %(channel)s)"
    ),
    "result_check_outcomes": (
        "INSERT INTO result_check_outcomes (execution_id, check_id, measured, note, evaluated_at)"
        " VALUES (%(execution)s, %(check)s, 'ROWS', 'n', NOW())"
    ),
}


def insert_as(database: Database, table: str, me: dict[str, Row], owner: dict[str, Row]) -> int:
    connection = database.connect("recomamp_analyst", me["users"]["id"])
    with connection, connection.cursor() as cursor:
        cursor.execute(
            {**INSERTS, **PIPELINES_INSERTS}[table],
            {
                "campaign": owner["campaigns"]["id"],
                "channel": owner["notification_channels"]["id"],
                "check": owner["result_checks"]["id"],
                "execution": owner["workflow_executions"]["id"],
                "notification": owner["notifications"]["id"],
                "schedule": owner["workflow_schedules"]["id"],
                "collection": owner["report_data_collections"]["id"],
                "user": owner["users"]["id"],
                "account": owner["amc_accounts"]["id"],
                "instance": owner["amc_instances"]["id"],
                "workflow": owner["workflows"]["id"],
            },
        )
        return int(cursor.rowcount)


@pytest.mark.parametrize("table", INSERTS)
def test_analysts_insert_rows_of_their_own(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    assert insert_as(database, table, two_users.ann, two_users.ann) == 1


@pytest.mark.parametrize("table", INSERTS)
def test_analysts_do_not_insert_rows_in_the_name_of_others(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    # The trigger of result_checks asks first, with the rights of the writer
    refusal = "has no workflow" if table == "result_checks" else "row-level security"
    for me, other in two_users.pairs():
        with pytest.raises((InsufficientPrivilege, CheckViolation), match=refusal):
            insert_as(database, table, me, other)


@pytest.mark.parametrize("table", PIPELINES_INSERTS)
def test_analysts_insert_nothing_that_the_pipeline_finds_out(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    for owner in (two_users.ann, two_users.bob):
        with pytest.raises(InsufficientPrivilege):
            insert_as(database, table, two_users.ann, owner)


def test_every_table_with_an_owner_is_tried_in_every_direction(database: Database) -> None:
    tables = database.query(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE AND relkind = 'r'"
    )
    assert {row["relname"] for row in tables} == {
        *OWNED, *SHARED, *HIDDEN, "recomamp_migrations", "database_logins", "deleted_ids",
        "user_quotas",  # test_quotas tries those
    }  # fmt: skip
    # Tried one by one below
    for_others = {"users", "asin_list_items", "user_guide_progress", "user_guide_favorites"}
    for_others |= {"run_requests"}  # test_run_requests tries those
    assert {*INSERTS, *PIPELINES_INSERTS, *for_others} == set(OWNED)


@pytest.mark.parametrize("table", HIDDEN)
def test_what_tells_of_all_users_is_hidden_from_analysts(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        ids_seen(database, table, "recomamp_analyst", two_users.ann["users"]["id"])


@pytest.mark.parametrize("table", ["users", "user_guide_progress", "user_guide_favorites"])
def test_nobody_is_inserted_and_no_progress_in_the_name_of_others(
    database: Database, two_users: TwoUsers, rows: Rows, table: str
) -> None:
    guide = rows.insert("build_guides", title="G", category="c")["id"]
    statement, values = {
        "users": ("INSERT INTO users (email) VALUES (%s)", ["x@example.com"]),
        "user_guide_progress": (
            "INSERT INTO user_guide_progress (guide_id, user_id) VALUES (%s, %s)",
            [guide, two_users.bob["users"]["id"]],
        ),
        "user_guide_favorites": (
            "INSERT INTO user_guide_favorites (guide_id, user_id) VALUES (%s, %s)",
            [guide, two_users.bob["users"]["id"]],
        ),
    }[table]
    with pytest.raises(InsufficientPrivilege):
        attempt(database, statement, values, two_users.ann["users"]["id"])


def test_rows_of_others_are_not_reached_through_their_children(
    database: Database, two_users: TwoUsers
) -> None:
    """Joins, sub-queries and RETURNING see no more than the tables themselves."""
    me, other = two_users.ann["users"]["id"], two_users.bob
    for statement, key in (
        (
            "UPDATE workflows SET name = 'X' FROM workflow_schedules AS schedule"
            " WHERE schedule.workflow_id = workflows.id AND workflows.user_id = %s",
            other["users"]["id"],
        ),
        (
            "SELECT delete_own_row('workflow_schedules', id) FROM workflow_schedules"
            " WHERE workflow_id IN"
            " (SELECT workflow_id FROM workflow_executions WHERE user_id = %s)",
            other["users"]["id"],
        ),
        (
            "SELECT FROM amc_api_errors AS error JOIN amc_instances AS instance"
            " ON instance.id = error.instance_id WHERE instance.user_id = %s",
            other["users"]["id"],
        ),
        (
            "SELECT FROM reconciliations WHERE instance_id = %s",
            other["amc_instances"]["id"],
        ),
        (
            "SELECT FROM report_data_weeks WHERE collection_id = %s",
            other["report_data_collections"]["id"],
        ),
    ):
        assert attempt(database, statement, [key], me) == 0


def test_no_function_that_acts_as_the_owner_is_open_to_anybody(database: Database) -> None:
    """What runs with the owner's rights would cross all policies, also as somebody's trigger."""
    open_functions = database.query(
        """
        SELECT proname, rolname
        FROM pg_proc CROSS JOIN pg_roles
        WHERE pronamespace = 'public'::REGNAMESPACE AND prosecdef
          AND rolname IN ('recomamp_analyst', 'recomamp_pipeline')
          AND has_function_privilege(rolname, pg_proc.oid, 'EXECUTE')
        """
    )
    # analyze_table takes the name of a table of ours and returns nothing of it.
    # restatement_plan and schedule_preview_for read no row. record_late_weeks, record_late_windows
    # and withdraw_loaded_windows take no argument: rows decide what they do.
    # current_user_id reads the login of its own session; delete_own_row asks for its user's rows.
    assert {(row["proname"], row["rolname"]) for row in open_functions} == {
        ("analyze_table", "recomamp_pipeline"),
        ("current_user_id", "recomamp_analyst"),
        ("current_user_id", "recomamp_pipeline"),
        ("delete_own_row", "recomamp_analyst"),
        ("record_late_weeks", "recomamp_pipeline"),
        ("record_late_windows", "recomamp_pipeline"),
        ("restatement_plan", "recomamp_analyst"),
        ("restatement_plan", "recomamp_pipeline"),
        ("schedule_preview_for", "recomamp_analyst"),
        ("withdraw_loaded_windows", "recomamp_pipeline"),
    }


def test_counters_of_others_are_not_reached_by_a_trigger_on_a_table_of_ones_own(
    database: Database, two_users: TwoUsers, rows: Rows
) -> None:
    theirs = two_users.bob["workflow_schedules"]
    before = rows.get("workflow_schedules", theirs)
    connection = database.connect("recomamp_analyst", two_users.ann["users"]["id"])
    attack = (
        "CREATE TEMP TABLE mine (schedule_id UUID, status TEXT);"
        "CREATE TRIGGER t AFTER INSERT ON mine"
        " FOR EACH ROW EXECUTE FUNCTION count_schedule_runs();"
        "INSERT INTO mine VALUES (%s, 'FAILED')"
    )
    with connection, connection.cursor() as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute(attack, [theirs["id"]])
    assert rows.get("workflow_schedules", theirs) == before


@pytest.mark.parametrize("table", ["workflow_schedules", "report_data_collections", "workflows"])
def test_rows_are_not_hung_on_what_belongs_to_others(
    database: Database, two_users: TwoUsers, table: str
) -> None:
    stolen = {**two_users.bob, "users": two_users.ann["users"]}

    with pytest.raises(psycopg2.errors.CheckViolation, match=r"user .* has no"):
        insert_as(database, table, two_users.ann, stolen)


@pytest.mark.parametrize("table", ["asins", "asin_lists", "user_guide_progress"])
def test_rows_are_not_given_away(database: Database, two_users: TwoUsers, table: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied"):
        attempt(
            database,
            f"UPDATE {table} SET user_id = %s WHERE id = %s",
            [two_users.bob["users"]["id"], two_users.ann[table]["id"]],
            two_users.ann["users"]["id"],
        )


def test_a_strangers_product_does_not_enter_a_list(database: Database, two_users: TwoUsers) -> None:
    statement = "INSERT INTO asin_list_items (list_id, asin_id) VALUES (%s, %s)"
    mine, theirs = two_users.ann, two_users.bob
    database.query("DELETE FROM asin_list_items")

    for listed, asin in ((mine, theirs), (theirs, mine), (theirs, theirs)):
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            attempt(
                database,
                statement,
                [listed["asin_lists"]["id"], asin["asins"]["id"]],
                mine["users"]["id"],
            )
    own = [mine["asin_lists"]["id"], mine["asins"]["id"]]
    assert attempt(database, statement, own, mine["users"]["id"]) == 1


def test_a_collection_of_an_analyst_gets_its_weeks(database: Database, two_users: TwoUsers) -> None:
    me = two_users.ann
    database.query("DELETE FROM report_data_collections")
    insert_as(database, "report_data_collections", me, me)

    assert len(ids_seen(database, "report_data_weeks", "recomamp_analyst", me["users"]["id"])) == 5


def test_an_analyst_deletes_a_schedule_with_its_runs(
    database: Database, two_users: TwoUsers
) -> None:
    schedule = two_users.ann["workflow_schedules"]["id"]

    assert delete_own_row(database, "workflow_schedules", schedule, two_users.ann["users"]["id"])

    left = database.query("SELECT id FROM schedule_runs WHERE schedule_id = %s", [schedule])
    assert left == []


def test_public_lists_and_templates_are_read_by_views_and_changed_by_none(
    database: Database, two_users: TwoUsers, rows: Rows
) -> None:
    other, me = two_users.ann, two_users.bob["users"]["id"]
    for table in ("asin_lists", "query_templates"):
        rows.update(table, other[table], is_public=True)

    for table in ("asin_lists", "query_templates", "asin_list_items"):
        assert other[table]["id"] in ids_seen(database, f"public_{table}", "recomamp_analyst", me)
        assert other[table]["id"] not in ids_seen(database, table, "recomamp_analyst", me)
    for table in ("asin_lists", "query_templates"):
        key = [other[table]["id"]]
        assert attempt(database, f"UPDATE {table} SET name = 'X' WHERE id = %s", key, me) == 0
        assert not delete_own_row(database, table, other[table]["id"], me)
    # The products of a public list keep their owner's notes and tags to themselves.
    assert other["asins"]["id"] not in ids_seen(database, "asins", "recomamp_analyst", me)


def test_an_analyst_makes_no_template_official(database: Database, two_users: TwoUsers) -> None:
    with pytest.raises(InsufficientPrivilege):
        attempt(
            database,
            "UPDATE query_templates SET is_official = true WHERE id = %s",
            [two_users.ann["query_templates"]["id"]],
            two_users.ann["users"]["id"],
        )


@pytest.mark.parametrize("table", SHARED)
def test_reference_tables_are_read_by_all(database: Database, rows: Rows, table: str) -> None:
    source = rows.insert("amc_data_sources", name="s", display_name="S", category="c")
    rows.insert("amc_schema_fields", data_source_id=source["id"], field_name="f", data_type="LONG")
    for published in (True, False):
        guide = rows.insert("build_guides", title="G", category="c", is_published=published)["id"]
        rows.insert("build_guide_sections", guide_id=guide, section_number=1)
        rows.insert("build_guide_queries", guide_id=guide, title="Q", sql_query="SELECT 1")
    reader = rows.user()["id"]

    assert len(ids_seen(database, table, "recomamp_analyst", reader)) == 1
    with pytest.raises(InsufficientPrivilege):
        attempt(database, f"DELETE FROM {table}", [], reader)


@pytest.mark.parametrize("column", ["encrypted_access_token", "encrypted_refresh_token", "*"])
def test_analysts_do_not_read_tokens(database: Database, two_users: TwoUsers, column: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        attempt(database, f"SELECT {column} FROM users", [], two_users.ann["users"]["id"])


def test_analysts_do_not_write_tokens(database: Database, two_users: TwoUsers) -> None:
    with pytest.raises(InsufficientPrivilege):
        attempt(
            database,
            "UPDATE users SET encrypted_refresh_token = NULL",
            [],
            two_users.ann["users"]["id"],
        )


@pytest.mark.parametrize("table", PIPELINE)
def test_the_pipeline_sees_the_rows_of_all_users(
    database: Database, two_users: TwoUsers, rows: Rows, table: str
) -> None:
    if table in two_users.ann:
        both = {two_users.ann[table][key_of(table)], two_users.bob[table][key_of(table)]}
        assert both <= ids_seen(database, table, "recomamp_pipeline", None)
    else:
        assert ids_seen(database, table, "recomamp_pipeline", None) == set()


@pytest.mark.parametrize("table", sorted({*OWNED, *SHARED} - set(PIPELINE)))
def test_the_pipeline_does_not_read_what_it_does_not_need(database: Database, table: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        ids_seen(database, table, "recomamp_pipeline", None)


def test_the_pipeline_writes_what_it_finds_out_and_no_definition(
    database: Database, two_users: TwoUsers
) -> None:
    me = two_users.ann
    connection = database.connect("recomamp_pipeline", autocommit=True)
    with connection.cursor() as cursor:
        for statement in (
            "UPDATE users SET encrypted_access_token = 'x', token_expires_at = NOW()",
            "SELECT id FROM users FOR NO KEY UPDATE",
            "SELECT id FROM amc_accounts FOR UPDATE",
            "SELECT id FROM amc_instances FOR UPDATE",
            "UPDATE amc_instances SET health_status = 'HEALTHY'",
            "UPDATE workflow_executions SET status = 'RUNNING', result_data = '{}'",
            "UPDATE workflow_schedules SET last_run_status = 'SUCCESS', next_run_at = NOW()",
            "UPDATE report_data_weeks SET status = 'RUNNING'",
            "UPDATE schedule_runs SET status = 'FAILED'",
            "UPDATE campaigns SET state = 'PAUSED'",
        ):
            cursor.execute(statement)
            assert cursor.rowcount >= 2, statement
        cursor.execute(
            "INSERT INTO workflow_executions (workflow_id, user_id, instance_id)"
            " VALUES (%s, %s, %s)",
            [me["workflows"]["id"], me["users"]["id"], me["amc_instances"]["id"]],
        )
        for statement in (
            "UPDATE workflows SET sql_query = 'SELECT 2'",
            "UPDATE workflow_schedules SET cron_expression = '@daily'",
            "UPDATE users SET email = 'x'",
            "DELETE FROM users",
            "INSERT INTO report_data_collections DEFAULT VALUES",
            "SELECT refresh_collection_progress(gen_random_uuid())",
        ):
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(statement)


@pytest.mark.parametrize("column", ["notes", "tags", "weight"])
def test_the_pipeline_does_not_read_what_a_user_notes_of_a_product(
    database: Database, two_users: TwoUsers, column: str
) -> None:
    connection = database.connect("recomamp_pipeline", autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE asins SET title = 'T'")
        assert cursor.rowcount == 2
        for statement in (f"SELECT {column} FROM asins", f"UPDATE asins SET {column} = NULL"):
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(statement)


def test_progress_is_kept_when_the_pipeline_ends_weeks(
    database: Database, two_users: TwoUsers, rows: Rows
) -> None:
    connection = database.connect("recomamp_pipeline")
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE report_data_weeks SET status = 'SUCCESS'")

    done = rows.get("report_data_collections", two_users.ann["report_data_collections"])
    assert (done["status"], done["progress_percentage"]) == ("COMPLETED", 100)


def test_roles_do_not_log_in_and_do_not_bypass_policies(database: Database) -> None:
    roles = database.query(
        "SELECT rolcanlogin, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'recomamp%'"
    )

    assert roles == [{"rolcanlogin": False, "rolsuper": False, "rolbypassrls": False}] * 3


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("request.jwt.claim.sub", "11111111-1111-1111-1111-111111111111"),
        ("request.jwt.claims", '{"sub": "11111111-1111-1111-1111-111111111111", "role": "x"}'),
    ],
)
def test_the_signed_in_user_is_read_from_the_claims(
    database: Database, setting: str, value: str
) -> None:
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT auth.uid()")
        assert cursor.fetchone() == (None,)
        cursor.execute("SELECT set_config(%s, %s, false)", [setting, value])
        cursor.execute("SELECT auth.uid()::TEXT")
        assert cursor.fetchone() == ("11111111-1111-1111-1111-111111111111",)
        cursor.execute("SELECT set_config(%s, '', false)", [setting])
        cursor.execute("SELECT auth.uid()")
        assert cursor.fetchone() == (None,)


def test_every_table_has_row_level_security_and_a_policy(database: Database) -> None:
    open_tables = database.query(
        """
        SELECT tablename FROM pg_tables
        WHERE schemaname = 'public'
          AND NOT (
              rowsecurity AND (
                  tablename IN (SELECT tablename FROM pg_policies)
                  -- The owner's alone
                  OR tablename IN ('recomamp_migrations', 'database_logins', 'deleted_ids')
              )
          )
        """
    )

    assert open_tables == []
