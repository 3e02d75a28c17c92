-- A bound for every column that a person writes, and for every time. Without it, a single row may
-- be larger than everything else that the pipeline reads, or hold a time that Python cannot.
--
-- A database that the application has filled may hold rows beyond a bound. They stay, and the
-- constraint stays NOT VALID: it holds for every row that is written from now on. The warning names
-- table, constraint and number of rows. No statement can change such a row without correcting it,
-- so the pipeline's statements on it fail until then.

-- Two kinds of values are corrected, because one of them would stop more than its own row.
-- Statements about many rows write or compare times. The row of a user is written at each renewal
-- of a token.
UPDATE users SET full_name = left(full_name, 200) WHERE char_length(full_name) > 200;
UPDATE users SET avatar_url = NULL WHERE char_length(avatar_url) > 2000;
UPDATE users SET timezone = 'UTC' WHERE char_length(timezone) > 64;
DO $$
DECLARE
    stored RECORD;
BEGIN
    FOR stored IN
        SELECT relation.oid::REGCLASS AS table_name, attribute.attname AS column_name
        FROM pg_class AS relation
        JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid
        WHERE relation.relnamespace = 'public'::REGNAMESPACE
            AND relation.relkind = 'r'
            AND relation.relname = ANY (ARRAY[
                'users', 'amc_accounts', 'amc_instances', 'workflows', 'workflow_executions',
                'workflow_schedules', 'schedule_runs', 'report_data_collections',
                'report_data_weeks', 'campaigns', 'query_templates', 'asins', 'asin_lists',
                'asin_list_items'
            ])
            AND attribute.attnum > 0
            AND NOT attribute.attisdropped
            AND attribute.atttypid = 'timestamptz'::REGTYPE
    LOOP
        EXECUTE format(
            'UPDATE %1$s SET %2$I = LEAST(GREATEST(%2$I, ''2000-01-02''), ''9998-12-31'')'
            ' WHERE %2$I NOT BETWEEN ''2000-01-02'' AND ''9998-12-31''',
            stored.table_name, stored.column_name
        );
    END LOOP;
END;
$$;
-- Checks of deferred keys that wait for the end of the transaction would forbid ALTER TABLE.
SET CONSTRAINTS ALL IMMEDIATE;

DO $$
DECLARE
    bounded RECORD;
    counted RECORD;
    counts JSONB;
    validations TEXT;
BEGIN
    FOR bounded IN
    WITH bounds (table_name, name, condition) AS (
        -- Text: characters of what is shown, bytes of what is read as a whole.
        SELECT
            bound.table_name,
            format('chk_%s_%s_length', bound.table_name, bound.column_name),
            format('%s(%I) <= %s', bound.measure, bound.column_name, bound.most)
        FROM (VALUES
            ('users', 'email', 'char_length', 254),
            ('users', 'full_name', 'char_length', 200),
            ('users', 'avatar_url', 'char_length', 2000),
            ('users', 'amazon_user_id', 'char_length', 200),
            ('users', 'encrypted_access_token', 'octet_length', 16384),
            ('users', 'encrypted_refresh_token', 'octet_length', 16384),
            ('users', 'timezone', 'char_length', 64),
            ('users', 'consent_error', 'char_length', 20000),
            ('amc_accounts', 'account_name', 'char_length', 200),
            ('amc_instances', 'name', 'char_length', 200),
            ('amc_instances', 'description', 'char_length', 4000),
            ('amc_instances', 'health_error', 'char_length', 4000),
            ('workflows', 'name', 'char_length', 200),
            ('workflows', 'description', 'char_length', 4000),
            ('workflows', 'sql_query', 'octet_length', 262144),
            ('workflow_schedules', 'name', 'char_length', 200),
            ('workflow_schedules', 'description', 'char_length', 4000),
            ('workflow_schedules', 'cron_expression', 'char_length', 200),
            ('workflow_schedules', 'timezone', 'char_length', 64),
            ('report_data_collections', 'name', 'char_length', 200),
            ('report_data_collections', 'description', 'char_length', 4000),
            ('query_templates', 'name', 'char_length', 200),
            ('query_templates', 'description', 'char_length', 4000),
            ('query_templates', 'category', 'char_length', 100),
            ('query_templates', 'sql_template', 'octet_length', 262144),
            ('query_templates', 'estimated_runtime', 'char_length', 100),
            ('asins', 'title', 'char_length', 4000),
            ('asins', 'brand', 'char_length', 1000),
            ('asins', 'category', 'char_length', 1000),
            ('asins', 'image_url', 'char_length', 4000),
            ('asins', 'notes', 'char_length', 4000),
            ('asins', 'parent_asin', 'char_length', 20),
            ('asins', 'variation_theme', 'char_length', 200),
            ('asins', 'profile_id', 'char_length', 64),
            ('asins', 'price_currency', 'char_length', 10),
            ('asin_lists', 'name', 'char_length', 200),
            ('asin_lists', 'description', 'char_length', 4000),
            ('asin_lists', 'category', 'char_length', 100),
            ('asin_list_items', 'notes', 'char_length', 4000)
        ) AS bound (table_name, column_name, measure, most)

        UNION ALL

        -- Names in Amazon's addresses and headers, and codes.
        SELECT
            bound.table_name,
            format('chk_%s_%s_form', bound.table_name, bound.column_name),
            format('%I ~ %L', bound.column_name, bound.pattern)
        FROM (VALUES
            ('amc_accounts', 'account_id', '^[A-Za-z0-9_-]{1,64}$'),
            ('amc_accounts', 'advertiser_id', '^[A-Za-z0-9_-]{1,64}$'),
            ('amc_accounts', 'profile_id', '^[A-Za-z0-9_-]{1,64}$'),
            ('amc_accounts', 'country_code', '^[A-Za-z]{2}$'),
            ('amc_instances', 'instance_id', '^[A-Za-z0-9_-]{1,64}$'),
            ('amc_instances', 'region', '^[A-Za-z0-9-]{1,32}$')
        ) AS bound (table_name, column_name, pattern)

        UNION ALL

        -- Arrays: number of elements, and the length of each text among them.
        SELECT
            bound.table_name,
            format('chk_%s_%s_elements', bound.table_name, bound.column_name),
            format(
                'COALESCE(array_ndims(%1$I), 1) = 1 AND cardinality(%1$I) <= %2$s'
                ' AND NOT to_jsonb(%1$I) @? ''$[*] ? (@ like_regex "^.{101}" flag "s")''',
                bound.column_name, bound.most
            )
        FROM (VALUES
            ('workflows', 'tags', 50),
            ('query_templates', 'tags', 50),
            ('asins', 'tags', 50),
            ('asin_lists', 'tags', 50),
            ('user_guide_progress', 'completed_sections', 1000)
        ) AS bound (table_name, column_name, most)

        UNION ALL

        -- JSON: bytes of its text, and levels. Level 0 is the document itself.
        SELECT
            bound.table_name,
            format('chk_%s_%s_%s', bound.table_name, bound.column_name, kind.name),
            CASE kind.name
                WHEN 'size' THEN format('octet_length(%I::TEXT) <= %s', bound.column_name, bound.most)
                ELSE format('NOT %I @? ''$.**{21}''', bound.column_name)
            END
        FROM (VALUES
            ('workflows', 'parameters', 262144),
            ('workflow_schedules', 'parameters', 262144),
            ('report_data_collections', 'parameters', 262144),
            ('query_templates', 'parameters', 262144),
            ('asins', 'dimensions', 16384)
        ) AS bound (table_name, column_name, most)
        CROSS JOIN (VALUES ('depth'), ('size')) AS kind (name)

        UNION ALL

        -- Numbers. NaN counts as larger than all others.
        SELECT
            bound.table_name,
            format('chk_%s_%s_range', bound.table_name, bound.column_name),
            format('%I BETWEEN %s AND %s', bound.column_name, bound.least, bound.most)
        FROM (VALUES
            ('asins', 'price', 0, 99999999.99),
            ('asins', 'sales_rank', 0, 2147483647),
            ('asins', 'review_count', 0, 2147483647),
            ('asins', 'average_rating', 0, 9.9),
            ('asins', 'weight', 0, 99999.999),
            ('asin_lists', 'asin_count', 0, 2147483647),
            ('asin_list_items', 'position', 0, 1000000000),
            ('user_guide_progress', 'current_section', 0, 10000)
        ) AS bound (table_name, column_name, least, most)

        UNION ALL

        -- Dates that people choose. After the last one there is room for every window and lag.
        SELECT
            bound.table_name,
            format('chk_%s_%s_date', bound.table_name, bound.column_name),
            format('%I BETWEEN DATE ''2000-01-01'' AND DATE ''2100-01-01''', bound.column_name)
        FROM (VALUES
            ('report_data_collections', 'start_date'),
            ('report_data_collections', 'end_date'),
            ('report_data_weeks', 'week_start_date'),
            ('report_data_weeks', 'week_end_date')
        ) AS bound (table_name, column_name)

        UNION ALL

        -- Times, of all writers: Python has neither infinity nor years beyond 9999.
        SELECT
            bound.table_name,
            format('chk_%s_%s_time', bound.table_name, column_name),
            format(
                '%I AT TIME ZONE ''UTC'''
                ' BETWEEN TIMESTAMP ''2000-01-01'' AND TIMESTAMP ''9999-01-01''',
                column_name
            )
        FROM (VALUES
            ('users', ARRAY[
                'token_expires_at', 'created_at', 'updated_at', 'last_login_at', 'consent_revoked_at'
            ]),
            ('amc_accounts', ARRAY['created_at', 'updated_at']),
            ('amc_instances', ARRAY[
                'last_health_check', 'campaigns_last_sync', 'schema_last_sync', 'external_counted_at',
                'reconcile_attempted_at', 'created_at', 'updated_at'
            ]),
            ('workflows', ARRAY['created_at', 'updated_at', 'last_executed_at']),
            ('workflow_executions', ARRAY[
                'next_retry_at', 'created_at', 'updated_at', 'started_at', 'completed_at',
                'window_start', 'window_end', 'submitted_at', 'deadline_at', 'slot_granted_at',
                'submission_started_at', 'orphaned_at', 'results_loaded_at', 'result_data_trimmed_at',
                'result_files_deleted_at'
            ]),
            ('workflow_schedules', ARRAY[
                'next_run_at', 'last_run_at', 'created_at', 'updated_at', 'paused_at'
            ]),
            ('schedule_runs', ARRAY['created_at', 'updated_at', 'window_start', 'window_end']),
            ('report_data_collections', ARRAY[
                'estimated_completion', 'created_at', 'updated_at', 'started_at', 'completed_at'
            ]),
            ('report_data_weeks', ARRAY['created_at', 'updated_at', 'started_at', 'completed_at']),
            ('workflow_findings', ARRAY['found_at']),
            ('campaigns', ARRAY[
                'last_sync_at', 'performance_updated_at', 'created_at', 'updated_at'
            ]),
            ('campaign_performance', ARRAY['changed_at']),
            ('campaign_reports', ARRAY['requested_at', 'ended_at']),
            ('query_templates', ARRAY['last_used_at', 'created_at', 'updated_at']),
            ('asins', ARRAY[
                'created_at', 'updated_at', 'last_validated_at', 'validation_checked_at'
            ]),
            ('asin_lists', ARRAY['created_at', 'updated_at']),
            ('asin_list_items', ARRAY['added_at']),
            ('amc_data_sources', ARRAY['first_seen_at', 'deprecated_at', 'created_at', 'updated_at']),
            ('amc_schema_fields', ARRAY['first_seen_at', 'deprecated_at', 'created_at', 'updated_at']),
            ('amc_instance_data_sources', ARRAY['first_seen_at', 'removed_at', 'updated_at']),
            ('build_guides', ARRAY['created_at', 'updated_at']),
            ('build_guide_sections', ARRAY['created_at', 'updated_at']),
            ('build_guide_queries', ARRAY['created_at', 'updated_at']),
            ('user_guide_progress', ARRAY['started_at', 'completed_at', 'last_accessed_at']),
            ('user_guide_favorites', ARRAY['created_at']),
            ('notifications', ARRAY[
                'happened_at', 'next_try_at', 'claimed_until', 'sending_started_at', 'created_at'
            ]),
            ('amc_api_errors', ARRAY['at']),
            ('reconciliations', ARRAY['at']),
            ('maintenance_findings', ARRAY['at'])
        ) AS bound (table_name, columns)
        CROSS JOIN unnest(bound.columns) AS column_name
    )
    SELECT
        table_name,
        string_agg(
            format('ADD CONSTRAINT %I CHECK (%s) NOT VALID', name, condition), ', ' ORDER BY name
        ) AS additions,
        string_agg(
            format('%L, COUNT(*) FILTER (WHERE NOT (%s))', name, condition), ', ' ORDER BY name
        ) AS counts
    FROM bounds
    GROUP BY table_name
    ORDER BY table_name
    LOOP
        EXECUTE format('ALTER TABLE %I %s', bounded.table_name, bounded.additions);
        -- The table is read twice: to count what is beyond a bound, and to validate the rest.
        EXECUTE format('SELECT jsonb_build_object(%s) FROM %I', bounded.counts, bounded.table_name)
        INTO counts;
        validations := NULL;
        FOR counted IN SELECT key AS name, value::BIGINT AS number FROM jsonb_each_text(counts) LOOP
            IF counted.number = 0 THEN
                validations := concat_ws(
                    ', ', validations, format('VALIDATE CONSTRAINT %I', counted.name)
                );
            ELSE
                RAISE WARNING '%: % rows are beyond the constraint %; correct them, then run'
                    ' ALTER TABLE % VALIDATE CONSTRAINT %',
                    bounded.table_name, counted.number, counted.name,
                    bounded.table_name, counted.name;
            END IF;
        END LOOP;
        IF validations IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %I %s', bounded.table_name, validations);
        END IF;
    END LOOP;
END;
$$;
