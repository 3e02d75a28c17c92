-- Rows an analyst may get wrong are refused here, with the column in the message, and not hours later
-- by a DAG. NULL in a column that has a default means the default.

-- Is this the exact name of a zone in the IANA database? Postgres would also take posix specifications
-- ('Nowhere+3') and any case, which Python and AMC do not.
CREATE FUNCTION is_time_zone(zone TEXT)
RETURNS BOOLEAN
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET timezone = 'UTC' -- whatever happens inside, the caller's setting is restored
AS $$
BEGIN
    IF zone IN ('UTC', 'GMT') THEN
        RETURN true;
    ELSIF zone ~ '^[A-Za-z_]+(/[A-Za-z_-]+)+$' THEN
        -- As a setting it is looked up by name and comes back in its true spelling: 1,000 times
        -- faster than the view below, which opens all 600 files.
        RETURN set_config('timezone', zone, true) = zone;
    END IF;
    -- Etc/GMT+5, EST5EDT and the like could also be posix specifications.
    RETURN EXISTS (
        SELECT FROM pg_timezone_names
        WHERE name = zone AND name NOT IN ('Factory', 'localtime', 'posixrules')
    );
EXCEPTION
    WHEN invalid_parameter_value THEN
        RETURN false;
END;
$$;

CREATE FUNCTION require_time_zone(table_name TEXT, column_name TEXT, zone TEXT)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF NOT is_time_zone(zone) THEN
        PERFORM refuse_row(table_name, column_name, format(
            '%L is not a time zone; write an IANA name such as UTC or Europe/Berlin', zone
        ));
    END IF;
END;
$$;

CREATE FUNCTION require_object(table_name TEXT, column_name TEXT, document JSONB)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(document) <> 'object' THEN
        PERFORM refuse_row(table_name, column_name, format(
            'must be a JSON object such as {"name": "value"}, not %s %s',
            CASE jsonb_typeof(document) WHEN 'array' THEN 'an' ELSE 'a' END,
            jsonb_typeof(document)
        ));
    END IF;
END;
$$;

-- These two look with the owner's rights, so that they see rows the writing user does not; their
-- message does not tell a stranger's row from a missing one.
CREATE FUNCTION require_own_workflow(table_name TEXT, workflow UUID, owner UUID)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM workflows WHERE id = workflow AND user_id = owner) THEN
        PERFORM refuse_row(table_name, 'workflow_id', format(
            'user %s has no workflow %s', owner, workflow
        ));
    END IF;
END;
$$;

CREATE FUNCTION require_own_instance(table_name TEXT, instance UUID, owner UUID)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM amc_instances WHERE id = instance AND user_id = owner) THEN
        PERFORM refuse_row(table_name, 'instance_id', format(
            'user %s has no AMC instance %s', owner, instance
        ));
    END IF;
END;
$$;


-- A query on somebody else's instance would run with that person's consent at Amazon.
CREATE FUNCTION check_workflow()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    PERFORM require_object('workflows', 'parameters', NEW.parameters);
    PERFORM require_own_instance('workflows', NEW.instance_id, NEW.user_id);
    IF btrim(NEW.sql_query) = '' THEN
        PERFORM refuse_row('workflows', 'sql_query', 'must not be empty');
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_workflow
    BEFORE INSERT OR UPDATE OF parameters, instance_id, user_id, sql_query ON workflows
    FOR EACH ROW
    EXECUTE FUNCTION check_workflow();


CREATE FUNCTION check_workflow_schedule()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    NEW.timezone := COALESCE(NEW.timezone, 'UTC');
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    NEW.is_active := COALESCE(NEW.is_active, true);
    PERFORM require_time_zone('workflow_schedules', 'timezone', NEW.timezone);
    PERFORM require_object('workflow_schedules', 'parameters', NEW.parameters);
    PERFORM require_own_workflow('workflow_schedules', NEW.workflow_id, NEW.user_id);
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_workflow_schedule
    BEFORE INSERT OR UPDATE OF timezone, parameters, is_active, workflow_id, user_id
    ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION check_workflow_schedule();


-- Keep next_run_at true: the first tick after the row was made, or after the change. Also refuses an
-- expression that never ticks. Named to fire after the check, which fills the zone.
CREATE FUNCTION plan_next_run()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    changed BOOLEAN := true;
    next_tick TIMESTAMPTZ;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        changed := (NEW.cron_expression, NEW.timezone, NEW.is_active)
            IS DISTINCT FROM (OLD.cron_expression, OLD.timezone, OLD.is_active);
        IF NEW.is_active AND NOT OLD.is_active THEN
            NEW.paused_at := NULL;
        END IF;
    END IF;
    IF NOT NEW.is_active AND (TG_OP = 'INSERT' OR OLD.is_active IS DISTINCT FROM false) THEN
        NEW.paused_at := COALESCE(NEW.paused_at, NOW());
    END IF;

    IF changed OR NEW.next_run_at IS NULL THEN
        next_tick := cron_next(
            NEW.cron_expression,
            NEW.timezone,
            CASE TG_OP WHEN 'INSERT' THEN COALESCE(NEW.created_at, NOW()) ELSE NOW() END
        );
        -- Who inserts a row may name its first run; a later change of the rule decides anew.
        IF TG_OP = 'UPDATE' OR NEW.next_run_at IS NULL THEN
            NEW.next_run_at := next_tick;
        END IF;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_plan_next_run
    BEFORE INSERT OR UPDATE OF cron_expression, timezone, is_active, next_run_at
    ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION plan_next_run();


CREATE FUNCTION check_report_data_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    NEW.status := COALESCE(NEW.status, 'ACTIVE');
    PERFORM require_object('report_data_collections', 'parameters', NEW.parameters);
    IF NEW.parameters ? 'timezone' THEN
        PERFORM require_time_zone(
            'report_data_collections', 'parameters', COALESCE(NEW.parameters ->> 'timezone', '')
        );
    END IF;
    PERFORM require_own_workflow('report_data_collections', NEW.workflow_id, NEW.user_id);
    PERFORM require_own_instance('report_data_collections', NEW.instance_id, NEW.user_id);

    IF NOT isfinite(NEW.start_date) THEN
        PERFORM refuse_row('report_data_collections', 'start_date', 'must be a date');
    ELSIF NOT isfinite(NEW.end_date) THEN
        PERFORM refuse_row('report_data_collections', 'end_date', 'must be a date');
    ELSIF NEW.end_date < NEW.start_date THEN
        PERFORM refuse_row('report_data_collections', 'end_date', format(
            '%s is before start_date %s', NEW.end_date, NEW.start_date
        ));
    ELSIF NEW.end_date - NEW.start_date >= 520 * 7 THEN
        -- Ten years; AMC keeps half of that. More is a mistyped year.
        PERFORM refuse_row('report_data_collections', 'end_date', format(
            '%s is more than 520 weeks after start_date %s', NEW.end_date, NEW.start_date
        ));
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_report_data_collection
    BEFORE INSERT OR UPDATE OF
        parameters, status, workflow_id, instance_id, user_id, start_date, end_date
    ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION check_report_data_collection();
