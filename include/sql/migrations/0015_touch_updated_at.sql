-- updated_at is true whoever writes the row, in every table that has the column.
CREATE FUNCTION touch_updated_at()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    NEW.updated_at := NOW();
    RETURN NEW;
END;
$$;

DO $$
DECLARE
    touched TEXT;
BEGIN
    FOREACH touched IN ARRAY ARRAY[
        'users', 'amc_accounts', 'amc_instances', 'query_templates', 'workflows',
        'workflow_executions', 'workflow_schedules', 'schedule_runs', 'report_data_collections',
        'report_data_weeks', 'campaigns', 'asins', 'asin_lists', 'amc_data_sources',
        'amc_schema_fields', 'build_guides'
    ]
    LOOP
        EXECUTE format(
            'CREATE TRIGGER trigger_touch_%1$s BEFORE UPDATE ON %1$I'
            ' FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION touch_updated_at()',
            touched
        );
    END LOOP;
END;
$$;
