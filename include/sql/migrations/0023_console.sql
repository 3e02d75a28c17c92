-- The role of the console, which shows rows of all users to people who are signed in to Airflow.
--
--   recomamp_console   the API server of Airflow: reads what pages show, and never a token. It may
--                      become recomamp_analyst, one user at a time, to write that user's rows
--
-- NOINHERIT: it has the rights of an analyst only while it is one. docs/adr/0036 gives reasons.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recomamp_console') THEN
        CREATE ROLE recomamp_console NOLOGIN NOINHERIT;
    END IF;
EXCEPTION
    -- Roles belong to the whole server: another database's migration was quicker.
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION
            'role recomamp_console is missing and % may not create it; as an administrator run'
            ' CREATE ROLE recomamp_console NOLOGIN NOINHERIT and migrate again', current_user
            USING ERRCODE = 'insufficient_privilege';
END;
$$;

-- The console says in the claims of a transaction whose rows it writes.
INSERT INTO database_logins (login_name, reads_claims) VALUES ('recomamp_console', true);

DO $$
DECLARE
    shown TEXT;
BEGIN
    FOREACH shown IN ARRAY ARRAY[
        'users', 'amc_accounts', 'amc_instances', 'workflows', 'workflow_executions',
        'workflow_schedules', 'schedule_runs', 'report_data_collections', 'report_data_weeks',
        'workflow_findings', 'amc_api_errors', 'workflow_dry_runs',
        'run_requests', 'result_differences', 'result_difference_columns',
        'result_difference_rows', 'result_check_outcomes', 'result_checks'
    ]
    LOOP
        EXECUTE format(
            'CREATE POLICY %2$I ON public.%1$I FOR SELECT TO recomamp_console USING (true)',
            shown, shown || '_console_read'
        );
    END LOOP;
END;
$$;

-- The overview counts the weeks that ended in the last days.
CREATE INDEX idx_data_weeks_completed_at ON report_data_weeks (completed_at)
    WHERE completed_at IS NOT NULL;
