"""Every crossing of two tenants, as requests that come through PostgREST.

For each table the table below says what Bob's request meets when it reaches for Ann's row: a right
he has not (denied), a row he does not see (unseen), a rule that refuses the row (refused), or a row
that is there for everybody (shared). A table without a line fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import uuid4

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.errors import InsufficientPrivilege

from fixtures.postgres import Database, Rows
from fixtures.supabase import Supabase
from fixtures.two_users import KEYS, TwoUsers, insert_two_users

# Rights are the same on every version (test_access_matrix); what comes of them is asked of one.
pytestmark = pytest.mark.parametrize("supabase", [18], indirect=True)


class Crossing(NamedTuple):
    """What becomes of each verb."""

    select: str
    insert: str
    update: str
    delete: str


OWN = Crossing("unseen", "refused", "unseen", "unseen")
READ_ONLY = Crossing("unseen", "denied", "denied", "denied")
SHARED = Crossing("shared", "denied", "denied", "denied")
HIDDEN = Crossing("denied", "denied", "denied", "denied")

CROSSINGS = {
    "amc_accounts": READ_ONLY,
    "amc_api_errors": READ_ONLY,
    "amc_data_sources": SHARED,
    "amc_instance_data_sources": READ_ONLY,
    "amc_instances": Crossing("unseen", "denied", "unseen", "denied"),
    "amc_schema_fields": SHARED,
    "asin_list_items": OWN,
    "asin_lists": OWN,
    "asins": OWN,
    "build_guide_queries": SHARED,
    "build_guide_sections": SHARED,
    "build_guides": SHARED,
    "campaign_performance": READ_ONLY,
    "campaign_reports": READ_ONLY,
    "campaigns": READ_ONLY,
    "channel_deliveries": READ_ONLY,
    "database_logins": HIDDEN,
    "deleted_ids": HIDDEN,
    "execution_locks": HIDDEN,
    "maintenance_findings": HIDDEN,
    "notification_channels": OWN,
    "notifications": READ_ONLY,
    "query_templates": OWN,
    "recomamp_migrations": HIDDEN,
    "reconciliations": READ_ONLY,
    "report_data_collections": OWN,
    "report_data_weeks": READ_ONLY,
    "result_difference_columns": READ_ONLY,
    "result_difference_rows": READ_ONLY,
    "result_differences": READ_ONLY,
    "run_requests": Crossing("unseen", "refused", "denied", "denied"),
    "result_check_outcomes": READ_ONLY,
    "result_checks": OWN,
    "schedule_runs": READ_ONLY,
    "user_guide_favorites": Crossing("unseen", "refused", "denied", "unseen"),
    "user_guide_progress": OWN,
    "user_quotas": READ_ONLY,
    "users": Crossing("unseen", "denied", "unseen", "denied"),
    "workflow_dry_runs": READ_ONLY,
    "workflow_executions": READ_ONLY,
    "workflow_findings": READ_ONLY,
    "workflow_schedules": OWN,
    "workflows": OWN,
}


class Tenants(NamedTuple):
    """A database with Ann's and Bob's rows."""

    supabase: Supabase
    owner: Database
    two_users: TwoUsers


@pytest.fixture(scope="module")
def tenants(supabase: Supabase) -> Iterator[Tenants]:
    """Provide two tenants, and a row in each shared table."""
    owner = supabase.database()
    owner.delete_rows()
    rows = Rows(owner)
    two_users = insert_two_users(rows)
    source = rows.insert("amc_data_sources", name="s", display_name="S", category="c")
    shared = {
        "amc_data_sources": source,
        "amc_schema_fields": rows.insert(
            "amc_schema_fields", data_source_id=source["id"], field_name="f", data_type="LONG"
        ),
        "build_guides": owner.query("SELECT * FROM build_guides")[0],
    }
    for table, columns in (
        ("build_guide_sections", {"section_number": 7}),
        ("build_guide_queries", {"title": "Q", "sql_query": "SELECT 1"}),
    ):
        shared[table] = rows.insert(table, guide_id=shared["build_guides"]["id"], **columns)
    two_users.ann.update(shared)
    two_users.bob.update(shared)
    yield Tenants(supabase, owner, two_users)
    owner.delete_rows()
    owner.close()


def tables_of(owner: Database) -> list[str]:
    return [
        row["relname"]
        for row in owner.query(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE"
            " AND relkind IN ('r', 'p') ORDER BY relname"
        )
    ]


def columns_with(owner: Database, verb: str, table: str) -> list[str]:
    return [
        row["attname"]
        for row in owner.query(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::REGCLASS AND attnum > 0"
            " AND NOT attisdropped AND has_column_privilege('authenticated', attrelid, attnum, %s)",
            [table, verb],
        )
    ]


def reach(tenants: Tenants, statement: sql.Composable, values: list[object]) -> str:
    """Return what Bob's request meets: the name of the outcome, or how many rows."""
    try:
        with tenants.supabase.request(
            "authenticated", tenants.two_users.bob["users"]["id"]
        ) as cursor:
            cursor.execute(statement, values)
            return f"{cursor.rowcount} rows" if cursor.rowcount else "unseen"
    except InsufficientPrivilege as err:
        return "refused" if "row-level security" in str(err) else "denied"
    except psycopg2.errors.CheckViolation:
        return "refused"


def test_every_table_has_a_line(tenants: Tenants) -> None:
    assert sorted(CROSSINGS) == tables_of(tenants.owner)


def key_and_value(tenants: Tenants, table: str) -> tuple[sql.Identifier, object]:
    key = KEYS.get(table, "id")
    row = tenants.two_users.ann.get(table, {})
    return sql.Identifier(key), row.get(key)


@pytest.mark.parametrize("table", CROSSINGS)
def test_bob_reads_nothing_of_anns(tenants: Tenants, table: str) -> None:
    key, value = key_and_value(tenants, table)
    if CROSSINGS[table].select == "denied":
        statement = sql.SQL("SELECT FROM {}").format(sql.Identifier(table))
        assert reach(tenants, statement, []) == "denied"
        return
    statement = sql.SQL("SELECT {1} FROM {0} WHERE {1} = %s").format(sql.Identifier(table), key)
    expected = "1 rows" if CROSSINGS[table].select == "shared" else "unseen"

    assert reach(tenants, statement, [value]) == expected


@pytest.mark.parametrize("table", CROSSINGS)
def test_bob_sees_his_own(tenants: Tenants, table: str) -> None:
    if CROSSINGS[table].select == "denied":
        return
    key = KEYS.get(table, "id")
    statement = sql.SQL("SELECT {1} FROM {0} WHERE {1} = %s").format(
        sql.Identifier(table), sql.Identifier(key)
    )
    assert reach(tenants, statement, [tenants.two_users.bob[table][key]]) == "1 rows"


@pytest.mark.parametrize("table", CROSSINGS)
def test_bob_changes_nothing_of_anns(tenants: Tenants, table: str) -> None:
    key, value = key_and_value(tenants, table)
    mine = columns_with(tenants.owner, "UPDATE", table)
    everything = tenants.owner.query(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::REGCLASS"
        " AND attnum > 0 AND NOT attisdropped AND attidentity = ''",
        [table],
    )
    for column in (row["attname"] for row in everything):
        # Not {1} = {1}: that would read a column that may be written alone
        statement = sql.SQL("UPDATE {0} SET {1} = DEFAULT").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        if value is not None and CROSSINGS[table].select != "denied":
            statement += sql.SQL(" WHERE {} = %s").format(key)
        met = reach(tenants, statement, [value] if "WHERE" in str(statement) else [])
        expected = CROSSINGS[table].update if column in mine else "denied"
        assert met == expected, column


@pytest.mark.parametrize("table", CROSSINGS)
def test_bob_deletes_nothing_of_anns(tenants: Tenants, table: str) -> None:
    key, value = key_and_value(tenants, table)
    statement = sql.SQL("DELETE FROM {}").format(sql.Identifier(table))
    if CROSSINGS[table].select != "denied":
        statement += sql.SQL(" WHERE {} = %s").format(key)
    values = [value] if CROSSINGS[table].select != "denied" else []

    assert reach(tenants, statement, values) == CROSSINGS[table].delete


@pytest.mark.parametrize("table", CROSSINGS)
def test_bob_inserts_nothing_in_anns_name(tenants: Tenants, table: str) -> None:
    """Ann's row with another id: with the columns that people may insert, and with all."""
    row = tenants.two_users.ann.get(table)
    if row is None:
        statement = sql.SQL("INSERT INTO {} DEFAULT VALUES").format(sql.Identifier(table))
        assert reach(tenants, statement, []) == "denied"
        return
    allowed = columns_with(tenants.owner, "INSERT", table)
    for columns in (allowed, list(row)):
        chosen = [name for name in columns if name != "id" and name in row]
        if not chosen:
            continue
        statement = sql.SQL("INSERT INTO {} ({}) SELECT {}").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, chosen)),
            sql.SQL(", ").join(
                sql.SQL("(json_populate_record(NULL::{}, %s)).{}").format(
                    sql.Identifier(table), sql.Identifier(name)
                )
                for name in chosen
            ),
        )
        document = tenants.owner.query(
            sql.SQL("SELECT to_json(one)::TEXT AS row FROM {} AS one WHERE {} = %s").format(
                sql.Identifier(table), sql.Identifier(KEYS.get(table, "id"))
            ),
            [row[KEYS.get(table, "id")]],
        )[0]["row"]
        met = reach(tenants, statement, [document] * len(chosen))
        expected = CROSSINGS[table].insert if set(chosen) <= set(allowed) else "denied"
        assert met == expected, columns


@pytest.mark.parametrize("verb", ["SELECT * FROM {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("table", CROSSINGS)
def test_who_is_not_signed_in_reaches_no_table(tenants: Tenants, table: str, verb: str) -> None:
    with (
        tenants.supabase.request("anon") as cursor,
        pytest.raises(InsufficientPrivilege, match="permission denied"),
    ):
        cursor.execute(sql.SQL(verb).format(sql.Identifier(table)))


@pytest.mark.parametrize(
    ("table", "parents"),
    [
        ("workflows", {"instance_id": "amc_instances"}),
        ("workflow_schedules", {"workflow_id": "workflows"}),
        ("report_data_collections", {"workflow_id": "workflows"}),
        ("report_data_collections", {"instance_id": "amc_instances"}),
        ("result_checks", {"workflow_id": "workflows"}),
        ("result_checks", {"schedule_id": "workflow_schedules"}),
        ("asin_list_items", {"list_id": "asin_lists"}),
        ("asin_list_items", {"asin_id": "asins"}),
        ("asin_list_items", {"added_by": "users"}),
    ],
)
def test_bob_hangs_none_of_his_rows_on_anns(
    tenants: Tenants, table: str, parents: dict[str, str]
) -> None:
    row = tenants.two_users.bob[table]
    for column, parent in parents.items():
        statement = sql.SQL("UPDATE {} SET {} = %s WHERE id = %s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        met = reach(tenants, statement, [tenants.two_users.ann[parent]["id"], row["id"]])
        assert met in ("refused", "denied")


@pytest.mark.parametrize("table", ["workflows", "workflow_schedules", "report_data_collections"])
def test_the_id_of_a_deleted_row_stays_with_its_user(tenants: Tenants, table: str) -> None:
    """DAGs and Assets are named by it, so Bob would get Ann's earlier runs and her readers."""
    ann, bob = (user[table]["id"] for user in (tenants.two_users.ann, tenants.two_users.bob))
    columns = ", ".join(
        name for name in columns_with(tenants.owner, "INSERT", table) if name != "id"
    )
    copy = f"INSERT INTO {table} (id, {columns}) SELECT %s, {columns} FROM {table} WHERE id = %s"
    deleted = str(uuid4())
    tenants.owner.query(copy, [deleted, ann])
    tenants.owner.query(f"DELETE FROM {table} WHERE id = %s", [deleted])

    for other in {"workflows", "workflow_schedules", "report_data_collections"} - {table}:
        tenants.owner.query(  # a row of his own of this id, in another table, changes nothing
            "INSERT INTO deleted_ids (table_name, id, user_id) VALUES (%s, %s, %s)",
            [other, deleted, tenants.two_users.bob["users"]["id"]],
        )

    assert reach(tenants, sql.SQL(copy), [deleted, bob]) == "refused"
    assert reach(tenants, sql.SQL(copy), [str(uuid4()), bob]) == "1 rows"
    tenants.owner.query(copy, [deleted, ann])


READERS = {
    "SELECT execution_id FROM current_results": None,
    "SELECT execution_id FROM results_as_of('infinity')": None,
    "SELECT * FROM result_rows(%s)": "workflow_executions",
    "SELECT * FROM schedule_preview(%s)": "workflow_schedules",
    "SELECT * FROM collection_progress": None,
    "SELECT * FROM progress_of_collections()": None,
}


@pytest.mark.parametrize("statement", READERS)
def test_a_view_or_function_shows_bob_nothing_of_anns(tenants: Tenants, statement: str) -> None:
    ann, bob = tenants.two_users.ann, tenants.two_users.bob
    tenants.owner.query(
        "UPDATE workflow_executions SET status = 'SUCCESS', window_start = '2026-01-05',"
        " window_end = '2026-01-06', result_data = '{\"data\": [{}]}' WHERE id = %s",
        [ann["workflow_executions"]["id"]],
    )
    table = READERS[statement]
    values = [ann[table]["id"]] if table else []
    own = {"collection_progress", "progress_of_collections()"} & set(statement.split())
    found = {}
    for name, user in (("ann", ann), ("bob", bob)):
        with tenants.supabase.request("authenticated", user["users"]["id"]) as cursor:
            cursor.execute(statement, values)
            found[name] = cursor.fetchall()
    assert found["ann"]
    assert len(found["bob"]) == (1 if own else 0)
    assert found["bob"] != found["ann"]
    with (
        tenants.supabase.request("anon") as cursor,
        pytest.raises(InsufficientPrivilege, match="permission denied"),
    ):
        cursor.execute(statement, values)


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED"])
def test_a_person_does_not_say_how_a_collection_ended(tenants: Tenants, status: str) -> None:
    """Each change of it is a mail."""
    own = tenants.two_users.bob["report_data_collections"]["id"]
    statement = sql.SQL("UPDATE report_data_collections SET status = %s WHERE id = %s")

    assert reach(tenants, statement, [status, own]) == "refused"
    assert reach(tenants, statement, ["PAUSED", own]) == "1 rows"
    with tenants.supabase.request("service_role") as cursor:
        cursor.execute(statement, [status, own])
        assert cursor.rowcount == 1
