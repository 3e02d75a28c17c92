"""Everything that the schema document names is there, under its name."""

from __future__ import annotations

import pytest

from fixtures.postgres import Database

# Columns as the document writes them; NOT NULL only where it says so (or by PRIMARY KEY).
TABLES = {
    "users": """
        id UUID NOT NULL
        email TEXT NOT NULL
        full_name TEXT
        avatar_url TEXT
        amazon_user_id TEXT
        encrypted_access_token TEXT
        encrypted_refresh_token TEXT
        token_expires_at TIMESTAMPTZ
        timezone TEXT
        email_notifications BOOLEAN
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
        last_login_at TIMESTAMPTZ
        is_active BOOLEAN
    """,
    "amc_accounts": """
        id UUID NOT NULL
        account_id TEXT NOT NULL
        account_name TEXT NOT NULL
        advertiser_id TEXT
        profile_id TEXT
        country_code TEXT
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
    """,
    "amc_instances": """
        id UUID NOT NULL
        instance_id TEXT NOT NULL
        name TEXT NOT NULL
        description TEXT
        region TEXT
        user_id UUID NOT NULL
        account_id UUID NOT NULL
        is_active BOOLEAN
        health_status TEXT
        health_error TEXT
        last_health_check TIMESTAMPTZ
        campaigns_last_sync TIMESTAMPTZ
        schema_last_sync TIMESTAMPTZ
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
    """,
    "workflows": """
        id UUID NOT NULL
        name TEXT NOT NULL
        description TEXT
        sql_query TEXT NOT NULL
        user_id UUID NOT NULL
        instance_id UUID NOT NULL
        template_id UUID
        parameters JSONB
        tags TEXT[]
        is_public BOOLEAN
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
        last_executed_at TIMESTAMPTZ
    """,
    "workflow_executions": """
        id UUID NOT NULL
        amc_execution_id TEXT
        workflow_id UUID NOT NULL
        user_id UUID NOT NULL
        status TEXT NOT NULL
        parameters JSONB
        result_data JSONB
        result_rows INTEGER
        result_size_bytes BIGINT
        execution_duration INTEGER
        error_message TEXT
        error_type TEXT
        retry_count INTEGER
        next_retry_at TIMESTAMPTZ
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
        started_at TIMESTAMPTZ
        completed_at TIMESTAMPTZ
    """,
    "workflow_schedules": """
        id UUID NOT NULL
        name TEXT NOT NULL
        description TEXT
        cron_expression TEXT NOT NULL
        timezone TEXT
        workflow_id UUID NOT NULL
        user_id UUID NOT NULL
        is_active BOOLEAN
        next_run_at TIMESTAMPTZ NOT NULL
        parameters JSONB
        total_runs INTEGER
        successful_runs INTEGER
        failed_runs INTEGER
        last_run_at TIMESTAMPTZ
        last_run_status TEXT
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
        paused_at TIMESTAMPTZ
    """,
    "schedule_runs": """
        id UUID NOT NULL
        schedule_id UUID NOT NULL
        execution_id UUID
        status TEXT NOT NULL
        error_message TEXT
        duration_seconds INTEGER
        created_at TIMESTAMPTZ
    """,
    "report_data_collections": """
        id UUID NOT NULL
        name TEXT NOT NULL
        description TEXT
        workflow_id UUID NOT NULL
        instance_id UUID NOT NULL
        user_id UUID NOT NULL
        start_date DATE NOT NULL
        end_date DATE NOT NULL
        parameters JSONB
        status TEXT
        total_weeks INTEGER
        completed_weeks INTEGER
        failed_weeks INTEGER
        progress_percentage DECIMAL(5,2)
        estimated_completion TIMESTAMPTZ
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
        started_at TIMESTAMPTZ
        completed_at TIMESTAMPTZ
    """,
    "report_data_weeks": """
        id UUID NOT NULL
        collection_id UUID NOT NULL
        execution_id UUID
        week_start_date DATE NOT NULL
        week_end_date DATE NOT NULL
        week_number INTEGER
        status TEXT
        error_message TEXT
        retry_count INTEGER
        execution_duration INTEGER
        result_rows INTEGER
        result_size_bytes BIGINT
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
        started_at TIMESTAMPTZ
        completed_at TIMESTAMPTZ
    """,
    "campaigns": """
        id UUID NOT NULL
        campaign_id TEXT NOT NULL
        name TEXT NOT NULL
        campaign_type TEXT NOT NULL
        state TEXT NOT NULL
        instance_id UUID NOT NULL
        user_id UUID NOT NULL
        impressions BIGINT
        clicks BIGINT
        spend DECIMAL(10,2)
        sales DECIMAL(10,2)
        acos DECIMAL(5,2)
        roas DECIMAL(5,2)
        start_date DATE
        end_date DATE
        budget DECIMAL(10,2)
        budget_type TEXT
        targeting_type TEXT
        portfolio_id TEXT
        last_sync_at TIMESTAMPTZ
        performance_updated_at TIMESTAMPTZ
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
    """,
    "asins": """
        id UUID NOT NULL
        asin TEXT NOT NULL
        user_id UUID NOT NULL
        title TEXT
        brand TEXT
        category TEXT
        image_url TEXT
        price DECIMAL(10,2)
        sales_rank INTEGER
        review_count INTEGER
        average_rating DECIMAL(2,1)
        tags TEXT[]
        notes TEXT
        is_active BOOLEAN
        parent_asin TEXT
        variation_theme TEXT
        dimensions JSONB
        weight DECIMAL(8,3)
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
        last_validated_at TIMESTAMPTZ
    """,
    "asin_lists": """
        id UUID NOT NULL
        name TEXT NOT NULL
        description TEXT
        user_id UUID NOT NULL
        category TEXT
        tags TEXT[]
        is_public BOOLEAN
        asin_count INTEGER
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
    """,
    "asin_list_items": """
        id UUID NOT NULL
        list_id UUID NOT NULL
        asin_id UUID NOT NULL
        position INTEGER NOT NULL
        notes TEXT
        added_at TIMESTAMPTZ
        added_by UUID
    """,
    "amc_data_sources": """
        id UUID NOT NULL
        name TEXT NOT NULL
        display_name TEXT NOT NULL
        description TEXT
        category TEXT NOT NULL
        table_type TEXT
        data_freshness TEXT
        grain TEXT
        documentation_url TEXT
        example_queries TEXT[]
        is_active BOOLEAN
        deprecated_at TIMESTAMPTZ
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
    """,
    "amc_schema_fields": """
        id UUID NOT NULL
        data_source_id UUID NOT NULL
        field_name TEXT NOT NULL
        data_type TEXT NOT NULL
        description TEXT
        is_nullable BOOLEAN
        is_primary_key BOOLEAN
        is_foreign_key BOOLEAN
        max_length INTEGER
        valid_values TEXT[]
        examples TEXT[]
        notes TEXT
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
    """,
    "query_templates": """
        id UUID NOT NULL
        name TEXT NOT NULL
        description TEXT
        category TEXT NOT NULL
        sql_template TEXT NOT NULL
        parameters JSONB
        tags TEXT[]
        difficulty_level TEXT
        estimated_runtime TEXT
        usage_count INTEGER
        last_used_at TIMESTAMPTZ
        author_id UUID
        is_official BOOLEAN
        is_public BOOLEAN
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
    """,
    "build_guides": """
        id UUID NOT NULL
        title TEXT NOT NULL
        description TEXT
        category TEXT NOT NULL
        difficulty_level TEXT
        estimated_time INTEGER
        prerequisites TEXT[]
        section_count INTEGER
        query_count INTEGER
        completion_count INTEGER
        favorite_count INTEGER
        is_published BOOLEAN
        created_at TIMESTAMPTZ
        updated_at TIMESTAMPTZ
    """,
    "user_guide_progress": """
        id UUID NOT NULL
        user_id UUID NOT NULL
        guide_id UUID NOT NULL
        current_section INTEGER
        completed_sections INTEGER[]
        progress_percentage DECIMAL(5,2)
        status TEXT
        started_at TIMESTAMPTZ
        completed_at TIMESTAMPTZ
        last_accessed_at TIMESTAMPTZ
    """,
}

INDEXES = """
    idx_users_email users
    idx_users_amazon_user_id users
    idx_users_active users
    idx_amc_accounts_account_id amc_accounts unique
    idx_amc_instances_user_id amc_instances
    idx_amc_instances_active amc_instances
    idx_amc_instances_instance_id amc_instances unique
    idx_workflows_user_id workflows
    idx_workflows_instance_id workflows
    idx_workflows_last_executed workflows
    idx_workflows_tags workflows
    idx_workflow_executions_workflow_id workflow_executions
    idx_workflow_executions_user_id workflow_executions
    idx_workflow_executions_status workflow_executions
    idx_workflow_executions_created_at workflow_executions
    idx_workflow_executions_amc_id workflow_executions
    idx_workflow_schedules_workflow_id workflow_schedules
    idx_workflow_schedules_user_id workflow_schedules
    idx_workflow_schedules_next_run workflow_schedules
    idx_schedule_runs_schedule_id schedule_runs
    idx_schedule_runs_created_at schedule_runs
    idx_data_collections_workflow_id report_data_collections
    idx_data_collections_instance_id report_data_collections
    idx_data_collections_user_id report_data_collections
    idx_data_collections_status report_data_collections
    idx_data_weeks_collection_id report_data_weeks
    idx_data_weeks_execution_id report_data_weeks
    idx_data_weeks_status report_data_weeks
    idx_data_weeks_dates report_data_weeks
    idx_campaigns_campaign_id_instance campaigns unique
    idx_campaigns_instance_id campaigns
    idx_campaigns_user_id campaigns
    idx_campaigns_state campaigns
    idx_campaigns_type campaigns
    idx_asins_asin_user asins unique
    idx_asins_user_id asins
    idx_asins_brand asins
    idx_asins_category asins
    idx_asins_tags asins
    idx_asins_active asins
    idx_asin_lists_user_id asin_lists
    idx_asin_lists_category asin_lists
    idx_asin_lists_public asin_lists
    idx_asin_list_items_unique asin_list_items unique
    idx_asin_list_items_list_id asin_list_items
    idx_amc_data_sources_name amc_data_sources unique
    idx_amc_data_sources_category amc_data_sources
    idx_amc_data_sources_active amc_data_sources
    idx_amc_schema_fields_data_source amc_schema_fields
    idx_amc_schema_fields_name amc_schema_fields
    idx_amc_schema_fields_unique amc_schema_fields unique
    idx_query_templates_category query_templates
    idx_query_templates_tags query_templates
    idx_query_templates_usage query_templates
    idx_query_templates_public query_templates
    idx_build_guides_category build_guides
    idx_build_guides_difficulty build_guides
    idx_build_guides_published build_guides
    idx_user_guide_progress_unique user_guide_progress unique
    idx_user_guide_progress_user user_guide_progress
    idx_user_guide_progress_guide user_guide_progress
    idx_workflow_executions_user_status workflow_executions
    idx_campaigns_instance_type campaigns
    idx_data_weeks_collection_status report_data_weeks
    idx_schedules_active_next_run workflow_schedules
    idx_workflows_parameters workflows
    idx_executions_result_data workflow_executions
"""

CONSTRAINTS = {
    "fk_execution_user_workflow": ("workflow_executions", "f"),
    "fk_schedule_user_workflow": ("workflow_schedules", "f"),
    "fk_collection_user_workflow": ("report_data_collections", "f"),
    "chk_execution_status": ("workflow_executions", "c"),
    "chk_collection_status": ("report_data_collections", "c"),
    "chk_progress_percentage": ("report_data_collections", "c"),
    "chk_asin_format": ("asins", "c"),
}

TRIGGERS = {
    "trigger_update_workflow_execution_count": (
        "workflow_executions",
        "update_workflow_execution_count",
        "AFTER INSERT",
    ),
    "trigger_calculate_collection_progress": (
        "report_data_weeks",
        "calculate_collection_progress",
        "AFTER INSERT OR DELETE OR UPDATE",
    ),
}

POLICIES = {
    "workflows_user_access": "workflows",
    "executions_user_access": "workflow_executions",
    "instances_user_access": "amc_instances",
}

TYPES = {
    "UUID": "uuid",
    "TEXT": "text",
    "TEXT[]": "text[]",
    "INTEGER": "integer",
    "INTEGER[]": "integer[]",
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "JSONB": "jsonb",
    "TIMESTAMPTZ": "timestamp with time zone",
}


def type_name(word: str) -> str:
    """Translate the document's word for a type into what Postgres calls it."""
    return TYPES.get(word) or word.replace("DECIMAL", "numeric").lower()


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_there_with_its_type(database: Database, table: str) -> None:
    columns = database.query(
        """
        SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull
        FROM pg_attribute
        WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
        """,
        [table],
    )
    found = {row["attname"]: (row["type"], row["attnotnull"]) for row in columns}

    for line in TABLES[table].strip().splitlines():
        name, word, *required = line.split()
        assert found[name] == (type_name(word), bool(required)), name


@pytest.mark.parametrize("line", INDEXES.strip().splitlines())
def test_every_index_is_there(database: Database, line: str) -> None:
    name, table, *unique = line.split()

    indexes = database.query(
        """
        SELECT indrelid::regclass::TEXT AS table, indisunique, indisvalid
        FROM pg_index WHERE indexrelid = %s::regclass
        """,
        [name],
    )

    assert indexes == [{"table": table, "indisunique": bool(unique), "indisvalid": True}]


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_every_constraint_is_there(database: Database, name: str) -> None:
    constraints = database.query(
        """
        SELECT conrelid::regclass::TEXT AS table, contype::TEXT AS kind, convalidated AS valid
        FROM pg_constraint WHERE conname = %s
        """,
        [name],
    )

    table, kind = CONSTRAINTS[name]
    assert constraints == [{"table": table, "kind": kind, "valid": True}]


@pytest.mark.parametrize("name", TRIGGERS)
def test_every_trigger_and_its_function_are_there(database: Database, name: str) -> None:
    table, function, when = TRIGGERS[name]
    definition = database.query(
        "SELECT pg_get_triggerdef(oid) AS text FROM pg_trigger WHERE tgname = %s", [name]
    )[0]["text"]

    assert f" {when} ON public.{table} FOR EACH ROW EXECUTE FUNCTION {function}()" in definition


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_there(database: Database, name: str) -> None:
    policies = database.query(
        "SELECT tablename, cmd, roles::TEXT FROM pg_policies WHERE policyname = %s", [name]
    )

    # Instances are entered by the application: a policy of its own lets their users rename them
    command = "SELECT" if name == "instances_user_access" else "ALL"
    assert policies == [{"tablename": POLICIES[name], "cmd": command, "roles": "{public}"}]


@pytest.mark.parametrize(
    "table", ["workflows", "workflow_executions", "amc_instances", "campaigns"]
)
def test_row_level_security_is_on_where_the_document_asks(database: Database, table: str) -> None:
    rows = database.query("SELECT relrowsecurity FROM pg_class WHERE relname = %s", [table])

    assert rows == [{"relrowsecurity": True}]


def test_the_function_that_names_the_signed_in_user_is_there(database: Database) -> None:
    assert database.query("SELECT auth.uid() AS uid") == [{"uid": None}]


def test_a_full_result_fits_the_index_on_results(database: Database) -> None:
    # 4 MiB of JSON, with a text longer than a page and many distinct values.
    database.query(
        """
        INSERT INTO users (email) VALUES ('a@example.com');
        INSERT INTO amc_accounts (account_id, account_name) VALUES ('ENTITY', 'A');
        INSERT INTO amc_instances (instance_id, name, user_id, account_id)
            SELECT 'amc', 'I', users.id, amc_accounts.id FROM users, amc_accounts;
        INSERT INTO workflows (name, sql_query, user_id, instance_id)
            SELECT 'W', 'SELECT 1', user_id, id FROM amc_instances;
        INSERT INTO workflow_executions (workflow_id, user_id, result_data)
            SELECT id, user_id, jsonb_build_object('data', (
                SELECT jsonb_agg(jsonb_build_object(
                    'index', row, 'campaign', repeat('x', 330) || row, 'id', md5(row::TEXT)
                )) || jsonb_build_array(repeat('long', 50000))
                FROM generate_series(1, 10000) AS row
            ))
            FROM workflows;
        """
    )

    found = database.query(
        """
        SELECT length(result_data::TEXT) AS characters FROM workflow_executions
        WHERE result_data @> '{"data": [{"index": 10000}]}'
        """
    )
    assert found[0]["characters"] > 4 * 1024 * 1024


def test_slow_queries_are_reported_where_they_are_recorded(fresh_database: Database) -> None:
    assert fresh_database.query("SELECT * FROM slow_queries()") == []

    fresh_database.query(
        """
        CREATE TABLE pg_stat_statements AS
        SELECT * FROM (VALUES
            ('SELECT 1'::TEXT, 5000::DOUBLE PRECISION, 2::BIGINT, 10000::DOUBLE PRECISION),
            ('SELECT 2', 5, 1, 5)
        ) AS recorded (query, mean_exec_time, calls, total_exec_time)
        """
    )
    reported = fresh_database.query("SELECT query FROM slow_queries(1000)")
    assert reported == [{"query": "SELECT 1"}]
