-- What people read of results, of coming windows and of collections.
--
-- Each view selects from a function that runs with the rights of its caller, row level security
-- included: PostgreSQL has security_invoker views only from 15 on. The planner puts such a function
-- into the statement, like a subquery, so that conditions reach the indexes. It does so only where
-- the function has no SET clause. So these functions name every object with its schema instead.
-- Their caller is also whose rights they have: nobody else's could be misused. docs/adr/0031 gives
-- reasons.

-- Of each workflow, source and window the latest success that was loaded until a time. The source
-- is a schedule, a collection, or neither, where it was deleted. Executions without a window are
-- left out: nothing says which of them read the same data.
CREATE FUNCTION public.results_as_of(loaded_until TIMESTAMPTZ)
RETURNS TABLE (
    execution_id UUID,
    workflow_id UUID,
    workflow_name TEXT,
    schedule_id UUID,
    collection_id UUID,
    instance_id UUID,
    window_start TIMESTAMPTZ,
    window_end TIMESTAMPTZ,
    window_time_zone TEXT,
    window_type TEXT,
    result_rows INTEGER,
    result_size_bytes BIGINT,
    files JSONB,
    columns JSONB,
    document_truncated BOOLEAN,
    files_deleted_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    results_loaded_at TIMESTAMPTZ,
    versions BIGINT
)
LANGUAGE sql STABLE
AS $$
    SELECT
        version.id,
        version.workflow_id,
        workflow.name,
        version.schedule_id,
        version.collection_id,
        version.instance_id,
        version.window_start,
        version.window_end,
        version.window_time_zone,
        version.window_type,
        version.result_rows,
        version.result_size_bytes,
        version.result_data -> 'files',
        version.result_data #> '{schema,fields}',
        version.result_data -> 'truncated' = 'true',
        version.result_files_deleted_at,
        version.completed_at,
        version.results_loaded_at,
        version.versions
    FROM (
        SELECT
            execution.*,
            COUNT(*) OVER same_window AS versions,
            ROW_NUMBER() OVER (
                same_window ORDER BY execution.completed_at DESC NULLS LAST, execution.id DESC
            ) AS place
        FROM public.workflow_executions AS execution
        WHERE execution.status = 'SUCCESS'
            AND execution.window_start IS NOT NULL
            AND execution.window_end IS NOT NULL
            AND COALESCE(execution.results_loaded_at, execution.completed_at, execution.created_at)
                <= loaded_until
            -- A contract or a condition of the user refuses it (0017).
            AND COALESCE(execution.error_type, '') NOT IN ('CONTRACT_BROKEN', 'CHECK_FAILED')
        -- What is in this list may be a condition of the reader that an index serves.
        WINDOW same_window AS (
            PARTITION BY
                execution.workflow_id, execution.schedule_id, execution.collection_id,
                execution.window_type, execution.window_start, execution.window_end
        )
    ) AS version
    JOIN public.workflows AS workflow ON workflow.id = version.workflow_id
    WHERE version.place = 1;
$$;
COMMENT ON FUNCTION results_as_of(TIMESTAMPTZ) IS
    'Of each workflow, schedule or collection, and window: the latest success that was loaded '
    'until that time. Analysts and the pipeline call it. The columns are those of the view '
    'current_results.';

CREATE VIEW current_results AS SELECT * FROM public.results_as_of('infinity');
COMMENT ON VIEW current_results IS
    'Of each workflow, schedule or collection, and window: the latest success that no rule of the '
    'user refuses. versions counts these. It stays current where its files are deleted: files_deleted_at says so. '
    'Users read their own rows.';


-- The rows of a result ----------------------------------------------------------------------------

CREATE FUNCTION public.result_rows(
    execution_id UUID, row_limit INTEGER DEFAULT 1000, row_offset INTEGER DEFAULT 0
)
RETURNS TABLE (
    row_number BIGINT,
    result_row JSONB,
    result_rows INTEGER,
    is_truncated BOOLEAN
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF row_limit IS NULL OR row_limit NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'result_rows: row_limit is %; write a number from 1 to 10000',
            COALESCE(row_limit::TEXT, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    ELSIF row_offset IS NULL OR row_offset NOT BETWEEN 0 AND 10000 THEN
        RAISE EXCEPTION 'result_rows: row_offset is %; write a number from 0 to 10000',
            COALESCE(row_offset::TEXT, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    SELECT
        row_offset + listed.place,
        listed.value,
        execution.result_rows,
        COALESCE(execution.result_data -> 'truncated' = 'true', false)
    FROM public.workflow_executions AS execution
    CROSS JOIN LATERAL jsonb_path_query(
        execution.result_data,
        '$.data[$first to $last]',
        jsonb_build_object('first', row_offset, 'last', row_offset + row_limit - 1)
    ) WITH ORDINALITY AS listed (value, place)
    WHERE execution.id = result_rows.execution_id AND execution.status = 'SUCCESS'
    ORDER BY listed.place;
END;
$$;
COMMENT ON FUNCTION result_rows(UUID, INTEGER, INTEGER) IS
    'The rows of an execution''s result document, as JSON objects with exact numbers. row_number '
    'counts from 1. is_truncated: the document has fewer rows than the result, whose number is '
    'result_rows. Analysts call it.';


-- The next windows of a schedule ------------------------------------------------------------------

-- The days of a window are checked here for a row that is written, and for one that is only thought
-- of.
CREATE FUNCTION public.require_window_days(table_name TEXT, window_options JSONB)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    days RECORD;
BEGIN
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
            PERFORM public.raise_invalid_row(table_name, 'parameters', format(
                'window.%s is %s; write a whole number of days from %s to %s',
                days.name, COALESCE(left(days.text, 50), 'null'), days.least, days.most
            ));
        END IF;
    END LOOP;
END;
$$;

CREATE OR REPLACE FUNCTION public.check_window()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The row's DAG reports any other problem with the window.
    IF jsonb_typeof(NEW.parameters -> 'window') = 'object'
        AND (TG_OP = 'INSERT' OR NEW.parameters IS DISTINCT FROM OLD.parameters)
    THEN
        PERFORM public.require_window_days(TG_TABLE_NAME::TEXT, NEW.parameters -> 'window');
    END IF;
    RETURN NEW;
END;
$$;

-- The last tick at an instant or before. The span that is searched doubles until it has a tick. Then
-- it is halved: no tick is later than high, and low is one. The calendar repeats within 41 years.
CREATE FUNCTION public.cron_last(expression TEXT, time_zone TEXT, until TIMESTAMPTZ)
RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    span INTERVAL := INTERVAL '1 hour';
    low TIMESTAMPTZ := public.cron_next(expression, time_zone, until - span);
    high TIMESTAMPTZ := until;
    middle TIMESTAMPTZ;
    tick TIMESTAMPTZ;
BEGIN
    WHILE low > until AND span < INTERVAL '400000 hours' LOOP
        high := until - span;
        span := span * 2;
        low := public.cron_next(expression, time_zone, until - span);
    END LOOP;
    IF low > until THEN
        RETURN NULL;
    END IF;
    WHILE high - low >= INTERVAL '1 minute' LOOP
        middle := low + (high - low) / 2;
        tick := public.cron_next(expression, time_zone, middle);
        IF tick <= high THEN
            low := tick;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END;
$$;

-- So many days before an instant, as ScheduleWindows counts them. Where the expression ticks at most
-- once a day, it is the midnight of a date in the zone. Else days have 24 hours.
CREATE FUNCTION public.days_before(
    instant TIMESTAMPTZ, days INTEGER, time_zone TEXT, once_a_day BOOLEAN
)
RETURNS TIMESTAMPTZ
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN once_a_day THEN public.wall_time_instant(
            ((instant AT TIME ZONE time_zone)::DATE - days)::TIMESTAMP, time_zone
        )
        ELSE instant - make_interval(hours => 24 * days)
    END;
$$;

-- It reads no table. SECURITY DEFINER: the functions that it calls are the owner's alone.
CREATE FUNCTION public.schedule_preview_for(
    cron_expression TEXT,
    time_zone TEXT,
    parameters JSONB DEFAULT '{}',
    ticks INTEGER DEFAULT 10,
    after TIMESTAMPTZ DEFAULT NOW()
)
RETURNS TABLE (
    due_at TIMESTAMPTZ,
    window_start TIMESTAMPTZ,
    window_end TIMESTAMPTZ,
    window_time_zone TEXT,
    window_type TEXT,
    local_due_at TIMESTAMP,
    local_window_start TIMESTAMP,
    local_window_end TIMESTAMP
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    zone CONSTANT TEXT := COALESCE(time_zone, 'UTC');
    options CONSTANT JSONB := COALESCE(parameters, '{}') -> 'window';
    lag_days INTEGER;
    lookback_days INTEGER;
    once_a_day BOOLEAN;
    previous_tick TIMESTAMPTZ;
    unknown TEXT;
BEGIN
    IF ticks IS NULL OR ticks NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'schedule_preview: ticks is %; write a number from 1 to 100',
            COALESCE(ticks::TEXT, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- What the table refuses, in the order in which its triggers do.
    IF char_length(cron_expression) > 200 THEN
        PERFORM public.raise_invalid_row('workflow_schedules', 'cron_expression', format(
            'has %s characters, at most 200 are possible; shorten it', char_length(cron_expression)
        ));
    ELSIF char_length(zone) > 64 THEN
        PERFORM public.raise_invalid_row('workflow_schedules', 'timezone', format(
            'has %s characters, at most 64 are possible; shorten it', char_length(zone)
        ));
    END IF;
    IF jsonb_typeof(options) = 'object' THEN
        PERFORM public.require_window_days('workflow_schedules', options);
    END IF;
    PERFORM public.require_time_zone('workflow_schedules', 'timezone', zone);
    PERFORM public.require_object(
        'workflow_schedules', 'parameters', COALESCE(schedule_preview_for.parameters, '{}')
    );
    once_a_day := (public.cron_parse(cron_expression)).once_a_day;
    -- What makes the row's DAG invalid.
    IF jsonb_typeof(options) <> 'object' THEN
        PERFORM public.raise_invalid_row('workflow_schedules', 'parameters',
            'window is no JSON object such as {"lag_days": 2}');
    END IF;
    SELECT MIN(name) INTO unknown
    FROM jsonb_object_keys(COALESCE(options, '{}')) AS name
    WHERE name NOT IN (
        'catchup', 'lag_days', 'lookback_days', 'restate_days', 'restate_threshold', 'type'
    );
    IF unknown IS NOT NULL THEN
        PERFORM public.raise_invalid_row('workflow_schedules', 'parameters', format(
            'window: unknown %L; known: catchup, lag_days, lookback_days, restate_days,'
            ' restate_threshold, type', left(unknown, 50)
        ));
    ELSIF options ? 'type' AND COALESCE(options ->> 'type', '') NOT IN (
        'EXPLICIT', 'MOST_RECENT_DAY', 'MOST_RECENT_WEEK', 'CURRENT_MONTH', 'PREVIOUS_MONTH'
    ) THEN
        PERFORM public.raise_invalid_row('workflow_schedules', 'parameters', format(
            'window.type: %s is none of EXPLICIT, MOST_RECENT_DAY, MOST_RECENT_WEEK,'
            ' CURRENT_MONTH, PREVIOUS_MONTH', left((options -> 'type')::TEXT, 50)
        ));
    ELSIF jsonb_typeof(options -> 'catchup') <> 'boolean' THEN
        PERFORM public.raise_invalid_row('workflow_schedules', 'parameters', format(
            'window.catchup: %s is neither true nor false', left((options -> 'catchup')::TEXT, 50)
        ));
    END IF;

    lag_days := COALESCE((options ->> 'lag_days')::INTEGER, 2);
    lookback_days := (options ->> 'lookback_days')::INTEGER;
    window_time_zone := zone;
    window_type := COALESCE(options ->> 'type', 'EXPLICIT');
    -- Beyond these years no row names a time.
    due_at := LEAST(
        GREATEST(COALESCE(after, NOW()), '2000-01-01 00:00:00+00'), '2100-01-01 00:00:00+00'
    );
    IF lookback_days IS NULL THEN
        previous_tick := public.cron_last(cron_expression, zone, due_at);
    END IF;
    FOR number IN 1..ticks LOOP
        due_at := public.cron_next(cron_expression, zone, due_at);
        window_end := public.days_before(due_at, lag_days, zone, once_a_day);
        window_start := CASE
            WHEN lookback_days IS NULL
                THEN public.days_before(previous_tick, lag_days, zone, once_a_day)
            ELSE public.days_before(window_end, lookback_days, zone, once_a_day)
        END;
        local_due_at := due_at AT TIME ZONE zone;
        local_window_start := window_start AT TIME ZONE zone;
        local_window_end := window_end AT TIME ZONE zone;
        RETURN NEXT;
        previous_tick := due_at;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION schedule_preview_for(TEXT, TEXT, JSONB, INTEGER, TIMESTAMPTZ) IS
    'The next ticks of a schedule that is not inserted yet, with the window of each. The columns '
    'local_… are wall times of the zone. Analysts call it. An error names the column to correct.';

CREATE FUNCTION public.schedule_preview(schedule_id UUID, ticks INTEGER DEFAULT 10)
RETURNS TABLE (
    due_at TIMESTAMPTZ,
    window_start TIMESTAMPTZ,
    window_end TIMESTAMPTZ,
    window_time_zone TEXT,
    window_type TEXT,
    local_due_at TIMESTAMP,
    local_window_start TIMESTAMP,
    local_window_end TIMESTAMP
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT preview.*
    FROM public.workflow_schedules AS schedule
    CROSS JOIN LATERAL public.schedule_preview_for(
        schedule.cron_expression, schedule.timezone, schedule.parameters, ticks
    ) AS preview
    WHERE schedule.id = schedule_id;
$$;
COMMENT ON FUNCTION schedule_preview(UUID, INTEGER) IS
    'The next ticks of a schedule, with the window of each, as if it were active. The columns '
    'local_… are wall times of its zone. Analysts call it.';


-- The progress of collections ---------------------------------------------------------------------

CREATE FUNCTION public.progress_of_collections()
RETURNS TABLE (
    collection_id UUID,
    name TEXT,
    workflow_id UUID,
    workflow_name TEXT,
    instance_id UUID,
    status TEXT,
    start_date DATE,
    end_date DATE,
    weeks BIGINT,
    pending_weeks BIGINT,
    running_weeks BIGINT,
    successful_weeks BIGINT,
    failed_weeks BIGINT,
    skipped_weeks BIGINT,
    progress_percentage NUMERIC,
    first_open_week DATE,
    last_open_week DATE,
    result_rows NUMERIC,
    average_seconds NUMERIC,
    estimated_completion TIMESTAMPTZ,
    next_due_week DATE,
    next_due_at TIMESTAMPTZ,
    failures JSONB
)
LANGUAGE sql STABLE
AS $$
    SELECT
        collection.id,
        collection.name,
        collection.workflow_id,
        workflow.name,
        collection.instance_id,
        collection.status,
        collection.start_date,
        collection.end_date,
        counted.weeks,
        counted.pending_weeks,
        counted.running_weeks,
        counted.successful_weeks,
        counted.failed_weeks,
        counted.skipped_weeks,
        collection.progress_percentage::NUMERIC,
        counted.first_open_week,
        counted.last_open_week,
        counted.result_rows,
        counted.average_seconds,
        collection.estimated_completion,
        next_due.week_start_date,
        public.collection_week_due_at(next_due.week_end_date, collection.parameters),
        COALESCE(failed.failures, '[]')
    FROM public.report_data_collections AS collection
    JOIN public.workflows AS workflow ON workflow.id = collection.workflow_id
    CROSS JOIN LATERAL (
        SELECT
            COUNT(*) AS weeks,
            COUNT(*) FILTER (WHERE week.status = 'PENDING') AS pending_weeks,
            COUNT(*) FILTER (WHERE week.status = 'RUNNING') AS running_weeks,
            COUNT(*) FILTER (WHERE week.status = 'SUCCESS') AS successful_weeks,
            COUNT(*) FILTER (WHERE week.status = 'FAILED') AS failed_weeks,
            COUNT(*) FILTER (WHERE week.status = 'SKIPPED') AS skipped_weeks,
            MIN(week.week_start_date) FILTER (
                WHERE week.status IN ('PENDING', 'RUNNING')
            ) AS first_open_week,
            MAX(week.week_start_date) FILTER (
                WHERE week.status IN ('PENDING', 'RUNNING')
            ) AS last_open_week,
            COALESCE(SUM(week.result_rows) FILTER (WHERE week.status = 'SUCCESS'), 0)::NUMERIC
                AS result_rows,
            -- As refresh_collection_progress() forecasts the end by it.
            ROUND(AVG(COALESCE(
                week.execution_duration,
                EXTRACT(EPOCH FROM week.completed_at - week.started_at)::NUMERIC
            )) FILTER (WHERE week.status IN ('SUCCESS', 'FAILED')), 1) AS average_seconds
        FROM public.report_data_weeks AS week
        WHERE week.collection_id = collection.id
    ) AS counted
    LEFT JOIN LATERAL (
        SELECT week.week_start_date, week.week_end_date
        FROM public.report_data_weeks AS week
        WHERE week.collection_id = collection.id AND week.status = 'PENDING'
        ORDER BY week.week_start_date
        LIMIT 1
    ) AS next_due ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(
            jsonb_build_object(
                'week_start_date', week.week_start_date,
                'execution_id', week.execution_id,
                'error_type', execution.error_type,
                'error_message', week.error_message
            )
            ORDER BY week.week_start_date
        ) AS failures
        FROM public.report_data_weeks AS week
        LEFT JOIN public.workflow_executions AS execution ON execution.id = week.execution_id
        WHERE week.collection_id = collection.id AND week.status = 'FAILED'
    ) AS failed ON true;
$$;
COMMENT ON FUNCTION progress_of_collections() IS
    'What the view collection_progress shows, with the rights of the caller. The view calls it for '
    'analysts.';
COMMENT ON FUNCTION collection_week_due_at(DATE, JSONB) IS
    'Time from which the data of a week can be queried, by its last day and the parameters of its '
    'collection. The view collection_progress calls it for analysts.';

CREATE VIEW collection_progress AS SELECT * FROM public.progress_of_collections();
COMMENT ON VIEW collection_progress IS
    'Of each collection: weeks by status, open weeks, rows, average duration, the forecast of its '
    'end, the next week that is due, and why weeks failed. Users read their own rows.';
