-- Who may do what in the application's database. The whole of it: nothing else grants anything.
--
-- Every run of the migrations ends with this file, in one transaction. It takes all rights on
-- objects of ours from PUBLIC, Supabase's three API roles and our three groups, then gives the rights
-- below. So rights that a default of the server or an operator gave to one of these last until the
-- next run. Rights that other roles were given stay.
-- Which rows a role reaches is said by row level security; docs/explanation/security.md explains both.
--
--   recomamp_analyst   people with an SQL login of their own
--   authenticated      the same people through Supabase's API; has what recomamp_analyst has, and
--                      DELETE where an SQL login calls delete_own_row()
--   recomamp_pipeline  Airflow
--   recomamp_console   Airflow's API server: reads what the console shows, and writes as an analyst
--   service_role       the application's server on Supabase: reads and writes, and no more
--   anon               nobody is signed in: nothing
--   PUBLIC             nothing
--
-- Objects of the application that are not in these lists keep the rights they have.

-- The objects of ours. A function is named with the types of its arguments: another function of the
-- same name is somebody else's.
CREATE TEMPORARY TABLE our_relations AS
SELECT to_regclass('public.' || name) AS relation
FROM (VALUES
    ('amc_accounts'), ('amc_api_errors'), ('amc_data_sources'), ('amc_instance_data_sources'),
    ('amc_instances'), ('amc_schema_fields'), ('asin_list_items'), ('asin_lists'), ('asins'),
    ('build_guide_queries'), ('build_guide_sections'), ('build_guides'), ('campaign_performance'),
    ('campaign_reports'), ('campaigns'), ('channel_deliveries'), ('collection_progress'),
    ('current_results'), ('database_logins'), ('deleted_ids'), ('execution_locks'),
    ('maintenance_findings'),
    ('notification_channels'), ('notifications'), ('public_asin_list_items'), ('public_asin_lists'),
    ('public_query_templates'), ('query_templates'), ('recomamp_migrations'), ('reconciliations'),
    ('report_data_collections'), ('report_data_weeks'), ('result_check_outcomes'),
    ('result_checks'), ('result_difference_columns'), ('result_difference_rows'),
    ('result_differences'), ('result_versions'), ('run_requests'), ('schedule_runs'),
    ('user_guide_favorites'), ('user_guide_progress'), ('user_quotas'), ('users'),
    ('workflow_dry_runs'), ('workflow_executions'), ('workflow_findings'), ('workflow_schedules'),
    ('workflows')
) AS named (name)
-- recomamp_migrations is missing where psql applied the files.
WHERE to_regclass('public.' || name) IS NOT NULL;

CREATE TEMPORARY TABLE our_functions AS
SELECT ('public.' || signature)::REGPROCEDURE AS routine
FROM (VALUES
    ('add_to_schedule_counters(uuid,integer,integer,integer)'), ('admit_changed_collections()'),
    ('admit_changed_schedules()'), ('admit_changed_workflows()'), ('admit_new_asin_list_items()'),
    ('admit_new_asin_lists()'), ('admit_new_asins()'), ('admit_new_collections()'),
    ('admit_new_notification_channels()'), ('admit_new_query_templates()'),
    ('admit_new_result_checks()'), ('admit_new_run_requests()'), ('admit_new_schedules()'),
    ('admit_new_workflows()'), ('analyze_table(text)'), ('assign_list_position()'),
    ('calculate_collection_progress()'), ('calculate_guide_progress()'),
    ('check_collection_quotas(uuid,boolean,boolean,boolean)'), ('check_collection_status()'),
    ('check_collection_time_zone()'), ('check_definition_bytes(uuid,integer)'),
    ('check_deleted_id()'),
    ('check_notification_channel()'), ('check_query_template()'),
    ('check_owner_of_result_check()'), ('check_report_data_collection()'), ('check_result_check()'),
    ('check_run_request()'), ('check_user_time_zone()'),
    ('check_schedule_quotas(uuid,text[],boolean,boolean)'),
    ('check_unique_list_positions()'), ('check_window()'), ('check_workflow()'),
    ('check_workflow_owner()'), ('check_workflow_schedule()'), ('check_workflow_template()'),
    ('clear_revoked_consent()'), ('collection_week_due_at(date,jsonb)'), ('count_children()'),
    ('count_schedule_runs()'), ('counter(text)'), ('create_collection_weeks(uuid,date,date)'),
    ('create_weeks_of_new_collection()'), ('cron_date_matches(cron_ticks,date)'),
    ('cron_field(text,text,integer,integer,text[])'), ('cron_first_date(cron_ticks,date)'),
    ('cron_last(text,text,timestamp with time zone)'),
    ('cron_matches(text,text,timestamp with time zone)'),
    ('cron_next(text,text,timestamp with time zone)'),
    ('cron_next_day(cron_ticks,text,timestamp with time zone)'),
    ('cron_next_minute(cron_ticks,text,timestamp with time zone)'), ('cron_parse(text)'),
    ('cron_shortest_interval(text)'), ('cron_value(text,integer,text[])'), ('current_user_id()'),
    ('days_before(timestamp with time zone,integer,text,boolean)'), ('delete_own_row(text,uuid)'),
    ('enforce_counter()'),
    ('is_quiet_time(time without time zone,time without time zone,text,timestamp with time zone)'),
    ('is_restatement_stopped(integer[],numeric,timestamp with time zone,timestamp with time zone,timestamp with time zone,numeric)'),
    ('is_time_zone(text)'),
    ('is_window_loaded(uuid,timestamp with time zone,timestamp with time zone)'),
    ('keep_deleted_id()'),
    ('lock_user_quotas(uuid)'), ('notify_check_outcome()'), ('notify_collection()'),
    ('notify_column_changes()'), ('notify_consent()'), ('notify_results_loaded()'),
    ('notify_schedule_run()'), ('progress_of_collections()'), ('publish_definition_change()'),
    ('publish_refused_workflow()'),
    ('query_parameter_names(text)'),
    ('queue_notification(uuid,text,text,timestamp with time zone,jsonb)'),
    ('raise_invalid_row(text,text,text)'), ('raise_quota_exceeded(text,text,text,integer)'),
    ('recalculate_guide_progress()'), ('record_late_weeks()'), ('record_late_windows()'),
    ('refresh_collection_progress(uuid)'),
    ('refresh_guide_progress(uuid[])'), ('refresh_resumed_collection()'),
    ('refuse_deleting_open_execution()'), ('refuse_deleting_used_template()'),
    ('refuse_long_text()'), ('refuse_used_template(uuid,uuid)'),
    ('require_duration(text,text,interval,interval,interval)'),
    ('require_object(text,text,jsonb)'), ('require_own_instance(text,uuid,uuid)'),
    ('require_own_workflow(text,uuid,uuid)'), ('require_time_zone(text,text,text)'),
    ('require_window_days(text,jsonb)'), ('reset_counter()'), ('reset_validation()'),
    ('restatement_plan(jsonb,integer)'), ('restatement_problem(jsonb,integer)'),
    ('result_rows(uuid,integer,integer)'), ('results_as_of(timestamp with time zone)'),
    ('schedule_preview(uuid,integer)'),
    ('schedule_preview_for(text,text,jsonb,integer,timestamp with time zone)'),
    ('schedule_window_end(text,text,jsonb,timestamp with time zone)'), ('set_late_tick_at()'),
    ('set_late_week_at()'),
    ('set_next_run_at()'),
    ('set_template_last_used_at()'), ('set_workflow_definition_md5()'),
    ('slow_queries(double precision)'),
    ('split_into_weeks(date,date)'), ('strip_comments(text)'), ('sync_collection_weeks()'),
    ('touch_updated_at()'), ('unused_indexes(bigint)'), ('update_workflow_execution_count()'),
    ('versions_of_results()'),
    ('wall_time_instant(timestamp without time zone,text)'), ('weeks_without_results(uuid)'),
    ('withdraw_collection_notifications()'), ('withdraw_late_window()'),
    ('withdraw_loaded_windows()'),
    ('withdraw_notifications(uuid,text)')
) AS named (signature);

-- A function of that name that somebody else planted could be called instead of ours, with the rights
-- of the owner: Postgres takes the one whose arguments fit best.
DO $$
DECLARE
    planted RECORD;
BEGIN
    SELECT other.oid::REGPROCEDURE AS routine, other.proowner::REGROLE AS owner INTO planted
    FROM pg_proc AS other
    WHERE other.pronamespace = 'public'::REGNAMESPACE
        AND other.proname IN (
            SELECT ours.proname FROM our_functions JOIN pg_proc AS ours ON ours.oid = routine
        )
        AND other.oid NOT IN (SELECT routine FROM our_functions)
        AND other.proowner <> current_user::REGROLE
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION
            'function % of % has the name of a function of the pipeline; drop or rename it and'
            ' migrate again', planted.routine, planted.owner
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END;
$$;

DO $$
DECLARE
    holder TEXT;
    relation REGCLASS;
    routine REGPROCEDURE;
    other RECORD;
BEGIN
    FOREACH holder IN ARRAY ARRAY[
        'PUBLIC', 'anon', 'authenticated', 'service_role', 'authenticator', 'recomamp_analyst',
        'recomamp_console', 'recomamp_pipeline'
    ] LOOP
        CONTINUE WHEN holder <> 'PUBLIC' AND to_regrole(holder) IS NULL;

        -- CASCADE: what one of them has passed on goes too.
        FOR relation IN SELECT our_relations.relation FROM our_relations LOOP
            EXECUTE format('REVOKE ALL ON TABLE %s FROM %s CASCADE', relation, holder);
        END LOOP;
        EXECUTE format('REVOKE ALL ON SEQUENCE public.amc_api_errors_id_seq FROM %s CASCADE', holder);
        EXECUTE format('REVOKE ALL ON SEQUENCE public.maintenance_findings_id_seq FROM %s CASCADE', holder);
        EXECUTE format('REVOKE ALL ON TYPE public.cron_ticks FROM %s CASCADE', holder);
        FOR routine IN SELECT our_functions.routine FROM our_functions LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s CASCADE', routine, holder);
        END LOOP;

        -- An object that somebody could make in public could take the place of one of ours.
        EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %s', holder);
        -- What the migrating role makes later is closed until this file opens it.
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM %s', holder
        );
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM %s', holder
        );
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON FUNCTIONS FROM %s', holder
        );
    END LOOP;
    -- Functions are open to PUBLIC by the server's own default, which no schema's default overrules.
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

    -- Row level security may have been switched off by hand.
    FOR relation IN
        SELECT our_relations.relation
        FROM our_relations
        JOIN pg_class ON pg_class.oid = our_relations.relation
        WHERE relkind = 'r' AND NOT relrowsecurity
    LOOP
        RAISE WARNING '%: row level security was off, and is on again', relation;
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    END LOOP;

    -- Whose rights and policies are not ours is for the owner to judge.
    FOR other IN
        SELECT DISTINCT our_relations.relation, entry.grantee::REGROLE AS role
        FROM our_relations
        JOIN pg_class ON pg_class.oid = our_relations.relation
        CROSS JOIN LATERAL aclexplode(relacl) AS entry
        WHERE entry.grantee <> pg_class.relowner
    LOOP
        EXECUTE format(
            'REVOKE TRUNCATE, REFERENCES, TRIGGER ON TABLE %s FROM %s CASCADE',
            other.relation, other.role
        );
        RAISE WARNING '%: role % has rights that access.sql does not give', other.relation,
            other.role;
    END LOOP;
    FOR other IN
        SELECT our_relations.relation, polname AS policy
        FROM our_relations
        JOIN pg_policy ON polrelid = our_relations.relation
        WHERE NOT (polroles <@ ARRAY['recomamp_pipeline'::REGROLE::OID, 'recomamp_console'::REGROLE::OID])
            AND pg_get_expr(COALESCE(polqual, polwithcheck), polrelid) NOT LIKE '%current_user_id()%'
    LOOP
        RAISE WARNING '%: policy % is not the pipeline''s', other.relation, other.policy;
    END LOOP;

    FOREACH holder IN ARRAY ARRAY[
        'anon', 'authenticated', 'service_role', 'authenticator', 'recomamp_analyst',
        'recomamp_console', 'recomamp_pipeline'
    ] LOOP
        IF to_regrole(holder) IS NOT NULL AND has_schema_privilege(holder, 'public', 'CREATE') THEN
            RAISE EXCEPTION
                'role % may create objects in schema public; as its owner (%) run'
                ' REVOKE CREATE ON SCHEMA public FROM PUBLIC, % and migrate again',
                holder,
                (SELECT nspowner::REGROLE FROM pg_namespace WHERE nspname = 'public'),
                holder
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END LOOP;
END;
$$;

GRANT USAGE ON SCHEMA public TO recomamp_analyst, recomamp_console, recomamp_pipeline;

-- auth.uid() says who is signed in. On Supabase the schema is open to all, and not ours to give away.
DO $$
BEGIN
    IF NOT has_schema_privilege('recomamp_analyst', 'auth', 'USAGE')
        OR NOT has_schema_privilege('recomamp_console', 'auth', 'USAGE')
        OR NOT has_schema_privilege('recomamp_pipeline', 'auth', 'USAGE')
    THEN
        GRANT USAGE ON SCHEMA auth TO recomamp_analyst, recomamp_console, recomamp_pipeline;
    END IF;
    -- The application's policies call it in everybody's name.
    IF EXISTS (
        SELECT FROM pg_proc
        WHERE oid = to_regprocedure('auth.uid()') AND pg_get_userbyid(proowner) = current_user
    ) THEN
        GRANT EXECUTE ON FUNCTION auth.uid() TO PUBLIC;
    END IF;
END;
$$;


-- People -------------------------------------------------------------------------------------------

-- All columns of users but the tokens.
GRANT SELECT (
    id, email, full_name, avatar_url, amazon_user_id, token_expires_at, timezone,
    email_notifications, created_at, updated_at, last_login_at, is_active, consent_revoked_at,
    consent_error
) ON public.users TO recomamp_analyst;
GRANT UPDATE (full_name, avatar_url, timezone, email_notifications)
    ON public.users TO recomamp_analyst;

GRANT SELECT ON
    public.amc_accounts, public.amc_api_errors, public.amc_data_sources,
    public.amc_instance_data_sources, public.amc_instances, public.amc_schema_fields,
    public.asin_list_items, public.asin_lists, public.asins, public.build_guide_queries,
    public.build_guide_sections, public.build_guides, public.campaign_performance,
    public.campaign_reports, public.campaigns, public.collection_progress,
    public.current_results, public.public_asin_list_items,
    public.public_asin_lists, public.public_query_templates, public.query_templates,
    public.reconciliations, public.report_data_collections, public.report_data_weeks,
    public.result_check_outcomes, public.result_checks, public.result_difference_columns,
    public.result_difference_rows, public.result_differences, public.result_versions,
    public.run_requests, public.schedule_runs,
    public.user_guide_favorites, public.user_guide_progress, public.workflow_executions,
    public.user_quotas, public.workflow_dry_runs, public.workflow_findings,
    public.workflow_schedules, public.workflows
TO recomamp_analyst;
GRANT SELECT (id, user_id, kind, happened_at, details, status, sending_started_at, created_at)
    ON public.notifications TO recomamp_analyst;

-- Instances are made by the application, which has asked Amazon whose they are.
GRANT UPDATE (name, description, is_active) ON public.amc_instances TO recomamp_analyst;

-- created_at is the server's: catch-up begins there.
GRANT INSERT (
    id, name, description, sql_query, user_id, instance_id, template_id, parameters, tags, is_public,
    result_contract, result_contract_accepted_at, privacy_filtering, counts_hidden_rows,
    disable_aggregation_controls
) ON public.workflows TO recomamp_analyst;
GRANT UPDATE (
    name, description, sql_query, instance_id, template_id, parameters, tags, is_public,
    result_contract, result_contract_accepted_at, privacy_filtering, counts_hidden_rows,
    disable_aggregation_controls
) ON public.workflows TO recomamp_analyst;

GRANT INSERT (
    id, name, description, cron_expression, timezone, workflow_id, user_id, is_active, next_run_at,
    parameters, paused_at, late_after, result_contract, notify_on_success, attach_results
) ON public.workflow_schedules TO recomamp_analyst;
GRANT UPDATE (
    name, description, cron_expression, timezone, workflow_id, is_active, parameters, paused_at,
    late_after, result_contract, notify_on_success, attach_results
) ON public.workflow_schedules TO recomamp_analyst;

GRANT INSERT (
    id, name, description, workflow_id, instance_id, user_id, start_date, end_date, parameters,
    status, late_after
) ON public.report_data_collections TO recomamp_analyst;
GRANT UPDATE (
    name, description, workflow_id, instance_id, start_date, end_date, parameters, status, late_after
) ON public.report_data_collections TO recomamp_analyst;

GRANT INSERT (
    id, name, description, category, sql_template, parameters, tags, difficulty_level,
    estimated_runtime, author_id, is_public
) ON public.query_templates TO recomamp_analyst;
GRANT UPDATE (
    name, description, category, sql_template, parameters, tags, difficulty_level,
    estimated_runtime, is_public
) ON public.query_templates TO recomamp_analyst;

-- What Amazon says of a product is the pipeline's: when it was asked, and with which profile.
GRANT INSERT (
    id, asin, user_id, title, brand, category, image_url, price, price_currency, sales_rank,
    review_count, average_rating, tags, notes, is_active, parent_asin, variation_theme, dimensions,
    weight
) ON public.asins TO recomamp_analyst;
GRANT UPDATE (
    asin, title, brand, category, image_url, price, price_currency, sales_rank, review_count,
    average_rating, tags, notes, is_active, parent_asin, variation_theme, dimensions, weight
) ON public.asins TO recomamp_analyst;

GRANT INSERT (id, name, description, user_id, category, tags, is_public)
    ON public.asin_lists TO recomamp_analyst;
GRANT UPDATE (name, description, category, tags, is_public)
    ON public.asin_lists TO recomamp_analyst;
GRANT INSERT (id, list_id, asin_id, position, notes, added_by)
    ON public.asin_list_items TO recomamp_analyst;
GRANT UPDATE (list_id, asin_id, position, notes) ON public.asin_list_items TO recomamp_analyst;

GRANT INSERT (
    id, user_id, guide_id, current_section, completed_sections, progress_percentage, status,
    started_at, completed_at, last_accessed_at
) ON public.user_guide_progress TO recomamp_analyst;
GRANT UPDATE (
    current_section, completed_sections, progress_percentage, status, started_at, completed_at,
    last_accessed_at
) ON public.user_guide_progress TO recomamp_analyst;
GRANT INSERT (id, user_id, guide_id) ON public.user_guide_favorites TO recomamp_analyst;

-- What became of a request is the pipeline's to say. Nobody takes one back: quotas count them.
GRANT INSERT (
    id, user_id, action, schedule_id, collection_id, execution_id, dag_run_id, window_start,
    window_end, from_date, to_date, reprocess_behavior, parameters
) ON public.run_requests TO recomamp_analyst;

GRANT INSERT (
    id, user_id, workflow_id, schedule_id, name, measure, column_name, key_columns, comparison,
    threshold, compared_with, severity, rearm_after, is_active
) ON public.result_checks TO recomamp_analyst;
GRANT UPDATE (
    workflow_id, schedule_id, name, measure, column_name, key_columns, comparison, threshold,
    compared_with, severity, rearm_after, is_active
) ON public.result_checks TO recomamp_analyst;

-- The address of a channel and its secret are written and not read back.
GRANT SELECT (
    id, user_id, kind, url_host, is_active, kinds, quiet_from, quiet_until, created_at
) ON public.notification_channels TO recomamp_analyst;
GRANT INSERT (id, user_id, kind, url, secret, is_active, kinds, quiet_from, quiet_until)
    ON public.notification_channels TO recomamp_analyst;
GRANT UPDATE (url, secret, is_active, kinds, quiet_from, quiet_until)
    ON public.notification_channels TO recomamp_analyst;
GRANT SELECT (
    id, notification_id, channel_id, status, next_try_at, attempts, last_error, created_at
) ON public.channel_deliveries TO recomamp_analyst;

-- DELETE brings the right to LOCK TABLE, so SQL logins delete through a function.
GRANT EXECUTE ON FUNCTION public.delete_own_row(TEXT, UUID) TO recomamp_analyst;

-- They have the rights of their caller, but schedule_preview_for and restatement_plan, which read no
-- table. A view calls the functions that it selects from with the rights of its reader.
GRANT EXECUTE ON FUNCTION
    public.results_as_of(TIMESTAMPTZ), public.result_rows(UUID, INTEGER, INTEGER),
    public.progress_of_collections(), public.collection_week_due_at(DATE, JSONB),
    public.schedule_preview(UUID, INTEGER),
    public.schedule_preview_for(TEXT, TEXT, JSONB, INTEGER, TIMESTAMPTZ),
    public.versions_of_results()
TO recomamp_analyst;
GRANT EXECUTE ON FUNCTION
    public.restatement_plan(JSONB, INTEGER),
    public.is_restatement_stopped(
        INTEGER[], NUMERIC, TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ, NUMERIC
    )
TO recomamp_analyst, recomamp_pipeline;

-- Asked by every policy of people.
GRANT EXECUTE ON FUNCTION public.current_user_id()
    TO recomamp_analyst, recomamp_console, recomamp_pipeline;


-- The pipeline -------------------------------------------------------------------------------------
-- It reads what defines a run, tokens included, and writes what it finds out.
-- An UPDATE right on one column is also what SELECT … FOR UPDATE asks for.

GRANT SELECT ON
    public.amc_accounts, public.amc_data_sources, public.amc_instance_data_sources,
    public.amc_instances, public.amc_schema_fields, public.campaign_performance,
    public.campaign_reports, public.campaigns, public.channel_deliveries,
    public.maintenance_findings, public.notification_channels, public.notifications,
    public.reconciliations, public.report_data_collections, public.report_data_weeks,
    public.result_check_outcomes, public.result_checks, public.schedule_runs, public.users,
    public.workflow_dry_runs, public.workflow_executions, public.workflow_findings,
    public.workflow_schedules, public.workflows
TO recomamp_pipeline;

GRANT UPDATE (
    encrypted_access_token, encrypted_refresh_token, token_expires_at, updated_at,
    consent_revoked_at, consent_error
) ON public.users TO recomamp_pipeline;
GRANT UPDATE (updated_at) ON public.amc_accounts TO recomamp_pipeline;
GRANT UPDATE (
    health_status, health_error, last_health_check, campaigns_last_sync, schema_last_sync,
    external_executions, external_counted_at, reconcile_attempted_at, instance_type,
    dry_runs_since, dry_runs, updated_at
) ON public.amc_instances TO recomamp_pipeline;

GRANT INSERT, UPDATE, DELETE ON public.workflow_executions, public.schedule_runs
    TO recomamp_pipeline;
GRANT SELECT, INSERT, UPDATE ON public.execution_locks TO recomamp_pipeline;
GRANT UPDATE (next_run_at, last_run_at, last_run_due_at, last_run_status, updated_at)
    ON public.workflow_schedules TO recomamp_pipeline;
GRANT UPDATE (status, estimated_completion, started_at, completed_at, updated_at)
    ON public.report_data_collections TO recomamp_pipeline;
GRANT UPDATE (
    execution_id, status, error_message, retry_count, execution_duration, result_rows,
    result_size_bytes, started_at, completed_at, updated_at
) ON public.report_data_weeks TO recomamp_pipeline;
GRANT INSERT, DELETE ON public.reconciliations TO recomamp_pipeline;

-- It finds old rows to delete, and needs to read no more of them than that takes.
-- UPDATE of a column lets it skip rows that others have locked
GRANT SELECT (id, at), UPDATE (at), DELETE, INSERT ON public.amc_api_errors TO recomamp_pipeline;

GRANT INSERT, UPDATE, DELETE ON
    public.amc_data_sources, public.amc_instance_data_sources, public.amc_schema_fields,
    public.campaign_performance, public.campaign_reports, public.campaigns,
    public.workflow_dry_runs, public.workflow_findings
TO recomamp_pipeline;

-- What no call to Amazon gives is the user's.
GRANT SELECT (
    id, asin, user_id, title, brand, category, image_url, price, price_currency, sales_rank,
    is_active, profile_id, validation_status, validation_checked_at, last_validated_at
) ON public.asins TO recomamp_pipeline;
GRANT UPDATE (
    title, brand, category, image_url, price, price_currency, sales_rank, profile_id,
    validation_status, validation_checked_at, last_validated_at, updated_at
) ON public.asins TO recomamp_pipeline;

-- Events are written by triggers alone, and what they say is not changed.
GRANT DELETE ON public.notifications TO recomamp_pipeline;
GRANT UPDATE (
    status, next_try_at, attempts, claim_id, claimed_until, message_id, is_digest, sending_started_at,
    last_error
) ON public.notifications TO recomamp_pipeline;

-- It inserts RESTATE alone (check_run_request), and changes nothing that a request asks for.
GRANT SELECT, DELETE ON public.run_requests TO recomamp_pipeline;
GRANT INSERT (
    user_id, action, schedule_id, collection_id, window_start, window_end, restate_age_days
) ON public.run_requests TO recomamp_pipeline;
GRANT SELECT (user_id, max_open_restatements) ON public.user_quotas TO recomamp_pipeline;
GRANT UPDATE (
    status, reason, dag_id, dag_run_id, backfill_id, accepted_at, completed_at, attempts,
    next_try_at, claim_id, claimed_until, last_backfill_id, last_week
) ON public.run_requests TO recomamp_pipeline;

-- Other DAGs read results with the pipeline's connection (recomamp.results).
GRANT EXECUTE ON FUNCTION public.results_as_of(TIMESTAMPTZ) TO recomamp_pipeline;

GRANT UPDATE (status, next_try_at, attempts, claim_id, claimed_until, last_error)
    ON public.channel_deliveries TO recomamp_pipeline;
GRANT EXECUTE ON FUNCTION
    public.is_quiet_time(TIME, TIME, TEXT, TIMESTAMPTZ), public.record_late_weeks(),
    public.record_late_windows(), public.withdraw_loaded_windows()
TO recomamp_pipeline;

-- The update is of no value: it is the right to lock a row.
GRANT UPDATE (created_at) ON public.result_checks TO recomamp_pipeline;
GRANT INSERT, UPDATE, DELETE ON public.result_check_outcomes TO recomamp_pipeline;

GRANT SELECT, INSERT, DELETE ON public.result_differences TO recomamp_pipeline;
GRANT INSERT ON public.result_difference_columns, public.result_difference_rows
    TO recomamp_pipeline;

GRANT INSERT, DELETE ON public.maintenance_findings TO recomamp_pipeline;
GRANT EXECUTE ON FUNCTION
    public.analyze_table(TEXT), public.slow_queries(DOUBLE PRECISION), public.unused_indexes(BIGINT)
TO recomamp_pipeline;


-- The console --------------------------------------------------------------------------------------
-- It reads, and it may become recomamp_analyst, whose rights it does not have before.

DO $$
BEGIN
    IF NOT pg_has_role('recomamp_console', 'recomamp_analyst', 'MEMBER') THEN
        GRANT recomamp_analyst TO recomamp_console;
    END IF;
EXCEPTION
    -- Roles belong to the whole server: another database's migration was quicker.
    WHEN unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION
            '% may not give recomamp_analyst to recomamp_console; as an administrator run'
            ' GRANT recomamp_analyst TO recomamp_console and migrate again', current_user
            USING ERRCODE = 'insufficient_privilege';
END;
$$;

DO $$
BEGIN
    IF pg_has_role('recomamp_console', 'recomamp_analyst', 'USAGE') THEN
        RAISE EXCEPTION
            'role recomamp_console has the rights of recomamp_analyst at all times; as the'
            ' administrator who gave them run REVOKE recomamp_analyst FROM recomamp_console;'
            ' ALTER ROLE recomamp_console NOINHERIT and migrate again'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END;
$$;

GRANT SELECT (id, email) ON public.users TO recomamp_console;
GRANT SELECT ON
    public.amc_accounts, public.amc_api_errors, public.amc_instances,
    public.report_data_collections, public.report_data_weeks, public.result_check_outcomes,
    public.result_checks, public.result_difference_columns, public.result_difference_rows,
    public.result_differences, public.run_requests, public.schedule_runs,
    public.workflow_dry_runs, public.workflow_executions, public.workflow_findings,
    public.workflow_schedules, public.workflows
TO recomamp_console;
GRANT EXECUTE ON FUNCTION
    public.collection_week_due_at(DATE, JSONB), public.result_rows(UUID, INTEGER, INTEGER),
    public.schedule_preview_for(TEXT, TEXT, JSONB, INTEGER, TIMESTAMPTZ)
TO recomamp_console;


-- Roles of Supabase --------------------------------------------------------------------------------

DO $$
DECLARE
    granted RECORD;
    served TEXT;
BEGIN
    -- Not by membership: authenticated is NOINHERIT and would get nothing of it.
    IF to_regrole('authenticated') IS NOT NULL THEN
        FOR granted IN
            SELECT entry.privilege_type || ' ON TABLE ' || relation AS what
            FROM our_relations
            JOIN pg_class ON pg_class.oid = relation
            CROSS JOIN LATERAL aclexplode(relacl) AS entry
            WHERE entry.grantee = 'recomamp_analyst'::REGROLE
            UNION ALL
            SELECT format(
                '%s (%I) ON TABLE %s', entry.privilege_type, attname, relation
            )
            FROM our_relations
            JOIN pg_attribute ON attrelid = relation
            CROSS JOIN LATERAL aclexplode(attacl) AS entry
            WHERE entry.grantee = 'recomamp_analyst'::REGROLE
            UNION ALL
            SELECT entry.privilege_type || ' ON FUNCTION ' || routine
            FROM our_functions
            JOIN pg_proc ON pg_proc.oid = routine
            CROSS JOIN LATERAL aclexplode(proacl) AS entry
            WHERE entry.grantee = 'recomamp_analyst'::REGROLE
        LOOP
            EXECUTE format('GRANT %s TO authenticated', granted.what);
        END LOOP;
        -- The API sends no LOCK TABLE, and its callers delete with DELETE.
        GRANT DELETE ON
            public.workflows, public.workflow_schedules, public.report_data_collections,
            public.query_templates, public.asins, public.asin_lists, public.asin_list_items,
            public.notification_channels, public.result_checks, public.user_guide_progress,
            public.user_guide_favorites
        TO authenticated;
    END IF;

    IF to_regrole('service_role') IS NOT NULL THEN
        FOREACH served IN ARRAY ARRAY[
            'amc_accounts', 'amc_api_errors', 'amc_data_sources', 'amc_instance_data_sources',
            'amc_instances', 'amc_schema_fields', 'asin_list_items', 'asin_lists', 'asins',
            'build_guide_queries', 'build_guide_sections', 'build_guides', 'campaign_performance',
            'campaign_reports', 'campaigns', 'channel_deliveries', 'maintenance_findings',
            'notifications',
            'query_templates', 'reconciliations', 'report_data_collections', 'report_data_weeks',
            'result_check_outcomes', 'result_checks', 'result_difference_columns',
            'result_difference_rows', 'result_differences', 'run_requests', 'schedule_runs',
            'user_guide_favorites', 'user_guide_progress', 'users', 'workflow_dry_runs',
            'workflow_executions', 'workflow_findings', 'workflow_schedules', 'workflows'
        ] LOOP
            EXECUTE format(
                'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.%I TO service_role', served
            );
        END LOOP;
        GRANT INSERT, UPDATE, DELETE ON public.notification_channels TO service_role;
        GRANT SELECT (
            id, user_id, kind, url_host, is_active, kinds, quiet_from, quiet_until, created_at
        ) ON public.notification_channels TO service_role;
    END IF;
END;
$$;

DROP TABLE our_relations, our_functions;
