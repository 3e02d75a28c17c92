-- Two group roles without login; people and services are made members of them.
--
--   recomamp_analyst   sees and edits what row level security calls the user's own; never a token
--   recomamp_pipeline  what Airflow needs: reads definitions, writes executions and their books
--
-- Rights are given column by column where a row mixes what the user decides with what the pipeline
-- finds out. The application goes on with the role it has.
DO $$
DECLARE
    group_role TEXT;
BEGIN
    FOREACH group_role IN ARRAY ARRAY['recomamp_analyst', 'recomamp_pipeline'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = group_role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', group_role);
        EXCEPTION
            -- Roles belong to the whole server: another database's migration was quicker.
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION
                    'role % is missing and % may not create it; as an administrator run'
                    ' CREATE ROLE % NOLOGIN and migrate again',
                    group_role, current_user, group_role
                    USING ERRCODE = 'insufficient_privilege';
        END;
    END LOOP;
END;
$$;

GRANT USAGE ON SCHEMA public TO recomamp_analyst, recomamp_pipeline;

-- Who is signed in. On Supabase the schema is not ours to give away, and open to all already.
DO $$
BEGIN
    IF NOT has_schema_privilege('recomamp_analyst', 'auth', 'USAGE')
        OR NOT has_schema_privilege('recomamp_pipeline', 'auth', 'USAGE')
    THEN
        GRANT USAGE ON SCHEMA auth TO recomamp_analyst, recomamp_pipeline;
    END IF;
END;
$$;

-- Reached through triggers only. They run with the owner's rights, so nobody may call them directly.
REVOKE EXECUTE ON FUNCTION refresh_collection_progress(UUID) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION cut_weeks(UUID, DATE, DATE) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION add_to_schedule_counters(UUID, INTEGER, INTEGER, INTEGER) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION require_own_workflow(TEXT, UUID, UUID) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION require_own_instance(TEXT, UUID, UUID) FROM PUBLIC;


-- Analysts: the columns of users without encrypted_access_token and encrypted_refresh_token.
GRANT SELECT (
    id, email, full_name, avatar_url, amazon_user_id, token_expires_at, timezone,
    email_notifications, created_at, updated_at, last_login_at, is_active
) ON users TO recomamp_analyst;
GRANT UPDATE (full_name, avatar_url, timezone, email_notifications) ON users TO recomamp_analyst;

GRANT SELECT ON
    amc_accounts, amc_instances, workflows, workflow_executions, workflow_schedules, schedule_runs,
    report_data_collections, report_data_weeks, campaigns, asins, asin_lists, asin_list_items,
    amc_data_sources, amc_schema_fields, query_templates, build_guides, user_guide_progress
TO recomamp_analyst;

GRANT INSERT (id, instance_id, name, description, region, user_id, account_id, is_active, created_at)
    ON amc_instances TO recomamp_analyst;
GRANT UPDATE (name, description, region, is_active) ON amc_instances TO recomamp_analyst;

GRANT DELETE ON workflows, workflow_schedules, report_data_collections TO recomamp_analyst;

GRANT INSERT (
    id, name, description, sql_query, user_id, instance_id, template_id, parameters, tags, is_public,
    created_at
) ON workflows TO recomamp_analyst;
GRANT UPDATE (
    name, description, sql_query, instance_id, template_id, parameters, tags, is_public
) ON workflows TO recomamp_analyst;

GRANT INSERT (
    id, name, description, cron_expression, timezone, workflow_id, user_id, is_active, next_run_at,
    parameters, created_at, paused_at
) ON workflow_schedules TO recomamp_analyst;
GRANT UPDATE (
    name, description, cron_expression, timezone, workflow_id, is_active, next_run_at, parameters,
    paused_at
) ON workflow_schedules TO recomamp_analyst;

GRANT INSERT (
    id, name, description, workflow_id, instance_id, user_id, start_date, end_date, parameters,
    status, created_at
) ON report_data_collections TO recomamp_analyst;
GRANT UPDATE (
    name, description, workflow_id, instance_id, start_date, end_date, parameters, status
) ON report_data_collections TO recomamp_analyst;

GRANT INSERT, UPDATE, DELETE ON asins, asin_lists, asin_list_items, user_guide_progress
    TO recomamp_analyst;

GRANT DELETE ON query_templates TO recomamp_analyst;
GRANT INSERT (
    id, name, description, category, sql_template, parameters, tags, difficulty_level,
    estimated_runtime, author_id, is_public, created_at
) ON query_templates TO recomamp_analyst;
GRANT UPDATE (
    name, description, category, sql_template, parameters, tags, difficulty_level,
    estimated_runtime, is_public
) ON query_templates TO recomamp_analyst;


-- Pipeline: reads what defines a run, tokens included; writes them back when Amazon renews them.
-- An UPDATE right on one column is also what SELECT … FOR UPDATE asks for.
GRANT SELECT ON
    users, amc_accounts, amc_instances, workflows, workflow_executions, workflow_schedules,
    schedule_runs, report_data_collections, report_data_weeks, campaigns, amc_data_sources,
    amc_schema_fields
TO recomamp_pipeline;

GRANT UPDATE (encrypted_access_token, encrypted_refresh_token, token_expires_at, updated_at)
    ON users TO recomamp_pipeline;
GRANT UPDATE (updated_at) ON amc_accounts TO recomamp_pipeline;
GRANT UPDATE (
    health_status, health_error, last_health_check, campaigns_last_sync, schema_last_sync, updated_at
) ON amc_instances TO recomamp_pipeline;

GRANT INSERT, UPDATE, DELETE ON workflow_executions, schedule_runs TO recomamp_pipeline;
GRANT UPDATE (next_run_at, last_run_at, last_run_status, updated_at)
    ON workflow_schedules TO recomamp_pipeline;
GRANT UPDATE (status, estimated_completion, started_at, completed_at, updated_at)
    ON report_data_collections TO recomamp_pipeline;
GRANT UPDATE (
    execution_id, status, error_message, retry_count, execution_duration, result_rows,
    result_size_bytes, started_at, completed_at, updated_at
) ON report_data_weeks TO recomamp_pipeline;

GRANT INSERT, UPDATE, DELETE ON campaigns, amc_data_sources, amc_schema_fields
    TO recomamp_pipeline;
