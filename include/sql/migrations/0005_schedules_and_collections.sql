-- What users ask for: a workflow on a schedule, or over a range of weeks of history.

-- The days of a window as the pipeline takes them. Larger numbers give dates that nothing can hold.
CREATE FUNCTION public.check_window()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    window_options CONSTANT JSONB := NEW.parameters -> 'window';
    days RECORD;
BEGIN
    IF jsonb_typeof(window_options) IS DISTINCT FROM 'object'
        OR (TG_OP = 'UPDATE' AND NEW.parameters IS NOT DISTINCT FROM OLD.parameters)
    THEN
        RETURN NEW; -- the row's DAG reports any other problem with the window
    END IF;
    FOR days IN
        SELECT rule.name, rule.least, rule.most, window_options ->> rule.name AS text
        FROM (VALUES ('lag_days', 0, 366), ('lookback_days', 1, 400)) AS rule (name, least, most)
        WHERE window_options ? rule.name
            AND (rule.name = 'lag_days' OR jsonb_typeof(window_options -> rule.name) <> 'null')
    LOOP
        IF jsonb_typeof(window_options -> days.name) <> 'number'
            OR NOT (CASE
                WHEN days.text ~ '^[0-9]{1,3}$'
                    THEN days.text::INTEGER BETWEEN days.least AND days.most
                ELSE false
            END)
        THEN
            PERFORM public.raise_invalid_row(TG_TABLE_NAME::TEXT, 'parameters', format(
                'window.%s is %s; write a whole number of days from %s to %s',
                days.name, COALESCE(left(days.text, 50), 'null'), days.least, days.most
            ));
        END IF;
    END LOOP;
    RETURN NEW;
END;
$$;


-- Schedules ---------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS workflow_schedules (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,
    cron_expression TEXT NOT NULL,
    timezone TEXT DEFAULT 'UTC',

    -- Foreign Keys
    workflow_id UUID NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- Schedule Status
    is_active BOOLEAN DEFAULT true,
    next_run_at TIMESTAMPTZ NOT NULL,
    parameters JSONB DEFAULT '{}',

    -- Tracking
    total_runs INTEGER DEFAULT 0,
    successful_runs INTEGER DEFAULT 0,
    failed_runs INTEGER DEFAULT 0,
    last_run_at TIMESTAMPTZ,
    last_run_status TEXT,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    paused_at TIMESTAMPTZ
);
ALTER TABLE workflow_schedules
    -- The last run is the one with the latest tick. A run of last month that is cleared today ends
    -- today, and is still not the last.
    ADD COLUMN last_run_due_at TIMESTAMPTZ,
    ADD CONSTRAINT chk_schedule_last_run_status CHECK (last_run_status IN (
        'PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED', 'TIMEOUT'
    )),
    ADD CONSTRAINT chk_workflow_schedules_last_run_due_at_time CHECK (
        (last_run_due_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    );

COMMENT ON TABLE workflow_schedules IS
    'A workflow that runs by a cron expression; a DAG of Airflow each. The user inserts the rows.';
COMMENT ON COLUMN workflow_schedules.id IS
    'Primary key. The DAG is amc_schedule_<id>. Written by: default.';
COMMENT ON COLUMN workflow_schedules.name IS 'Name for display. Written by: user.';
COMMENT ON COLUMN workflow_schedules.description IS 'Text for display. Written by: user.';
COMMENT ON COLUMN workflow_schedules.cron_expression IS
    'Cron expression with five fields. Written by: user.';
COMMENT ON COLUMN workflow_schedules.timezone IS
    'IANA time zone of cron_expression and of the windows. Written by: default; user; '
    'check_workflow_schedule().';
COMMENT ON COLUMN workflow_schedules.workflow_id IS 'Workflow that runs. Written by: user.';
COMMENT ON COLUMN workflow_schedules.user_id IS
    'User that the schedule belongs to. It follows a workflow that changes hands. Written by: '
    'user.';
COMMENT ON COLUMN workflow_schedules.is_active IS
    'False: the DAG is paused. Written by: default; user; check_workflow_schedule().';
COMMENT ON COLUMN workflow_schedules.next_run_at IS
    'Next tick, for display. The DAG ticks by cron_expression. Written by: set_next_run_at(); '
    'user; submit, wait, record, recomamp_reconcile (update_schedule_after_run); record '
    '(show_next_run).';
COMMENT ON COLUMN workflow_schedules.parameters IS
    'Values of parameters, which replace those of the workflow, and options of the window. '
    'Written by: default; user; check_workflow_schedule().';
COMMENT ON COLUMN workflow_schedules.total_runs IS
    'Number of rows in schedule_runs. Written by: default; add_to_schedule_counters().';
COMMENT ON COLUMN workflow_schedules.successful_runs IS
    'Number of rows in schedule_runs with the status SUCCESS. Written by: default; '
    'add_to_schedule_counters().';
COMMENT ON COLUMN workflow_schedules.failed_runs IS
    'Number of rows in schedule_runs with the status FAILED. Written by: default; '
    'add_to_schedule_counters().';
COMMENT ON COLUMN workflow_schedules.last_run_at IS
    'Time when the last run ended. The last run is the one with the latest tick. Written by: '
    'submit, wait, record, recomamp_reconcile (update_schedule_after_run).';
COMMENT ON COLUMN workflow_schedules.last_run_status IS
    'Status of the last run. Written by: submit, wait, record, recomamp_reconcile '
    '(update_schedule_after_run).';
COMMENT ON COLUMN workflow_schedules.created_at IS
    'Time of insertion. It decides the first tick. Written by: default.';
COMMENT ON COLUMN workflow_schedules.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN workflow_schedules.paused_at IS
    'Time since when is_active is false. NULL while it is true. Written by: set_next_run_at(); '
    'user.';
COMMENT ON COLUMN workflow_schedules.last_run_due_at IS
    'Tick of the last run. Added by the pipeline. Written by: submit, wait, record, '
    'recomamp_reconcile (update_schedule_after_run).';

CREATE INDEX IF NOT EXISTS idx_workflow_schedules_workflow_id ON workflow_schedules(workflow_id);
CREATE INDEX IF NOT EXISTS idx_workflow_schedules_user_id ON workflow_schedules(user_id);
-- is_active is constant inside these partial indexes, so both say the same. Both names are the
-- document's.
CREATE INDEX IF NOT EXISTS idx_workflow_schedules_next_run
    ON workflow_schedules(is_active, next_run_at) WHERE is_active = true;
CREATE INDEX IF NOT EXISTS idx_schedules_active_next_run
    ON workflow_schedules(next_run_at)
    WHERE is_active = true;

CREATE TRIGGER trigger_touch_workflow_schedules
    BEFORE UPDATE ON workflow_schedules
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE workflow_schedules ENABLE ROW LEVEL SECURITY;

-- NULL in a column that has a default means the default.
CREATE FUNCTION public.check_workflow_schedule()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.timezone := COALESCE(NEW.timezone, 'UTC');
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    NEW.is_active := COALESCE(NEW.is_active, true);
    PERFORM public.require_time_zone('workflow_schedules', 'timezone', NEW.timezone);
    PERFORM public.require_object('workflow_schedules', 'parameters', NEW.parameters);
    PERFORM public.require_own_workflow('workflow_schedules', NEW.workflow_id, NEW.user_id);
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_workflow_schedule
    BEFORE INSERT OR UPDATE OF timezone, parameters, is_active, workflow_id, user_id
    ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION check_workflow_schedule();
-- The names of these two sort before trigger_check_… and trigger_set_…, so they fire first.
CREATE TRIGGER trigger_bound_cron_expression
    BEFORE INSERT OR UPDATE OF cron_expression ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION refuse_long_text('cron_expression', 'characters', '200');
CREATE TRIGGER trigger_bound_timezone
    BEFORE INSERT OR UPDATE OF timezone ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION refuse_long_text('timezone', 'characters', '64');
CREATE TRIGGER trigger_check_window
    BEFORE INSERT OR UPDATE OF parameters ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION check_window();

-- next_run_at is the first tick after the row was made or changed, whatever the row says. It is for
-- display: the DAG ticks by cron_expression. The function also refuses an expression that never
-- ticks. The trigger's name sorts after trigger_check_workflow_schedule, which fills the zone.
CREATE FUNCTION public.set_next_run_at()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed BOOLEAN := true;
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
        NEW.next_run_at := public.cron_next(
            NEW.cron_expression,
            NEW.timezone,
            CASE TG_OP WHEN 'INSERT' THEN COALESCE(NEW.created_at, NOW()) ELSE NOW() END
        );
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_set_next_run_at
    BEFORE INSERT OR UPDATE OF cron_expression, timezone, is_active, next_run_at
    ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION set_next_run_at();


-- Collections -------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS report_data_collections (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,

    -- Foreign Keys
    workflow_id UUID NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- Collection Configuration
    start_date DATE NOT NULL,
    end_date DATE NOT NULL,
    parameters JSONB DEFAULT '{}',

    -- Status Tracking
    status TEXT DEFAULT 'ACTIVE', -- ACTIVE, PAUSED, COMPLETED, FAILED
    total_weeks INTEGER DEFAULT 0,
    completed_weeks INTEGER DEFAULT 0,
    failed_weeks INTEGER DEFAULT 0,

    -- Progress Metrics
    progress_percentage DECIMAL(5,2) DEFAULT 0,
    estimated_completion TIMESTAMPTZ,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ
);
ALTER TABLE report_data_collections
    DROP CONSTRAINT IF EXISTS chk_collection_status,
    ADD CONSTRAINT chk_collection_status
        CHECK (status IN ('ACTIVE', 'PAUSED', 'COMPLETED', 'FAILED')),
    DROP CONSTRAINT IF EXISTS chk_progress_percentage,
    ADD CONSTRAINT chk_progress_percentage
        CHECK (progress_percentage >= 0 AND progress_percentage <= 100);

COMMENT ON TABLE report_data_collections IS
    'A workflow over a range of weeks; a DAG of Airflow each. The user inserts the rows.';
COMMENT ON COLUMN report_data_collections.id IS
    'Primary key. The DAG is amc_collection_<id>. Written by: default.';
COMMENT ON COLUMN report_data_collections.name IS 'Name for display. Written by: user.';
COMMENT ON COLUMN report_data_collections.description IS 'Text for display. Written by: user.';
COMMENT ON COLUMN report_data_collections.workflow_id IS 'Workflow that runs. Written by: user.';
COMMENT ON COLUMN report_data_collections.instance_id IS
    'AMC instance that runs the query. Written by: user.';
COMMENT ON COLUMN report_data_collections.user_id IS
    'User that the collection belongs to. It follows a workflow that changes hands. Written by: '
    'user.';
COMMENT ON COLUMN report_data_collections.start_date IS
    'First day of the first week. Written by: user.';
COMMENT ON COLUMN report_data_collections.end_date IS
    'Last day of the last week, included. Written by: user.';
COMMENT ON COLUMN report_data_collections.parameters IS
    'Values of parameters, which replace those of the workflow, and options: timezone and window. '
    'Written by: default; user; check_report_data_collection().';
COMMENT ON COLUMN report_data_collections.status IS
    'ACTIVE, PAUSED, COMPLETED or FAILED. Users pause and resume; the weeks decide the rest. '
    'Written by: default; user; check_report_data_collection(); refresh_collection_progress().';
COMMENT ON COLUMN report_data_collections.total_weeks IS
    'Number of weeks. Written by: default; refresh_collection_progress().';
COMMENT ON COLUMN report_data_collections.completed_weeks IS
    'Number of weeks with the status SUCCESS. Written by: default; refresh_collection_progress().';
COMMENT ON COLUMN report_data_collections.failed_weeks IS
    'Number of weeks with the status FAILED. Written by: default; refresh_collection_progress().';
COMMENT ON COLUMN report_data_collections.progress_percentage IS
    'Share of weeks that are SUCCESS or SKIPPED, in percent, rounded down. Written by: default; '
    'refresh_collection_progress().';
COMMENT ON COLUMN report_data_collections.estimated_completion IS
    'Time when the last week is expected to end. NULL until a week has ended, and after all have. '
    'Written by: refresh_collection_progress().';
COMMENT ON COLUMN report_data_collections.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN report_data_collections.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at(); '
    'refresh_collection_progress().';
COMMENT ON COLUMN report_data_collections.started_at IS
    'Time when the first week started. Written by: refresh_collection_progress().';
COMMENT ON COLUMN report_data_collections.completed_at IS
    'Time when the last week ended. NULL while a week is open. Written by: '
    'refresh_collection_progress().';

CREATE INDEX IF NOT EXISTS idx_data_collections_workflow_id ON report_data_collections(workflow_id);
CREATE INDEX IF NOT EXISTS idx_data_collections_instance_id ON report_data_collections(instance_id);
CREATE INDEX IF NOT EXISTS idx_data_collections_user_id ON report_data_collections(user_id);
CREATE INDEX IF NOT EXISTS idx_data_collections_status ON report_data_collections(status);

CREATE TRIGGER trigger_touch_report_data_collections
    BEFORE UPDATE ON report_data_collections
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE report_data_collections ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION public.check_report_data_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    NEW.status := COALESCE(NEW.status, 'ACTIVE');
    PERFORM public.require_object('report_data_collections', 'parameters', NEW.parameters);
    IF NEW.parameters ? 'timezone' THEN
        PERFORM public.require_time_zone(
            'report_data_collections', 'parameters', COALESCE(NEW.parameters ->> 'timezone', '')
        );
    END IF;
    PERFORM public.require_own_workflow('report_data_collections', NEW.workflow_id, NEW.user_id);
    PERFORM public.require_own_instance('report_data_collections', NEW.instance_id, NEW.user_id);

    IF NOT isfinite(NEW.start_date) THEN
        PERFORM public.raise_invalid_row('report_data_collections', 'start_date', 'must be a date');
    ELSIF NOT isfinite(NEW.end_date) THEN
        PERFORM public.raise_invalid_row('report_data_collections', 'end_date', 'must be a date');
    ELSIF NEW.end_date < NEW.start_date THEN
        PERFORM public.raise_invalid_row('report_data_collections', 'end_date', format(
            '%s is before start_date %s', NEW.end_date, NEW.start_date
        ));
    ELSIF NEW.end_date - NEW.start_date >= 520 * 7 THEN
        -- AMC keeps about five years. More than ten is a mistyped year.
        PERFORM public.raise_invalid_row('report_data_collections', 'end_date', format(
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
CREATE TRIGGER trigger_check_window
    BEFORE INSERT OR UPDATE OF parameters ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION check_window();

-- A user pauses and resumes a collection. COMPLETED and FAILED follow from its weeks, and the user
-- is notified of them: nobody writes them by hand. The function runs with the rights of the
-- statement, to see whose statement it is. Triggers write as the owner; the application's server
-- and the pipeline are no user.
CREATE FUNCTION public.check_collection_status()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (TG_OP = 'INSERT' OR NEW.status IS DISTINCT FROM OLD.status)
        AND COALESCE(NEW.status, 'ACTIVE') NOT IN ('ACTIVE', 'PAUSED')
        AND row_security_active('public.report_data_collections')
    THEN
        -- A role that bypasses row level security may not call current_user_id().
        IF public.current_user_id() IS NOT NULL THEN
            RAISE EXCEPTION
                'report_data_collections.status: % follows from the weeks; write ACTIVE or PAUSED',
                NEW.status
                USING
                    ERRCODE = 'check_violation', TABLE = 'report_data_collections',
                    COLUMN = 'status';
        END IF;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_collection_status
    BEFORE INSERT OR UPDATE OF status ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION check_collection_status();
