-- Whoever makes DAGs of rows is told when a row changes that a DAG shows, so that nobody has to wait
-- for the next look. Listeners of the channel recomamp_definitions get the table and the id alone;
-- they read the row themselves. Without a listener a notification costs next to nothing, and
-- counters, tokens and times change without one. Findings on a query come once a day, and their DAGs
-- show them at the next parse.
CREATE FUNCTION notify_of_definition()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM pg_notify(
        'recomamp_definitions',
        json_build_object(
            'table', TG_TABLE_NAME,
            'id', CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END
        )::TEXT
    );
    RETURN NULL;
END;
$$;

DO $$
DECLARE
    watched RECORD;
    columns TEXT;
    old_columns TEXT;
    new_columns TEXT;
BEGIN
    FOR watched IN
        SELECT *
        FROM (VALUES
            ('workflow_schedules', ARRAY[
                'name', 'description', 'cron_expression', 'timezone', 'is_active', 'created_at',
                'parameters', 'workflow_id', 'user_id'
            ]),
            ('report_data_collections', ARRAY[
                'name', 'description', 'start_date', 'end_date', 'status', 'parameters',
                'workflow_id', 'instance_id', 'user_id'
            ]),
            ('workflows', ARRAY[
                'name', 'description', 'sql_query', 'parameters', 'user_id', 'instance_id'
            ]),
            ('amc_instances', ARRAY['instance_id', 'name', 'region', 'is_active', 'account_id']),
            ('amc_accounts', ARRAY['country_code']),
            ('users', ARRAY['full_name', 'email', 'is_active'])
        ) AS tables (name, columns)
    LOOP
        SELECT
            string_agg(quote_ident(one), ', '),
            string_agg('OLD.' || quote_ident(one), ', '),
            string_agg('NEW.' || quote_ident(one), ', ')
        INTO columns, old_columns, new_columns
        FROM unnest(watched.columns) AS one;
        EXECUTE format(
            'CREATE TRIGGER trigger_notify_changed_%1$s AFTER UPDATE OF %2$s ON %1$I FOR EACH ROW'
            ' WHEN ((%3$s) IS DISTINCT FROM (%4$s)) EXECUTE FUNCTION notify_of_definition()',
            watched.name, columns, old_columns, new_columns
        );
    END LOOP;
    -- A workflow, an instance or a user is no DAG before a schedule or a collection uses it.
    FOR watched IN SELECT unnest(ARRAY['workflow_schedules', 'report_data_collections']) AS name
    LOOP
        EXECUTE format(
            'CREATE TRIGGER trigger_notify_%1$s AFTER INSERT OR DELETE ON %1$I'
            ' FOR EACH ROW EXECUTE FUNCTION notify_of_definition()',
            watched.name
        );
    END LOOP;
END;
$$;

-- Of an instance's health DAGs show ERROR alone; the others come and go.
CREATE TRIGGER trigger_notify_broken_amc_instances AFTER UPDATE OF health_status ON amc_instances
    FOR EACH ROW
    WHEN ((OLD.health_status IS NOT DISTINCT FROM 'ERROR')
        <> (NEW.health_status IS NOT DISTINCT FROM 'ERROR'))
    EXECUTE FUNCTION notify_of_definition();

REVOKE ALL ON FUNCTION notify_of_definition() FROM PUBLIC;
