"""Every right of every role on every object of ours, compared with the table below.

An object that is not in the table fails the test, and so does a right that is not. The database has
Supabase's roles and defaults, which give every new object to all of them by name.
"""

from __future__ import annotations

import re
import textwrap

import pytest
from psycopg2.errors import InsufficientPrivilege

from fixtures.postgres import Database
from fixtures.supabase import OWNER, Supabase
from recomamp.store.migrate import migrate

# Who holds rights. People have the same rights whichever way they come in, save those of the API
# alone: DELETE brings LOCK TABLE, which an SQL login could use.
ANALYST = "recomamp_analyst"
API = "authenticated"
PEOPLE = (ANALYST, API)
PIPELINE = "recomamp_pipeline"
CONSOLE = "recomamp_console"
SERVER = "service_role"
NOBODY = ("anon", "authenticator", "supabase_auth_admin")

# Relation, then holder and rights. A right without columns is one of the whole relation.
RELATIONS = """
amc_accounts
    people: SELECT
    pipeline: SELECT, UPDATE (updated_at)
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
amc_api_errors
    people: SELECT
    pipeline: INSERT, DELETE, SELECT (id, at), UPDATE (at)
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
amc_data_sources
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    server: SELECT, INSERT, UPDATE, DELETE
amc_instance_data_sources
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    server: SELECT, INSERT, UPDATE, DELETE
amc_instances
    people: SELECT, UPDATE (name, description, is_active)
    pipeline: SELECT, UPDATE (health_status, health_error, last_health_check,
        campaigns_last_sync, schema_last_sync, updated_at, external_executions,
        external_counted_at, reconcile_attempted_at, instance_type, dry_runs_since, dry_runs)
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
amc_schema_fields
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    server: SELECT, INSERT, UPDATE, DELETE
asin_list_items
    people: SELECT, INSERT (id, list_id, asin_id, position, notes, added_by), UPDATE (list_id,
        asin_id, position, notes)
    API alone: DELETE
    server: SELECT, INSERT, UPDATE, DELETE
asin_lists
    people: SELECT, INSERT (id, name, description, user_id, category, tags, is_public), UPDATE
        (name, description, category, tags, is_public)
    API alone: DELETE
    server: SELECT, INSERT, UPDATE, DELETE
asins
    people: SELECT, INSERT (id, asin, user_id, title, brand, category, image_url, price,
        sales_rank, review_count, average_rating, tags, notes, is_active, parent_asin,
        variation_theme, dimensions, weight, price_currency), UPDATE (asin, title, brand,
        category, image_url, price, sales_rank, review_count, average_rating, tags, notes,
        is_active, parent_asin, variation_theme, dimensions, weight, price_currency)
    API alone: DELETE
    pipeline: SELECT (id, asin, user_id, title, brand, category, image_url, price, sales_rank,
        is_active, last_validated_at, validation_status, validation_checked_at, profile_id,
        price_currency), UPDATE (title, brand, category, image_url, price, sales_rank,
        updated_at, last_validated_at, validation_status, validation_checked_at, profile_id,
        price_currency)
    server: SELECT, INSERT, UPDATE, DELETE
build_guide_queries
    people: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
build_guide_sections
    people: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
build_guides
    people: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
campaign_performance
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    server: SELECT, INSERT, UPDATE, DELETE
campaign_reports
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    server: SELECT, INSERT, UPDATE, DELETE
campaigns
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    server: SELECT, INSERT, UPDATE, DELETE
channel_deliveries
    people: SELECT (id, notification_id, channel_id, status, next_try_at, attempts, last_error,
        created_at)
    pipeline: SELECT, UPDATE (status, next_try_at, attempts, claim_id, claimed_until,
        last_error)
    server: SELECT, INSERT, UPDATE, DELETE
collection_progress
    people: SELECT
current_results
    people: SELECT
database_logins
deleted_ids
execution_locks
    pipeline: SELECT, INSERT, UPDATE
maintenance_findings
    pipeline: SELECT, INSERT, DELETE
    server: SELECT, INSERT, UPDATE, DELETE
notification_channels
    people: SELECT (id, user_id, kind, url_host, is_active, kinds, quiet_from, quiet_until,
        created_at), INSERT (id, user_id, kind, url, secret, is_active, kinds, quiet_from,
        quiet_until), UPDATE (url, secret, is_active, kinds, quiet_from, quiet_until)
    API alone: DELETE
    pipeline: SELECT
    server: INSERT, UPDATE, DELETE, SELECT (id, user_id, kind, url_host, is_active, kinds,
        quiet_from, quiet_until, created_at)
notifications
    people: SELECT (id, user_id, kind, happened_at, details, status, sending_started_at,
        created_at)
    pipeline: SELECT, DELETE, UPDATE (status, next_try_at, attempts, claim_id, claimed_until,
        message_id, is_digest, sending_started_at, last_error)
    server: SELECT, INSERT, UPDATE, DELETE
public_asin_list_items
    people: SELECT
public_asin_lists
    people: SELECT
public_query_templates
    people: SELECT
query_templates
    people: SELECT, INSERT (id, name, description, category, sql_template, parameters, tags,
        difficulty_level, estimated_runtime, author_id, is_public), UPDATE (name, description,
        category, sql_template, parameters, tags, difficulty_level, estimated_runtime,
        is_public)
    API alone: DELETE
    server: SELECT, INSERT, UPDATE, DELETE
recomamp_migrations
reconciliations
    people: SELECT
    pipeline: SELECT, INSERT, DELETE
    server: SELECT, INSERT, UPDATE, DELETE
report_data_collections
    people: SELECT, INSERT (id, name, description, workflow_id, instance_id, user_id,
        start_date, end_date, parameters, status, late_after), UPDATE (name, description,
        workflow_id, instance_id, start_date, end_date, parameters, status, late_after)
    API alone: DELETE
    pipeline: SELECT, UPDATE (status, estimated_completion, updated_at, started_at,
        completed_at)
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
report_data_weeks
    people: SELECT
    pipeline: SELECT, UPDATE (execution_id, status, error_message, retry_count,
        execution_duration, result_rows, result_size_bytes, updated_at, started_at,
        completed_at)
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
result_check_outcomes
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
result_checks
    people: SELECT, INSERT (id, user_id, workflow_id, schedule_id, name, measure, column_name,
        key_columns, comparison, threshold, compared_with, severity, rearm_after, is_active),
        UPDATE (workflow_id, schedule_id, name, measure, column_name, key_columns, comparison,
        threshold, compared_with, severity, rearm_after, is_active)
    API alone: DELETE
    pipeline: SELECT, UPDATE (created_at)
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
result_difference_columns
    people: SELECT
    pipeline: INSERT
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
result_difference_rows
    people: SELECT
    pipeline: INSERT
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
result_differences
    people: SELECT
    pipeline: SELECT, INSERT, DELETE
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
result_versions
    people: SELECT
run_requests
    people: SELECT, INSERT (id, user_id, action, schedule_id, collection_id, execution_id,
        dag_run_id, window_start, window_end, from_date, to_date, reprocess_behavior,
        parameters)
    pipeline: SELECT, DELETE, INSERT (user_id, action, schedule_id, collection_id, window_start,
        window_end, restate_age_days), UPDATE (dag_run_id, status, reason, dag_id, backfill_id,
        accepted_at, completed_at, attempts, next_try_at, claim_id, claimed_until,
        last_backfill_id, last_week)
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
schedule_runs
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
user_guide_favorites
    people: SELECT, INSERT (id, user_id, guide_id)
    API alone: DELETE
    server: SELECT, INSERT, UPDATE, DELETE
user_guide_progress
    people: SELECT, INSERT (id, user_id, guide_id, current_section, completed_sections,
        progress_percentage, status, started_at, completed_at, last_accessed_at), UPDATE
        (current_section, completed_sections, progress_percentage, status, started_at,
        completed_at, last_accessed_at)
    API alone: DELETE
    server: SELECT, INSERT, UPDATE, DELETE
user_quotas
    people: SELECT
    pipeline: SELECT (user_id, max_open_restatements)
users
    people: SELECT (id, email, full_name, avatar_url, amazon_user_id, token_expires_at,
        timezone, email_notifications, created_at, updated_at, last_login_at, is_active,
        consent_revoked_at, consent_error), UPDATE (full_name, avatar_url, timezone,
        email_notifications)
    pipeline: SELECT, UPDATE (encrypted_access_token, encrypted_refresh_token, token_expires_at,
        updated_at, consent_revoked_at, consent_error)
    console: SELECT (id, email)
    server: SELECT, INSERT, UPDATE, DELETE
workflow_dry_runs
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
workflow_executions
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
workflow_findings
    people: SELECT
    pipeline: SELECT, INSERT, UPDATE, DELETE
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
workflow_schedules
    people: SELECT, INSERT (id, name, description, cron_expression, timezone, workflow_id,
        user_id, is_active, next_run_at, parameters, paused_at, late_after, result_contract,
        notify_on_success, attach_results), UPDATE (name, description, cron_expression,
        timezone, workflow_id, is_active, parameters, paused_at, late_after, result_contract,
        notify_on_success, attach_results)
    API alone: DELETE
    pipeline: SELECT, UPDATE (next_run_at, last_run_at, last_run_status, updated_at,
        last_run_due_at)
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
workflows
    people: SELECT, INSERT (id, name, description, sql_query, user_id, instance_id, template_id,
        parameters, tags, is_public, result_contract, result_contract_accepted_at,
        privacy_filtering, counts_hidden_rows, disable_aggregation_controls), UPDATE (name,
        description, sql_query, instance_id, template_id, parameters, tags, is_public,
        result_contract, result_contract_accepted_at, privacy_filtering, counts_hidden_rows,
        disable_aggregation_controls)
    API alone: DELETE
    pipeline: SELECT
    console: SELECT
    server: SELECT, INSERT, UPDATE, DELETE
"""

# Functions that somebody other than the owner may call; all others are the owner's alone.
FUNCTIONS = {
    "analyze_table(text)": {PIPELINE},
    "collection_week_due_at(date,jsonb)": {*PEOPLE, CONSOLE},
    "current_user_id()": {*PEOPLE, PIPELINE, CONSOLE},
    "delete_own_row(text,uuid)": {*PEOPLE},
    "is_restatement_stopped(integer[],numeric,timestamp with time zone,timestamp with time zone,"
    "timestamp with time zone,numeric)": {*PEOPLE, PIPELINE},
    "progress_of_collections()": {*PEOPLE},
    "restatement_plan(jsonb,integer)": {*PEOPLE, PIPELINE},
    "result_rows(uuid,integer,integer)": {*PEOPLE, CONSOLE},
    "results_as_of(timestamp with time zone)": {*PEOPLE, PIPELINE},
    "schedule_preview(uuid,integer)": {*PEOPLE},
    "schedule_preview_for(text,text,jsonb,integer,timestamp with time zone)": {*PEOPLE, CONSOLE},
    "is_quiet_time(time without time zone,time without time zone,text,timestamp with time zone)": {
        PIPELINE
    },
    "record_late_weeks()": {PIPELINE},
    "record_late_windows()": {PIPELINE},
    "slow_queries(double precision)": {PIPELINE},
    "unused_indexes(bigint)": {PIPELINE},
    "versions_of_results()": {*PEOPLE},
    "withdraw_loaded_windows()": {PIPELINE},
}

# The planner puts these into the statement that calls them, which a SET clause would prevent. They
# have their caller's rights
INLINED = {
    "progress_of_collections()",
    "results_as_of(timestamp with time zone)",
    "versions_of_results()",
}

_VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_COLUMN_VERBS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
_WIDTH = 96


@pytest.fixture
def catalog(supabase: Supabase) -> Database:
    """Provide the database in the superuser's hands."""
    return supabase.database()


def relations(catalog: Database, kinds: str) -> list[str]:
    return [
        row["relname"]
        for row in catalog.query(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE"
            " AND relkind::TEXT = ANY (string_to_array(%s, NULL)) ORDER BY relname",
            [kinds],
        )
    ]


def rights(catalog: Database, role: str, relation: str) -> str:
    """Describe what a role may do with a relation: 'SELECT, UPDATE (name, tags)'."""
    maintain = (
        ("MAINTAIN",)
        if catalog.query("SHOW server_version_num")[0]["server_version_num"] >= "170000"
        else ()
    )
    found = catalog.query(
        "SELECT verb FROM unnest(%s) WITH ORDINALITY AS verbs (verb, place)"
        " WHERE has_table_privilege(%s, %s, verb) ORDER BY place",
        [[*_VERBS, *maintain], role, f"public.{relation}"],
    )
    whole = [row["verb"] for row in found]
    by_column = catalog.query(
        """
        SELECT verb, string_agg(attname, ', ' ORDER BY attnum) AS columns
        FROM unnest(%s) WITH ORDINALITY AS verbs (verb, place)
        CROSS JOIN pg_attribute
        WHERE attrelid = %s::REGCLASS AND attnum > 0 AND NOT attisdropped
          AND has_column_privilege(%s, attrelid, attnum, verb)
        GROUP BY verb, place ORDER BY place
        """,
        [[verb for verb in _COLUMN_VERBS if verb not in whole], f"public.{relation}", role],
    )
    return ", ".join([*whole, *(f"{row['verb']} ({row['columns']})" for row in by_column)])


def describe(catalog: Database) -> str:
    """Write the rights that are held as RELATIONS writes them."""
    lines = []
    for relation in relations(catalog, "rvmpf"):
        lines.append(relation)
        people, api = rights(catalog, ANALYST, relation), rights(catalog, API, relation)
        if api_alone := api != people:
            held_by_column = people.startswith("SELECT (")
            expected = (
                f"DELETE, {people}"
                if held_by_column
                else people.replace("SELECT", "SELECT, DELETE", 1)
            )
            assert api == expected, relation
        held = {
            "people": people,
            "API alone": "DELETE" if api_alone else "",
            "pipeline": rights(catalog, PIPELINE, relation),
            "console": rights(catalog, CONSOLE, relation),
            "server": rights(catalog, SERVER, relation),
        }
        for holder, text in held.items():
            lines += textwrap.wrap(
                f"{holder}: {text}" if text else "",
                width=_WIDTH,
                initial_indent="    ",
                subsequent_indent="        ",
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def test_every_right_on_every_relation_is_the_tables(catalog: Database) -> None:
    assert describe(catalog) == RELATIONS.strip("\n")


@pytest.mark.parametrize("role", NOBODY)
def test_who_is_not_signed_in_has_no_right_on_anything(catalog: Database, role: str) -> None:
    for relation in relations(catalog, "rvmpf"):
        assert rights(catalog, role, relation) == "", relation
    assert functions_of(catalog, role) == set()


@pytest.mark.parametrize("role", [ANALYST, CONSOLE, *NOBODY])
def test_an_sql_login_of_people_locks_no_table(catalog: Database, role: str) -> None:
    """Any of these modes would make other tenants or the pipeline wait."""
    modes = (
        "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
        "EXCLUSIVE", "ACCESS EXCLUSIVE",
    )  # fmt: skip
    connection = catalog.connect(role)
    with connection.cursor() as cursor:
        for relation in relations(catalog, "rv"):
            for mode in modes:
                with pytest.raises(InsufficientPrivilege):
                    cursor.execute(f"LOCK TABLE public.{relation} IN {mode} MODE")
                connection.rollback()


def test_sequences_are_the_owners_alone(catalog: Database) -> None:
    for sequence in relations(catalog, "S"):
        for role in (*PEOPLE, PIPELINE, CONSOLE, SERVER, *NOBODY):
            held = catalog.query(
                "SELECT has_sequence_privilege(%s, %s, 'SELECT, UPDATE, USAGE') AS held",
                [role, f"public.{sequence}"],
            )
            assert held == [{"held": False}], (sequence, role)


def functions_of(catalog: Database, role: str) -> set[str]:
    return {
        row["signature"]
        for row in catalog.query(
            "SELECT oid::REGPROCEDURE::TEXT AS signature FROM pg_proc"
            " WHERE pronamespace = 'public'::REGNAMESPACE"
            " AND has_function_privilege(%s, oid, 'EXECUTE')",
            [role],
        )
    }


def test_functions_are_called_by_who_needs_them(catalog: Database) -> None:
    for role in (*PEOPLE, PIPELINE, CONSOLE, SERVER):
        expected = {name for name, callers in FUNCTIONS.items() if role in callers}
        assert functions_of(catalog, role) == expected, role


def test_every_function_has_a_search_path_that_nobody_can_write_to(catalog: Database) -> None:
    unsafe = catalog.query(
        "SELECT oid::REGPROCEDURE::TEXT AS signature FROM pg_proc"
        " WHERE pronamespace = 'public'::REGNAMESPACE"
        " AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)"
    )
    assert {row["signature"] for row in unsafe} == INLINED


def test_a_function_without_a_search_path_has_its_callers_rights_and_names_schemas(
    catalog: Database,
) -> None:
    found = catalog.query(
        "SELECT prosecdef, prosrc FROM pg_proc"
        " WHERE pronamespace = 'public'::REGNAMESPACE AND oid::REGPROCEDURE::TEXT = ANY (%s)",
        [sorted(INLINED)],
    )
    assert len(found) == len(INLINED)
    for row in found:
        assert not row["prosecdef"]
        named = re.findall(r"\b(?:(?<!EPOCH )FROM|JOIN)\s+(?!LATERAL|\()([\w.]+)", row["prosrc"])
        assert named
        assert {name.partition(".")[0] for name in named} == {"public"}


def test_types_are_the_owners_alone(catalog: Database) -> None:
    held = catalog.query(
        """
        SELECT typname, rolname
        FROM pg_type CROSS JOIN pg_roles
        WHERE typnamespace = 'public'::REGNAMESPACE
          AND NOT EXISTS (
              SELECT FROM pg_class WHERE pg_class.oid = typrelid AND relkind <> 'c'
          )
          AND typelem = 0
          AND rolname = ANY (%s)
          AND has_type_privilege(rolname, pg_type.oid, 'USAGE')
        """,
        [[*PEOPLE, PIPELINE, CONSOLE, SERVER, *NOBODY]],
    )
    assert held == []


def test_nobody_else_creates_objects_in_the_schema(catalog: Database) -> None:
    held = catalog.query(
        "SELECT rolname FROM pg_roles WHERE NOT rolsuper"
        " AND has_schema_privilege(rolname, 'public', 'CREATE') AND rolname NOT LIKE 'pg\\_%%'"
    )
    assert held == [{"rolname": OWNER}]


def test_what_the_owner_makes_later_is_closed(supabase: Supabase, catalog: Database) -> None:
    """A migration that forgets the rights of its objects gives none away."""
    connection = supabase.connect(OWNER)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE public.later (id BIGINT GENERATED ALWAYS AS IDENTITY);"
            "CREATE FUNCTION public.later() RETURNS INTEGER LANGUAGE sql AS 'SELECT 1';"
            "SELECT rolname FROM pg_roles"
            " WHERE rolname IN ('anon', 'authenticated', 'service_role', 'recomamp_analyst')"
            " AND (has_table_privilege(rolname, 'public.later', 'SELECT, INSERT, TRUNCATE')"
            " OR has_sequence_privilege(rolname, 'public.later_id_seq', 'USAGE, UPDATE')"
            " OR has_function_privilege(rolname, 'public.later()', 'EXECUTE'))"
        )
        assert cursor.fetchall() == []
    connection.rollback()
    connection.close()


def migrate_again(supabase: Supabase) -> list[str]:
    """Run the migrations once more and return the warnings."""
    connection = supabase.connect(OWNER)
    migrate(connection)
    warnings = list(connection.notices)
    connection.close()
    return warnings


def test_rights_given_by_hand_are_gone_after_the_next_run(
    supabase: Supabase, catalog: Database
) -> None:
    catalog.query(
        "GRANT ALL ON users TO anon; GRANT SELECT (email) ON users TO PUBLIC;"
        "GRANT SELECT ON users TO authenticator;"
        "GRANT SELECT ON workflows TO service_role WITH GRANT OPTION;"
        "SET ROLE service_role; GRANT SELECT ON workflows TO anon; RESET ROLE"
    )
    migrate_again(supabase)

    for role in NOBODY:
        assert (rights(catalog, role, "users"), rights(catalog, role, "workflows")) == ("", "")
    assert describe(catalog) == RELATIONS.strip("\n")


def test_rights_of_a_role_of_the_operators_stay_and_are_named(
    supabase: Supabase, catalog: Database
) -> None:
    catalog.query("CREATE ROLE reports; GRANT SELECT, TRUNCATE ON workflows TO reports")
    try:
        warnings = migrate_again(supabase)

        assert rights(catalog, "reports", "workflows") == "SELECT"
        assert any("workflows: role reports has rights" in warning for warning in warnings)
    finally:
        catalog.query("DROP OWNED BY reports; DROP ROLE reports")


def test_a_table_that_was_opened_by_hand_is_closed_and_named(
    supabase: Supabase, catalog: Database
) -> None:
    catalog.query(
        "ALTER TABLE workflows DISABLE ROW LEVEL SECURITY;"
        "CREATE POLICY everybody ON users FOR SELECT USING (true)"
    )
    try:
        warnings = migrate_again(supabase)

        closed = catalog.query("SELECT relrowsecurity FROM pg_class WHERE relname = 'workflows'")
        assert closed == [{"relrowsecurity": True}]
        assert any("workflows: row level security was off" in warning for warning in warnings)
        assert any("users: policy everybody" in warning for warning in warnings)
    finally:
        catalog.query("DROP POLICY everybody ON users")


def test_objects_of_the_application_keep_their_rights(
    supabase: Supabase, catalog: Database
) -> None:
    catalog.query(
        "CREATE TABLE theirs (id INTEGER); GRANT SELECT ON theirs TO recomamp_analyst;"
        "CREATE PROCEDURE act() LANGUAGE sql AS 'SELECT';"
        "GRANT EXECUTE ON PROCEDURE act() TO recomamp_analyst;"
        f"SET ROLE {OWNER}; CREATE FUNCTION counter(INTEGER) RETURNS INTEGER LANGUAGE sql"
        " AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION counter(INTEGER) TO anon; RESET ROLE"
    )
    try:
        migrate_again(supabase)

        assert rights(catalog, "recomamp_analyst", "theirs") == "SELECT"
        assert rights(catalog, "authenticated", "theirs") == ""
        assert functions_of(catalog, "anon") == {"counter(integer)", "act()"}
    finally:
        catalog.query("DROP TABLE theirs; DROP PROCEDURE act(); DROP FUNCTION counter(INTEGER)")
