-- The document's two functions and their triggers.
--
-- Both run with the rights of their owner (SECURITY DEFINER, fixed search_path): what they keep true
-- must be counted over all rows, not over those the writing user happens to see or may update.

CREATE OR REPLACE FUNCTION update_workflow_execution_count()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE workflows
        SET last_executed_at = GREATEST(last_executed_at, NEW.created_at)
        WHERE id = NEW.workflow_id;
    END IF;

    RETURN COALESCE(NEW, OLD);
END;
$$;

DROP TRIGGER IF EXISTS trigger_update_workflow_execution_count ON workflow_executions;
CREATE TRIGGER trigger_update_workflow_execution_count
    AFTER INSERT ON workflow_executions
    FOR EACH ROW
    EXECUTE FUNCTION update_workflow_execution_count();


-- The moment from which the data of a week ending on a date may be asked for: its end, and the days
-- the collection waits for attribution (14 unless its parameters say otherwise).
CREATE OR REPLACE FUNCTION collection_week_due_at(week_end DATE, parameters JSONB)
RETURNS TIMESTAMPTZ
LANGUAGE sql STABLE
SET search_path = public, pg_temp
AS $$
    SELECT (week_end + 1 + COALESCE(
        CASE
            WHEN jsonb_typeof(parameters #> '{window,lag_days}') = 'number'
                THEN (parameters #>> '{window,lag_days}')::NUMERIC::INTEGER
        END,
        14
    ))::TIMESTAMP AT TIME ZONE COALESCE(parameters ->> 'timezone', 'UTC');
$$;

-- Count the weeks of one collection and write what follows from them into its row.
--
-- completed_weeks are the successful ones; progress is the share of weeks that need no more work,
-- skipped ones included. The status follows the weeks, with one exception: a pause is a wish of the
-- user and is overridden only by there being nothing left to do.
CREATE OR REPLACE FUNCTION refresh_collection_progress(refreshed_id UUID)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    former report_data_collections%ROWTYPE;
    counted RECORD;
    estimate TIMESTAMPTZ;
    next_status TEXT;
BEGIN
    -- The lock comes before the count, so that of two weeks ending at once the second one counts
    -- the first. NO KEY: a foreign-key check of a concurrent new week must not be waited for.
    SELECT * INTO former
    FROM report_data_collections
    WHERE id = refreshed_id
    FOR NO KEY UPDATE;

    IF NOT FOUND THEN
        RETURN; -- the collection itself is being deleted, its weeks with it
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
    FROM report_data_weeks AS week
    WHERE week.collection_id = refreshed_id;

    next_status := CASE
        WHEN counted.weeks = 0 THEN former.status
        WHEN counted.successful + counted.skipped = counted.weeks THEN 'COMPLETED'
        WHEN former.status = 'PAUSED' THEN 'PAUSED'
        WHEN counted.ended = counted.weeks THEN 'FAILED'
        ELSE 'ACTIVE'
    END;

    -- NULL when no week has ended yet (nothing to average) or when nothing is left to estimate.
    -- A week is not due before its data is complete, however fast the others were.
    IF counted.ended < counted.weeks THEN
        estimate := GREATEST(
            NOW() + make_interval(
                secs => counted.average_seconds * (counted.weeks - counted.ended)
            ),
            CASE WHEN counted.average_seconds IS NOT NULL THEN
                collection_week_due_at(counted.last_pending_date, former.parameters)
            END
        );
    END IF;

    UPDATE report_data_collections
    SET
        total_weeks = counted.weeks,
        completed_weeks = counted.successful,
        failed_weeks = counted.failed,
        progress_percentage = CASE
            WHEN counted.weeks = 0 THEN 0
            -- Rounded down: 100 is said only when it is true.
            ELSE TRUNC((counted.successful + counted.skipped) * 100.0 / counted.weeks, 2)
        END,
        status = next_status,
        started_at = COALESCE(
            former.started_at,
            counted.first_start,
            CASE WHEN counted.begun > 0 THEN NOW() END
        ),
        completed_at = CASE
            WHEN counted.weeks > 0 AND counted.ended = counted.weeks
                THEN COALESCE(counted.last_end, former.completed_at, NOW())
        END,
        estimated_completion = estimate,
        updated_at = NOW()
    WHERE id = refreshed_id;
END;
$$;

CREATE OR REPLACE FUNCTION calculate_collection_progress()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    touched UUID;
BEGIN
    -- Who cuts a collection into weeks counts them when all are cut.
    IF current_setting('recomamp.cutting_weeks', true)
        = (CASE TG_OP WHEN 'DELETE' THEN OLD.collection_id ELSE NEW.collection_id END)::TEXT
    THEN
        RETURN COALESCE(NEW, OLD);
    END IF;

    -- What was retried or why it failed changes no progress: spare the collection's row the lock.
    IF TG_OP = 'UPDATE' AND
        (NEW.collection_id, NEW.status, NEW.week_end_date,
         NEW.execution_duration, NEW.started_at, NEW.completed_at)
        IS NOT DISTINCT FROM
        (OLD.collection_id, OLD.status, OLD.week_end_date,
         OLD.execution_duration, OLD.started_at, OLD.completed_at)
    THEN
        RETURN NEW;
    END IF;

    -- A week that moves to another collection changes two of them; in the order of their ids, so
    -- that two such moves cannot wait for each other.
    FOR touched IN
        SELECT DISTINCT moved.id
        FROM (VALUES
            (CASE WHEN TG_OP <> 'DELETE' THEN NEW.collection_id END),
            (CASE WHEN TG_OP <> 'INSERT' THEN OLD.collection_id END)
        ) AS moved (id)
        WHERE moved.id IS NOT NULL
        ORDER BY moved.id
    LOOP
        PERFORM refresh_collection_progress(touched);
    END LOOP;

    RETURN COALESCE(NEW, OLD);
END;
$$;

DROP TRIGGER IF EXISTS trigger_calculate_collection_progress ON report_data_weeks;
CREATE TRIGGER trigger_calculate_collection_progress
    AFTER INSERT OR UPDATE OR DELETE ON report_data_weeks
    FOR EACH ROW
    EXECUTE FUNCTION calculate_collection_progress();
