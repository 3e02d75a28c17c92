-- Ticks of a cron expression in a time zone.
--
-- Five fields: minute, hour, day of month, month, day of week (0 or 7 is Sunday). Lists, ranges,
-- steps, names of months and weekdays, and the usual aliases; nothing else. When both day fields
-- are restricted either may match; a field that starts with * is not a restriction in that sense.
--
-- "Once a day" is an expression whose hour and minute are single numbers. It ticks at the local
-- wall time of every matching date. A time that the spring change skips moves forward by the gap. A
-- time that the autumn change repeats is its first occurrence. Any other expression ticks in every
-- real minute whose local wall time matches: twice where the clock repeats an hour, never in the
-- gap.

-- A number or a name as a number; NULL when it is neither.
CREATE FUNCTION public.cron_value(word TEXT, lowest INTEGER, names TEXT[])
RETURNS INTEGER
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN word ~ '^[0-9]+$' THEN word::INTEGER
        ELSE array_position(names, word) - 1 + lowest
    END;
$$;

-- The values that a field allows, e.g. '1-5/2,9' between 0 and 59 is {1,3,5,9}.
-- names are words for the values from the lowest on.
CREATE FUNCTION public.cron_field(
    field TEXT, field_name TEXT, lowest INTEGER, highest INTEGER, names TEXT[]
)
RETURNS INTEGER[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part TEXT;
    pieces TEXT[];
    from_value INTEGER;
    to_value INTEGER;
    step INTEGER;
    a_field CONSTANT TEXT := CASE field_name WHEN 'hour' THEN 'an ' ELSE 'a ' END || field_name;
    allowed INTEGER[] := '{}';
BEGIN
    FOREACH part IN ARRAY string_to_array(field, ',') LOOP
        -- The pattern also takes some invalid forms, which the code below refuses. No value has
        -- more than four digits.
        pieces := regexp_match(
            part, '^(?:(\*)|([0-9]{1,4}|[A-Z]{3})(?:-([0-9]{1,4}|[A-Z]{3}))?)(?:/([0-9]{1,4}))?$'
        );
        IF pieces IS NULL OR (pieces[4] IS NOT NULL AND pieces[1] IS NULL AND pieces[3] IS NULL)
        THEN
            PERFORM public.raise_invalid_row('workflow_schedules', 'cron_expression', format(
                '%L is not %s; write *, a number, a range a-b, a step */n or a-b/n,'
                ' or a list of these', part, a_field
            ));
        END IF;

        step := COALESCE(pieces[4]::INTEGER, 1);
        IF pieces[1] IS NOT NULL THEN
            from_value := lowest;
            to_value := highest;
        ELSE
            from_value := public.cron_value(pieces[2], lowest, names);
            to_value := public.cron_value(COALESCE(pieces[3], pieces[2]), lowest, names);
            IF field_name = 'day of week' AND to_value = 0 AND from_value > 0 THEN
                to_value := 7; -- FRI-SUN: Sunday ends the week too
            END IF;
        END IF;

        IF step < 1 OR from_value IS NULL OR to_value IS NULL
            OR from_value < lowest OR GREATEST(from_value, to_value) > highest
        THEN
            PERFORM public.raise_invalid_row('workflow_schedules', 'cron_expression', format(
                '%L is not %s; values go from %s to %s', part, a_field, lowest, highest
            ));
        ELSIF from_value > to_value THEN
            PERFORM public.raise_invalid_row('workflow_schedules', 'cron_expression', format(
                '%L is not %s; a range goes upwards: write two ranges separated by a comma',
                part, a_field
            ));
        END IF;
        allowed := allowed || ARRAY(SELECT generate_series(from_value, to_value, step));
    END LOOP;

    RETURN allowed;
END;
$$;

CREATE TYPE cron_ticks AS (
    minutes INTEGER[],
    hours INTEGER[],
    days INTEGER[],
    months INTEGER[],
    weekdays INTEGER[],
    either_day BOOLEAN, -- both day fields are restricted: one that matches is enough
    once_a_day BOOLEAN
);

CREATE FUNCTION public.cron_parse(expression TEXT)
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
    ticks.once_a_day := fields[1] ~ '^[0-9]+$' AND fields[2] ~ '^[0-9]+$';
    RETURN ticks;
END;
$$;

CREATE FUNCTION public.cron_date_matches(ticks public.cron_ticks, local_date DATE)
RETURNS BOOLEAN
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    by_day CONSTANT BOOLEAN := EXTRACT(DAY FROM local_date)::INTEGER = ANY (ticks.days);
    by_weekday CONSTANT BOOLEAN := EXTRACT(DOW FROM local_date)::INTEGER = ANY (ticks.weekdays);
BEGIN
    RETURN EXTRACT(MONTH FROM local_date)::INTEGER = ANY (ticks.months)
        AND CASE
            WHEN ticks.either_day THEN by_day OR by_weekday
            ELSE by_day AND by_weekday
        END;
END;
$$;

-- The first matching date from a given one on. The calendar repeats the worst case, a 29 February
-- on one day of the week, within 40 years. An expression without a date until then never ticks.
CREATE FUNCTION public.cron_first_date(ticks public.cron_ticks, earliest DATE)
RETURNS DATE
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate DATE := earliest;
BEGIN
    WHILE candidate < earliest + 41 * 366 LOOP
        IF NOT EXTRACT(MONTH FROM candidate)::INTEGER = ANY (ticks.months) THEN
            candidate := (date_trunc('month', candidate::TIMESTAMP) + INTERVAL '1 month')::DATE;
        ELSIF public.cron_date_matches(ticks, candidate) THEN
            RETURN candidate;
        ELSE
            candidate := candidate + 1;
        END IF;
    END LOOP;
    PERFORM public.raise_invalid_row(
        'workflow_schedules', 'cron_expression', 'no date ever matches its days and months'
    );
END;
$$;

-- The instant of a local wall time: moved forward by the gap where the clock skips it, the first
-- one where the clock repeats it. PostgreSQL skips a gap by itself, but takes the second of two.
CREATE FUNCTION public.wall_time_instant(wall_time TIMESTAMP, time_zone TEXT)
RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    instant CONSTANT TIMESTAMPTZ := wall_time AT TIME ZONE time_zone;
    -- No change of offset is larger than 25 hours, the date line included.
    day_before CONSTANT TIMESTAMPTZ := instant - INTERVAL '25 hours';
    offset_before CONSTANT INTERVAL :=
        (day_before AT TIME ZONE time_zone) - (day_before AT TIME ZONE 'UTC');
    first_instant CONSTANT TIMESTAMPTZ := (wall_time - offset_before) AT TIME ZONE 'UTC';
BEGIN
    IF first_instant < instant AND first_instant AT TIME ZONE time_zone = wall_time THEN
        RETURN first_instant;
    END IF;
    RETURN instant;
END;
$$;

CREATE FUNCTION public.cron_next_day(ticks public.cron_ticks, time_zone TEXT, after TIMESTAMPTZ)
RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    time_of_day CONSTANT INTERVAL :=
        make_interval(hours => ticks.hours[1], mins => ticks.minutes[1]);
    -- The search begins two days back: a tick that moved over a gap may be later than its date.
    candidate DATE := (after AT TIME ZONE time_zone)::DATE - 2;
    tick TIMESTAMPTZ;
BEGIN
    LOOP
        candidate := public.cron_first_date(ticks, candidate);
        tick := public.wall_time_instant(candidate + time_of_day, time_zone);
        IF tick > after THEN
            RETURN tick;
        END IF;
        candidate := candidate + 1;
    END LOOP;
END;
$$;

-- Walk real time and skip what cannot match: whole days, else hours, else minutes. Within a day of
-- a change of the zone's offset nothing is skipped, so repeated and missing times need no rule.
CREATE FUNCTION public.cron_next_minute(ticks public.cron_ticks, time_zone TEXT, after TIMESTAMPTZ)
RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate TIMESTAMPTZ :=
        (date_trunc('minute', after AT TIME ZONE 'UTC') + INTERVAL '1 minute') AT TIME ZONE 'UTC';
    wall_time TIMESTAMP;
    steady BOOLEAN;
    checked_date DATE;
    date_matches BOOLEAN;
BEGIN
    LOOP
        wall_time := candidate AT TIME ZONE time_zone;
        IF wall_time::DATE IS DISTINCT FROM checked_date THEN
            checked_date := wall_time::DATE;
            date_matches := public.cron_date_matches(ticks, checked_date);
        END IF;

        IF date_matches
            AND EXTRACT(HOUR FROM wall_time)::INTEGER = ANY (ticks.hours)
            AND EXTRACT(MINUTE FROM wall_time)::INTEGER = ANY (ticks.minutes)
        THEN
            RETURN candidate;
        END IF;

        steady := (candidate + INTERVAL '25 hours') AT TIME ZONE time_zone - wall_time
            = INTERVAL '25 hours';
        candidate := CASE
            WHEN NOT steady THEN candidate + INTERVAL '1 minute'
            WHEN NOT date_matches THEN
                public.wall_time_instant(public.cron_first_date(ticks, checked_date + 1), time_zone)
            WHEN NOT EXTRACT(HOUR FROM wall_time)::INTEGER = ANY (ticks.hours) THEN
                candidate + make_interval(mins => 60 - EXTRACT(MINUTE FROM wall_time)::INTEGER)
            ELSE candidate + INTERVAL '1 minute'
        END;
    END LOOP;
END;
$$;

-- The first tick after an instant.
CREATE FUNCTION public.cron_next(expression TEXT, time_zone TEXT, after TIMESTAMPTZ)
RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ticks CONSTANT public.cron_ticks := public.cron_parse(expression);
BEGIN
    IF time_zone IS NULL OR after IS NULL OR NOT isfinite(after) THEN
        RETURN NULL;
    END IF;
    IF ticks.once_a_day THEN
        RETURN public.cron_next_day(ticks, time_zone, after);
    END IF;
    RETURN public.cron_next_minute(ticks, time_zone, after);
END;
$$;

-- True where the expression ticks at this instant. Seconds count: a tick is on the full minute.
CREATE FUNCTION public.cron_matches(expression TEXT, time_zone TEXT, instant TIMESTAMPTZ)
RETURNS BOOLEAN
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT public.cron_next(expression, time_zone, instant - INTERVAL '1 microsecond') = instant;
$$;

-- The fewest minutes between two ticks of an expression, as if every day matched. The time from the
-- last tick of a day to the first of the next one counts as well.
CREATE FUNCTION public.cron_shortest_interval(expression TEXT)
RETURNS INTEGER
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH parsed AS (
        SELECT * FROM public.cron_parse(expression)
    ),
    ticks AS (
        SELECT DISTINCT hour * 60 + minute AS minute
        FROM parsed, unnest(parsed.hours) AS hour, unnest(parsed.minutes) AS minute
    )
    SELECT MIN(gap)::INTEGER
    FROM (
        SELECT
            COALESCE(LEAD(minute) OVER (ORDER BY minute), 1440 + MIN(minute) OVER ())
            - minute AS gap
        FROM ticks
    ) AS gaps;
$$;
