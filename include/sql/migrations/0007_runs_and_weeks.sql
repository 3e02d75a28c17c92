-- The runs of schedules and the weeks of collections, and the numbers that follow from them.

-- Runs of schedules -------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS schedule_runs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),

    -- Foreign Keys
    schedule_id UUID NOT NULL REFERENCES workflow_schedules(id) ON DELETE CASCADE,
    execution_id UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,

    -- Run Details
    status TEXT NOT NULL, -- SUCCESS, FAILED, SKIPPED
    error_message TEXT,
    duration_seconds INTEGER,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW()
);
ALTER TABLE schedule_runs
    ADD COLUMN dag_run_id TEXT,
    ADD COLUMN window_start TIMESTAMPTZ,
    ADD COLUMN window_end TIMESTAMPTZ,
    ADD COLUMN updated_at TIMESTAMPTZ DEFAULT NOW(),
    ADD CONSTRAINT chk_schedule_run_status CHECK (status IN ('SUCCESS', 'FAILED', 'SKIPPED')),
    -- A run that is cleared and ends again changes its row; it is not a second run.
    ADD CONSTRAINT uq_schedule_runs_dag_run UNIQUE (schedule_id, dag_run_id);

COMMENT ON TABLE schedule_runs IS 'A run of a schedule that ended. The pipeline inserts the rows.';
COMMENT ON COLUMN schedule_runs.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN schedule_runs.schedule_id IS
    'Schedule that ran. Written by: submit, wait, record, recomamp_reconcile '
    '(record_schedule_run).';
COMMENT ON COLUMN schedule_runs.execution_id IS
    'Last execution of the run. NULL where there was none. Written by: submit, wait, record, '
    'recomamp_reconcile (record_schedule_run).';
COMMENT ON COLUMN schedule_runs.status IS
    'SUCCESS, FAILED or SKIPPED. Only the application writes SKIPPED. Written by: submit, wait, '
    'record, recomamp_reconcile (record_schedule_run).';
COMMENT ON COLUMN schedule_runs.error_message IS
    'Error of a failed run. Written by: submit, wait, record, recomamp_reconcile '
    '(record_schedule_run).';
COMMENT ON COLUMN schedule_runs.duration_seconds IS
    'Duration of the run in seconds. Written by: submit, wait, record, recomamp_reconcile '
    '(record_schedule_run).';
COMMENT ON COLUMN schedule_runs.created_at IS
    'Time when the run was first recorded. Written by: default.';
COMMENT ON COLUMN schedule_runs.dag_run_id IS
    'Run id of the DAG run. A run that is cleared keeps its row. Added by the pipeline. Written '
    'by: submit, wait, record, recomamp_reconcile (record_schedule_run).';
COMMENT ON COLUMN schedule_runs.window_start IS
    'Start of the window. Added by the pipeline. Written by: submit, wait, record, '
    'recomamp_reconcile (record_schedule_run).';
COMMENT ON COLUMN schedule_runs.window_end IS
    'End of the window, exclusive. Added by the pipeline. Written by: submit, wait, record, '
    'recomamp_reconcile (record_schedule_run).';
COMMENT ON COLUMN schedule_runs.updated_at IS
    'Time of the last change. Added by the pipeline. Written by: default; touch_updated_at().';

CREATE INDEX IF NOT EXISTS idx_schedule_runs_schedule_id ON schedule_runs(schedule_id);
CREATE INDEX IF NOT EXISTS idx_schedule_runs_created_at ON schedule_runs(created_at DESC);
-- Deleting an execution looks for its run.
CREATE INDEX idx_schedule_runs_execution_id
    ON schedule_runs (execution_id) WHERE execution_id IS NOT NULL;

CREATE TRIGGER trigger_touch_schedule_runs
    BEFORE UPDATE ON schedule_runs
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE schedule_runs ENABLE ROW LEVEL SECURITY;

-- total_runs, successful_runs and failed_runs of a schedule follow its runs. Each change is added
-- as a difference, so that many runs of history cost nothing. A skipped run counts in the total
-- only.
CREATE FUNCTION public.add_to_schedule_counters(
    counted_id UUID, runs INTEGER, successful INTEGER, failed INTEGER
)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE public.workflow_schedules
    SET
        total_runs = COALESCE(total_runs, 0) + runs,
        successful_runs = COALESCE(successful_runs, 0) + successful,
        failed_runs = COALESCE(failed_runs, 0) + failed
    WHERE id = counted_id;
$$;

CREATE FUNCTION public.count_schedule_runs()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.schedule_id = OLD.schedule_id AND NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.schedule_id = OLD.schedule_id THEN
        PERFORM public.add_to_schedule_counters(
            NEW.schedule_id,
            0,
            (NEW.status = 'SUCCESS')::INTEGER - (OLD.status = 'SUCCESS')::INTEGER,
            (NEW.status = 'FAILED')::INTEGER - (OLD.status = 'FAILED')::INTEGER
        );
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.add_to_schedule_counters(
            OLD.schedule_id, -1,
            -(OLD.status = 'SUCCESS')::INTEGER, -(OLD.status = 'FAILED')::INTEGER
        );
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.add_to_schedule_counters(
            NEW.schedule_id, 1,
            (NEW.status = 'SUCCESS')::INTEGER, (NEW.status = 'FAILED')::INTEGER
        );
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_count_schedule_runs
    AFTER INSERT OR UPDATE OF status, schedule_id OR DELETE ON schedule_runs
    FOR EACH ROW
    EXECUTE FUNCTION count_schedule_runs();


-- Weeks of collections ----------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS report_data_weeks (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),

    -- Foreign Keys
    collection_id UUID NOT NULL REFERENCES report_data_collections(id) ON DELETE CASCADE,
    execution_id UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,

    -- Week Definition
    week_start_date DATE NOT NULL,
    week_end_date DATE NOT NULL,
    week_number INTEGER, -- Week number within collection

    -- Status
    status TEXT DEFAULT 'PENDING', -- PENDING, RUNNING, SUCCESS, FAILED, SKIPPED
    error_message TEXT,
    retry_count INTEGER DEFAULT 0,

    -- Metrics
    execution_duration INTEGER, -- seconds
    result_rows INTEGER,
    result_size_bytes BIGINT,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ
);
ALTER TABLE report_data_weeks
    -- A week without a status would never end and never be counted.
    ADD CONSTRAINT chk_week_status CHECK (
        status IS NOT NULL
        AND status IN ('PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'SKIPPED')
    ),
    ADD CONSTRAINT chk_week_dates CHECK (week_start_date <= week_end_date),
    ADD CONSTRAINT uq_report_data_weeks_start UNIQUE (collection_id, week_start_date);

COMMENT ON TABLE report_data_weeks IS
    'A week of a collection. A trigger of report_data_collections inserts the rows.';
COMMENT ON COLUMN report_data_weeks.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN report_data_weeks.collection_id IS
    'Collection that the week belongs to. Written by: create_collection_weeks().';
COMMENT ON COLUMN report_data_weeks.execution_id IS
    'Latest execution of the week. Written by: submit, wait (start_week); submit, wait, record, '
    'recomamp_reconcile (finish_week).';
COMMENT ON COLUMN report_data_weeks.week_start_date IS
    'First day of the week. Written by: create_collection_weeks().';
COMMENT ON COLUMN report_data_weeks.week_end_date IS
    'Last day of the week, included. Written by: create_collection_weeks().';
COMMENT ON COLUMN report_data_weeks.week_number IS
    'Number of the week within the collection, from 1 on. Written by: create_collection_weeks().';
COMMENT ON COLUMN report_data_weeks.status IS
    'PENDING, RUNNING, SUCCESS, FAILED or SKIPPED. Only people write SKIPPED. Written by: '
    'default; submit, wait (start_week); submit, wait, record, recomamp_reconcile (finish_week); '
    'application.';
COMMENT ON COLUMN report_data_weeks.error_message IS
    'Error of a failed week. Written by: submit, wait (start_week); submit, wait, record, '
    'recomamp_reconcile (finish_week).';
COMMENT ON COLUMN report_data_weeks.retry_count IS
    'retry_count of the execution. Written by: default; submit, wait (start_week); submit, wait, '
    'record, recomamp_reconcile (finish_week).';
COMMENT ON COLUMN report_data_weeks.execution_duration IS
    'Duration of the execution in seconds. Written by: submit, wait, record, recomamp_reconcile '
    '(finish_week).';
COMMENT ON COLUMN report_data_weeks.result_rows IS
    'Number of rows of the result. Written by: submit, wait, record, recomamp_reconcile '
    '(finish_week).';
COMMENT ON COLUMN report_data_weeks.result_size_bytes IS
    'Size of the result in bytes. Written by: submit, wait, record, recomamp_reconcile '
    '(finish_week).';
COMMENT ON COLUMN report_data_weeks.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN report_data_weeks.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN report_data_weeks.started_at IS
    'Time when the latest execution of the week started. Written by: submit, wait (start_week).';
COMMENT ON COLUMN report_data_weeks.completed_at IS
    'Time when the week ended. NULL while it is open. Written by: submit, wait (start_week); '
    'submit, wait, record, recomamp_reconcile (finish_week).';

CREATE INDEX IF NOT EXISTS idx_data_weeks_collection_id ON report_data_weeks(collection_id);
CREATE INDEX IF NOT EXISTS idx_data_weeks_execution_id ON report_data_weeks(execution_id);
CREATE INDEX IF NOT EXISTS idx_data_weeks_status ON report_data_weeks(status);
CREATE INDEX IF NOT EXISTS idx_data_weeks_dates
    ON report_data_weeks(week_start_date, week_end_date);
CREATE INDEX IF NOT EXISTS idx_data_weeks_collection_status
    ON report_data_weeks(collection_id, status);

CREATE TRIGGER trigger_touch_report_data_weeks
    BEFORE UPDATE ON report_data_weeks
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE report_data_weeks ENABLE ROW LEVEL SECURITY;

-- The time from which the data of a week can be queried: the end of the week and the collection's
-- lag for attribution, 14 days unless its parameters say otherwise.
CREATE FUNCTION public.collection_week_due_at(week_end DATE, parameters JSONB)
RETURNS TIMESTAMPTZ
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (week_end + 1 + COALESCE(
        CASE
            WHEN jsonb_typeof(parameters #> '{window,lag_days}') = 'number'
                THEN (parameters #>> '{window,lag_days}')::NUMERIC::INTEGER
        END,
        14
    ))::TIMESTAMP AT TIME ZONE COALESCE(parameters ->> 'timezone', 'UTC');
$$;

-- Count the weeks of one collection and write the result into its row.
--
-- completed_weeks are the successful ones. Progress is the share of weeks that need no more work,
-- skipped ones included. The status follows the weeks, with one exception: PAUSED is the user's
-- decision, and stays until no work is left.
CREATE FUNCTION public.refresh_collection_progress(refreshed_id UUID)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    previous public.report_data_collections%ROWTYPE;
    counted RECORD;
    estimate TIMESTAMPTZ;
    next_status TEXT;
BEGIN
    -- The lock comes before the count: of two weeks that end at once, the second one counts the
    -- first. NO KEY: the foreign-key check of a concurrent new week does not wait for this lock.
    SELECT * INTO previous
    FROM public.report_data_collections
    WHERE id = refreshed_id
    FOR NO KEY UPDATE;

    IF NOT FOUND THEN
        RETURN; -- the collection is being deleted with its weeks
    END IF;

    SELECT
        COUNT(*) AS weeks,
        COUNT(*) FILTER (WHERE week.status = 'SUCCESS') AS successful,
        COUNT(*) FILTER (WHERE week.status = 'FAILED') AS failed,
        COUNT(*) FILTER (WHERE week.status = 'SKIPPED') AS skipped,
        COUNT(*) FILTER (WHERE week.status IN ('SUCCESS', 'FAILED', 'SKIPPED')) AS ended,
        COUNT(*) FILTER (WHERE week.status IN ('RUNNING', 'SUCCESS', 'FAILED')) AS begun,
        MIN(week.started_at) AS first_start,
        MAX(week.completed_at) AS last_end,
        MAX(week.week_end_date) FILTER (WHERE week.status = 'PENDING') AS last_pending_date,
        AVG(COALESCE(
            week.execution_duration,
            EXTRACT(EPOCH FROM week.completed_at - week.started_at)
        )) FILTER (WHERE week.status IN ('SUCCESS', 'FAILED')) AS average_seconds
    INTO counted
    FROM public.report_data_weeks AS week
    WHERE week.collection_id = refreshed_id;

    next_status := CASE
        WHEN counted.weeks = 0 THEN previous.status
        WHEN counted.successful + counted.skipped = counted.weeks THEN 'COMPLETED'
        WHEN previous.status = 'PAUSED' THEN 'PAUSED'
        WHEN counted.ended = counted.weeks THEN 'FAILED'
        ELSE 'ACTIVE'
    END;

    -- The estimate is NULL while no week has ended, and after all have.
    -- No week is due before its data is complete, however fast the others were.
    IF counted.ended < counted.weeks THEN
        estimate := GREATEST(
            NOW() + make_interval(
                secs => (
                    counted.average_seconds * (counted.weeks - counted.ended)
                )::DOUBLE PRECISION
            ),
            CASE WHEN counted.average_seconds IS NOT NULL THEN
                public.collection_week_due_at(counted.last_pending_date, previous.parameters)
            END
        );
    END IF;

    UPDATE public.report_data_collections
    SET
        total_weeks = counted.weeks,
        completed_weeks = counted.successful,
        failed_weeks = counted.failed,
        progress_percentage = CASE
            WHEN counted.weeks = 0 THEN 0
            -- Rounded down: only a complete collection has 100.
            ELSE TRUNC((counted.successful + counted.skipped) * 100.0 / counted.weeks, 2)
        END,
        status = next_status,
        started_at = COALESCE(
            previous.started_at,
            counted.first_start,
            CASE WHEN counted.begun > 0 THEN NOW() END
        ),
        completed_at = CASE
            WHEN counted.weeks > 0 AND counted.ended = counted.weeks
                THEN COALESCE(counted.last_end, previous.completed_at, NOW())
        END,
        estimated_completion = estimate,
        updated_at = NOW()
    WHERE id = refreshed_id;
END;
$$;

-- The document's trigger, under its name.
CREATE OR REPLACE FUNCTION public.calculate_collection_progress()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    touched UUID;
BEGIN
    -- create_collection_weeks() counts once, after the last week.
    IF current_setting('recomamp.creating_weeks', true)
        = (CASE TG_OP WHEN 'DELETE' THEN OLD.collection_id ELSE NEW.collection_id END)::TEXT
    THEN
        RETURN COALESCE(NEW, OLD);
    END IF;

    -- Retries and error messages change no progress: the collection's row need not be locked.
    IF TG_OP = 'UPDATE' AND
        (NEW.collection_id, NEW.status, NEW.week_end_date,
         NEW.execution_duration, NEW.started_at, NEW.completed_at)
        IS NOT DISTINCT FROM
        (OLD.collection_id, OLD.status, OLD.week_end_date,
         OLD.execution_duration, OLD.started_at, OLD.completed_at)
    THEN
        RETURN NEW;
    END IF;

    -- A week that moves to another collection changes two of them. They are locked in the order of
    -- their ids: two such moves cannot deadlock.
    FOR touched IN
        SELECT DISTINCT moved.id
        FROM (VALUES
            (CASE WHEN TG_OP <> 'DELETE' THEN NEW.collection_id END),
            (CASE WHEN TG_OP <> 'INSERT' THEN OLD.collection_id END)
        ) AS moved (id)
        WHERE moved.id IS NOT NULL
        ORDER BY moved.id
    LOOP
        PERFORM public.refresh_collection_progress(touched);
    END LOOP;

    RETURN COALESCE(NEW, OLD);
END;
$$;

DROP TRIGGER IF EXISTS trigger_calculate_collection_progress ON report_data_weeks;
CREATE TRIGGER trigger_calculate_collection_progress
    AFTER INSERT OR UPDATE OR DELETE ON report_data_weeks
    FOR EACH ROW
    EXECUTE FUNCTION calculate_collection_progress();

-- The weeks of a range of dates, both ends included: seven days each from the first date on; the
-- last week ends at the last date.
CREATE FUNCTION public.split_into_weeks(first_date DATE, last_date DATE)
RETURNS TABLE (week_number INTEGER, week_start_date DATE, week_end_date DATE)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        number + 1,
        first_date + 7 * number,
        LEAST(first_date + 7 * number + 6, last_date)
    FROM generate_series(0, (last_date - first_date) / 7) AS number;
$$;

-- Make the weeks of a collection those of its dates. Weeks that are right stay; only weeks that are
-- PENDING change or go.
CREATE FUNCTION public.create_collection_weeks(target_id UUID, first_date DATE, last_date DATE)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Progress is counted once at the end, not after each of some hundred weeks.
    PERFORM set_config('recomamp.creating_weeks', target_id::TEXT, true);

    DELETE FROM public.report_data_weeks AS week
    WHERE week.collection_id = target_id
        AND week.status = 'PENDING'
        AND week.week_start_date NOT IN (
            SELECT wanted.week_start_date
            FROM public.split_into_weeks(first_date, last_date) AS wanted
        );

    INSERT INTO public.report_data_weeks AS week
        (collection_id, week_number, week_start_date, week_end_date)
    SELECT target_id, wanted.week_number, wanted.week_start_date, wanted.week_end_date
    FROM public.split_into_weeks(first_date, last_date) AS wanted
    ON CONFLICT ON CONSTRAINT uq_report_data_weeks_start DO UPDATE
    SET
        week_number = EXCLUDED.week_number,
        week_end_date = EXCLUDED.week_end_date
    WHERE (week.week_number, week.week_end_date)
        IS DISTINCT FROM (EXCLUDED.week_number, EXCLUDED.week_end_date);

    PERFORM set_config('recomamp.creating_weeks', '', true);
    PERFORM public.refresh_collection_progress(target_id);
END;
$$;

-- A collection has its weeks from the moment it exists, so its progress is true from the start.
CREATE FUNCTION public.create_weeks_of_new_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.create_collection_weeks(NEW.id, NEW.start_date, NEW.end_date);
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_create_collection_weeks
    AFTER INSERT ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION create_weeks_of_new_collection();

-- Dates may change freely while no week has begun. After that the range may only grow at its end,
-- and only where the weeks that have begun keep their dates: their data has been queried.
CREATE FUNCTION public.sync_collection_weeks()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved public.report_data_weeks%ROWTYPE;
BEGIN
    -- The transaction that updates a week next wants the lock that this one holds on the
    -- collection. Waiting for the week would be a deadlock, so this statement fails at once.
    BEGIN
        PERFORM FROM public.report_data_weeks WHERE collection_id = NEW.id FOR UPDATE NOWAIT;
    EXCEPTION
        WHEN lock_not_available THEN
            PERFORM public.raise_invalid_row(
                'report_data_collections',
                CASE WHEN NEW.start_date <> OLD.start_date THEN 'start_date' ELSE 'end_date' END,
                'a week of the collection is being updated at this moment; try again'
            );
    END;

    IF EXISTS (
        SELECT FROM public.report_data_weeks WHERE collection_id = NEW.id AND status <> 'PENDING'
    ) THEN
        IF NEW.start_date <> OLD.start_date THEN
            PERFORM public.raise_invalid_row('report_data_collections', 'start_date', format(
                'cannot change from %s: weeks have already been run; make a new collection',
                OLD.start_date
            ));
        ELSIF NEW.end_date < OLD.end_date THEN
            PERFORM public.raise_invalid_row('report_data_collections', 'end_date', format(
                'cannot be earlier than %s: weeks have already been run; make a new collection',
                OLD.end_date
            ));
        END IF;

        SELECT week.* INTO moved
        FROM public.report_data_weeks AS week
        WHERE week.collection_id = NEW.id
            AND week.status <> 'PENDING'
            AND NOT EXISTS (
                SELECT FROM public.split_into_weeks(NEW.start_date, NEW.end_date) AS wanted
                WHERE wanted.week_start_date = week.week_start_date
                    AND wanted.week_end_date = week.week_end_date
            )
        ORDER BY week.week_start_date
        LIMIT 1;
        IF FOUND THEN
            PERFORM public.raise_invalid_row('report_data_collections', 'end_date', format(
                'the week from %s to %s has already been run and would get other dates;'
                ' make a new collection from %s on',
                moved.week_start_date, moved.week_end_date, moved.week_end_date + 1
            ));
        END IF;
    END IF;

    PERFORM public.create_collection_weeks(NEW.id, NEW.start_date, NEW.end_date);
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_sync_collection_weeks
    AFTER UPDATE OF start_date, end_date ON report_data_collections
    FOR EACH ROW
    WHEN ((OLD.start_date, OLD.end_date) IS DISTINCT FROM (NEW.start_date, NEW.end_date))
    EXECUTE FUNCTION sync_collection_weeks();

-- Weeks that end during a pause do not change the status. At the end of the pause they decide
-- again.
CREATE FUNCTION public.refresh_resumed_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.refresh_collection_progress(NEW.id);
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_sync_resumed_collection
    AFTER UPDATE OF status ON report_data_collections
    FOR EACH ROW
    WHEN (OLD.status = 'PAUSED' AND NEW.status = 'ACTIVE')
    EXECUTE FUNCTION refresh_resumed_collection();

-- The time zone of a collection says where its days begin. A change after weeks have been run would
-- move every window, and all weeks would be queried again.
CREATE FUNCTION public.check_collection_time_zone()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.report_data_weeks WHERE collection_id = NEW.id AND status <> 'PENDING'
    ) THEN
        PERFORM public.raise_invalid_row('report_data_collections', 'parameters', format(
            'timezone cannot change from %s: weeks have already been run; make a new collection',
            COALESCE(OLD.parameters ->> 'timezone', 'UTC')
        ));
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_check_collection_time_zone
    AFTER UPDATE OF parameters ON report_data_collections
    FOR EACH ROW
    WHEN (
        COALESCE(OLD.parameters ->> 'timezone', 'UTC')
        IS DISTINCT FROM COALESCE(NEW.parameters ->> 'timezone', 'UTC')
    )
    EXECUTE FUNCTION check_collection_time_zone();

-- Collections of the application that still have to be collected.
SELECT create_collection_weeks(collection.id, collection.start_date, collection.end_date)
FROM report_data_collections AS collection
WHERE collection.status IN ('ACTIVE', 'PAUSED')
    AND collection.end_date >= collection.start_date
    AND NOT EXISTS (
        SELECT FROM report_data_weeks AS week WHERE week.collection_id = collection.id
    );
