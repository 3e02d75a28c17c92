-- The next tick is found in a bounded number of steps. Where the clocks of a zone go back over
-- midnight, the search could return to the first of two midnights and never end. Where the clocks
-- always skip the times of an expression, it looked at all years to come.

-- Walk real time and skip what cannot match: whole days, else hours, else minutes. Nothing is
-- skipped over a change of the zone's offset, so repeated and missing times need no rule.
CREATE OR REPLACE FUNCTION public.cron_next_minute(
    ticks public.cron_ticks, time_zone TEXT, after TIMESTAMPTZ
)
RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate TIMESTAMPTZ :=
        (date_trunc('minute', after AT TIME ZONE 'UTC') + INTERVAL '1 minute') AT TIME ZONE 'UTC';
    latest CONSTANT TIMESTAMPTZ := candidate + INTERVAL '41 years';
    wall_time TIMESTAMP;
    hour_matches BOOLEAN;
    keeps_offset_for_a_day BOOLEAN;
    keeps_offset_for_an_hour BOOLEAN;
    checked_date DATE;
    date_matches BOOLEAN;
BEGIN
    WHILE candidate < latest LOOP
        wall_time := candidate AT TIME ZONE time_zone;
        IF wall_time::DATE IS DISTINCT FROM checked_date THEN
            checked_date := wall_time::DATE;
            date_matches := public.cron_date_matches(ticks, checked_date);
        END IF;
        hour_matches := EXTRACT(HOUR FROM wall_time)::INTEGER = ANY (ticks.hours);

        IF date_matches AND hour_matches
            AND EXTRACT(MINUTE FROM wall_time)::INTEGER = ANY (ticks.minutes)
        THEN
            RETURN candidate;
        END IF;

        keeps_offset_for_a_day := (candidate + INTERVAL '25 hours') AT TIME ZONE time_zone
            - wall_time = INTERVAL '25 hours';
        keeps_offset_for_an_hour := (candidate + INTERVAL '1 hour') AT TIME ZONE time_zone
            - wall_time = INTERVAL '1 hour';
        candidate := CASE
            WHEN date_matches AND hour_matches OR NOT keeps_offset_for_an_hour
                THEN candidate + INTERVAL '1 minute'
            WHEN keeps_offset_for_a_day AND NOT date_matches
                -- The midnight of that date may have passed once already.
                THEN GREATEST(
                    candidate + INTERVAL '1 minute',
                    public.wall_time_instant(
                        public.cron_first_date(ticks, checked_date + 1), time_zone
                    )
                )
            ELSE candidate + make_interval(mins => 60 - EXTRACT(MINUTE FROM wall_time)::INTEGER)
        END;
    END LOOP;
    PERFORM public.raise_invalid_row('workflow_schedules', 'cron_expression', format(
        'it has no tick in %s within 41 years: the clocks skip its times', time_zone
    ));
END;
$$;
