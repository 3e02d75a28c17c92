-- The pipeline and the database agree on when an expression ticks at most once a day, and on the date
-- that such a tick belongs to.

-- Once a day: minute and hour have one value each. 0-0 and */24 are one value too.
CREATE OR REPLACE FUNCTION public.cron_parse(expression TEXT)
RETURNS public.cron_ticks
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    text_of CONSTANT TEXT := upper(btrim(expression, E' \t\n\r'));
    fields CONSTANT TEXT[] := regexp_split_to_array(
        CASE text_of
            WHEN '@HOURLY' THEN '0 * * * *'
            WHEN '@DAILY' THEN '0 0 * * *'
            WHEN '@MIDNIGHT' THEN '0 0 * * *'
            WHEN '@WEEKLY' THEN '0 0 * * 0'
            WHEN '@MONTHLY' THEN '0 0 1 * *'
            WHEN '@YEARLY' THEN '0 0 1 1 *'
            WHEN '@ANNUALLY' THEN '0 0 1 1 *'
            ELSE text_of
        END,
        E'[ \t\n\r]+'
    );
    ticks public.cron_ticks;
BEGIN
    IF cardinality(fields) IS DISTINCT FROM 5 THEN
        PERFORM public.raise_invalid_row('workflow_schedules', 'cron_expression', format(
            '%L does not have five fields (minute, hour, day of month, month, day of week);'
            ' for example ''0 6 * * 1'' is 06:00 on Mondays', expression
        ));
    END IF;

    ticks.minutes := public.cron_field(fields[1], 'minute', 0, 59, '{}');
    ticks.hours := public.cron_field(fields[2], 'hour', 0, 23, '{}');
    ticks.days := public.cron_field(fields[3], 'day of month', 1, 31, '{}');
    ticks.months := public.cron_field(
        fields[4], 'month', 1, 12, '{JAN,FEB,MAR,APR,MAY,JUN,JUL,AUG,SEP,OCT,NOV,DEC}'
    );
    ticks.weekdays := ARRAY(
        SELECT weekday % 7
        FROM unnest(
            public.cron_field(fields[5], 'day of week', 0, 7, '{SUN,MON,TUE,WED,THU,FRI,SAT}')
        ) AS weekday
    );
    ticks.either_day := fields[3] NOT LIKE '*%' AND fields[5] NOT LIKE '*%';
    ticks.once_a_day := ticks.minutes[1] = ALL (ticks.minutes)
        AND ticks.hours[1] = ALL (ticks.hours);
    RETURN ticks;
END;
$$;

-- The end of the window of a tick, as recomamp.domain.scheduling.windows computes it. Where the clocks
-- skip the last hour of a date, its tick moves over midnight, and its window is that of its own date.
CREATE OR REPLACE FUNCTION public.schedule_window_end(
    cron_expression TEXT, time_zone TEXT, parameters JSONB, tick TIMESTAMPTZ
)
RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ticks CONSTANT public.cron_ticks := public.cron_parse(cron_expression);
    lag_days CONSTANT INTEGER := CASE
        WHEN jsonb_typeof(parameters #> '{window,lag_days}') = 'number'
            THEN (parameters #>> '{window,lag_days}')::NUMERIC::INTEGER
        ELSE 2
    END;
    is_moved CONSTANT BOOLEAN := ticks.once_a_day
        AND (tick AT TIME ZONE time_zone)::TIME < make_time(ticks.hours[1], ticks.minutes[1], 0);
BEGIN
    RETURN public.days_before(tick, lag_days + is_moved::INTEGER, time_zone, ticks.once_a_day);
END;
$$;

-- It reads no table. SECURITY DEFINER: the functions that it calls are the owner's alone.
CREATE OR REPLACE FUNCTION public.schedule_preview_for(
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
        window_end := public.schedule_window_end(cron_expression, zone, parameters, due_at);
        window_start := CASE
            WHEN lookback_days IS NULL
                THEN public.schedule_window_end(cron_expression, zone, parameters, previous_tick)
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
