-- Every function of ours, safe to run with the rights of its owner.
--
-- search_path is pg_catalog and then pg_temp, and every name of ours is qualified: no object that
-- somebody puts into public can take the place of one that a function means. Bodies are those of
-- the migrations before, where their reasons stand. No function runs SQL that comes in an argument.


-- Counters: what each one counts, in one place. A trigger names its counter and nothing else.
CREATE FUNCTION public.counter(
    counter_name TEXT,
    OUT parent_table TEXT,
    OUT parent_counter TEXT,
    OUT child_table TEXT,
    OUT parent_column TEXT, -- of the child, names the parent
    OUT condition TEXT -- under which a child counts
)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT known.parent_table, known.parent_counter, known.child_table, known.parent_column,
        known.condition
    INTO parent_table, parent_counter, child_table, parent_column, condition
    FROM (VALUES
        ('asin_lists', 'asin_count', 'asin_list_items', 'list_id', 'true'),
        ('query_templates', 'usage_count', 'workflows', 'template_id', 'true'),
        ('build_guides', 'section_count', 'build_guide_sections', 'guide_id', 'true'),
        ('build_guides', 'query_count', 'build_guide_queries', 'guide_id', 'true'),
        ('build_guides', 'favorite_count', 'user_guide_favorites', 'guide_id', 'true'),
        ('build_guides', 'completion_count', 'user_guide_progress', 'guide_id',
            'status = ''COMPLETED''')
    ) AS known (parent_table, parent_counter, child_table, parent_column, condition)
    WHERE known.parent_counter = counter_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is no counter', counter_name;
    END IF;
END;
$$;

-- Add to the parents what a statement changed about their children. Argument: the counter.
-- Transition tables: added, removed.
CREATE OR REPLACE FUNCTION public.count_children()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counter CONSTANT RECORD := public.counter(TG_ARGV[0]);
    plus CONSTANT TEXT := format(
        'SELECT %I AS id, 1 AS one FROM added WHERE %s', counter.parent_column, counter.condition
    );
    minus CONSTANT TEXT := format(
        'SELECT %I AS id, -1 AS one FROM removed WHERE %s',
        counter.parent_column, counter.condition
    );
    changes CONSTANT TEXT := CASE TG_OP
        WHEN 'INSERT' THEN plus
        WHEN 'DELETE' THEN minus
        ELSE plus || ' UNION ALL ' || minus
    END;
    ids UUID[];
    numbers BIGINT[];
BEGIN
    EXECUTE format(
        'SELECT array_agg(id), array_agg(number) FROM ('
        '    SELECT id, SUM(one) AS number FROM (%s) AS change'
        '    WHERE id IS NOT NULL GROUP BY id HAVING SUM(one) <> 0'
        ') AS difference',
        changes
    ) INTO ids, numbers;
    IF ids IS NULL THEN
        RETURN NULL;
    END IF;

    -- In the order of their ids, so that two statements about the same parents cannot wait for each
    -- other. NO KEY: a foreign-key check of a concurrent new child must not be waited for.
    EXECUTE format(
        'SELECT FROM public.%I WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE',
        counter.parent_table
    ) USING ids;
    EXECUTE format(
        'UPDATE public.%1$I AS parent SET %2$I = COALESCE(parent.%2$I, 0) + difference.number'
        ' FROM unnest($1, $2) AS difference (id, number) WHERE parent.id = difference.id',
        counter.parent_table, counter.parent_counter
    ) USING ids, numbers;
    RETURN NULL;
END;
$$;

-- TRUNCATE shows no rows, but leaves none either. Argument: the counter.
CREATE OR REPLACE FUNCTION public.forget_children()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counter CONSTANT RECORD := public.counter(TG_ARGV[0]);
BEGIN
    EXECUTE format(
        'UPDATE public.%1$I SET %2$I = 0 WHERE %2$I <> 0',
        counter.parent_table, counter.parent_counter
    );
    RETURN NULL;
END;
$$;

-- A counter that is written by hand gets the number that is true. Argument: the counter.
CREATE OR REPLACE FUNCTION public.keep_counter()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counter CONSTANT RECORD := public.counter(TG_ARGV[0]);
    number BIGINT;
BEGIN
    EXECUTE format(
        'SELECT COUNT(*) FROM public.%I WHERE %I = $1 AND %s',
        counter.child_table, counter.parent_column, counter.condition
    ) INTO number USING NEW.id;
    RETURN jsonb_populate_record(NEW, jsonb_build_object(counter.parent_counter, number));
END;
$$;

-- The triggers carried the condition as text. Now they carry the name of their counter.
DO $migration$
DECLARE
    counter RECORD;
    event RECORD;
BEGIN
    FOR counter IN
        SELECT known.*
        FROM unnest(ARRAY[
            'asin_count', 'usage_count', 'section_count', 'query_count', 'favorite_count',
            'completion_count'
        ]) AS name
        CROSS JOIN LATERAL public.counter(name) AS known
    LOOP
        FOR event IN
            SELECT *
            FROM (VALUES
                ('insert', 'REFERENCING NEW TABLE AS added', 'count_children'),
                ('update', 'REFERENCING NEW TABLE AS added OLD TABLE AS removed',
                    'count_children'),
                ('delete', 'REFERENCING OLD TABLE AS removed', 'count_children'),
                ('truncate', '', 'forget_children')
            ) AS event (verb, tables, function_name)
        LOOP
            EXECUTE format(
                'DROP TRIGGER %I ON public.%I',
                'trigger_count_' || counter.parent_counter || '_' || event.verb,
                counter.child_table
            );
            EXECUTE format(
                'CREATE TRIGGER %I AFTER %s ON public.%I %s FOR EACH STATEMENT'
                ' EXECUTE FUNCTION public.%I(%L)',
                'trigger_count_' || counter.parent_counter || '_' || event.verb,
                upper(event.verb), counter.child_table, event.tables, event.function_name,
                counter.parent_counter
            );
        END LOOP;
        EXECUTE format(
            'DROP TRIGGER %I ON public.%I',
            'trigger_keep_' || counter.parent_counter, counter.parent_table
        );
        -- Depth 0: the statement of a user, not that of a trigger.
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE INSERT OR UPDATE OF %I ON public.%I FOR EACH ROW'
            ' WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION public.keep_counter(%L)',
            'trigger_keep_' || counter.parent_counter, counter.parent_counter,
            counter.parent_table, counter.parent_counter
        );
    END LOOP;
END;
$migration$;

-- Somebody may have dropped it by hand already.
DROP FUNCTION IF EXISTS public.install_counter(TEXT, TEXT, TEXT, TEXT, TEXT);


-- The extension stands in a schema that the server's administrator chose.
CREATE OR REPLACE FUNCTION public.slow_queries(longer_than_ms DOUBLE PRECISION DEFAULT 1000)
RETURNS TABLE (
    query TEXT,
    mean_exec_time DOUBLE PRECISION, -- milliseconds, as total_exec_time
    calls BIGINT,
    total_exec_time DOUBLE PRECISION
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    extension_schema TEXT;
BEGIN
    SELECT schema.nspname INTO extension_schema
    FROM pg_extension AS extension
    JOIN pg_namespace AS schema ON schema.oid = extension.extnamespace
    WHERE extension.extname = 'pg_stat_statements'
        AND has_schema_privilege(schema.oid, 'USAGE');
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT query, mean_exec_time, calls, total_exec_time FROM %I.pg_stat_statements'
        ' WHERE mean_exec_time > $1 ORDER BY mean_exec_time DESC',
        extension_schema
    ) USING longer_than_ms;
EXCEPTION
    WHEN object_not_in_prerequisite_state THEN
        RETURN;
END;
$$;


-- The others, with their names qualified.

CREATE OR REPLACE FUNCTION public.add_to_schedule_counters(counted_id uuid, runs integer, successful integer, failed integer)
RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE public.workflow_schedules
    SET
        total_runs = COALESCE(total_runs, 0) + runs,
        successful_runs = COALESCE(successful_runs, 0) + successful,
        failed_runs = COALESCE(failed_runs, 0) + failed
    WHERE id = counted_id;
$$;

CREATE OR REPLACE FUNCTION public.analyze_table(analyzed text)
RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout TO '5s'
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_class AS relation
        WHERE relation.relnamespace = 'public'::regnamespace
            AND relation.relname = analyzed
            AND relation.relkind IN ('r', 'p', 'm')
            -- ANALYZE itself would only warn
            AND pg_has_role(relation.relowner, 'USAGE')
    ) THEN
        RAISE EXCEPTION 'public.% is no table of the owner of analyze_table()', analyzed
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('ANALYZE public.%I', analyzed);
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END;
$$;

CREATE OR REPLACE FUNCTION public.calculate_collection_progress()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
        PERFORM public.refresh_collection_progress(touched);
    END LOOP;

    RETURN COALESCE(NEW, OLD);
END;
$$;

CREATE OR REPLACE FUNCTION public.calculate_guide_progress()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_moved BOOLEAN := true; -- by its reader, not because the guide has changed
    is_completed BOOLEAN;
    sections INTEGER;
    done INTEGER;
BEGIN
    -- The lock comes before the count: sections do not come and go meanwhile. An upsert meets its
    -- row later than an UPDATE does, but locks it before the guide as well.
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM public.user_guide_progress
        WHERE user_id = NEW.user_id AND guide_id = NEW.guide_id FOR UPDATE;
    END IF;
    PERFORM FROM public.build_guides WHERE id = NEW.guide_id FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' THEN
        is_moved := (NEW.guide_id, NEW.status, NEW.current_section, NEW.completed_sections)
            IS DISTINCT FROM
            (OLD.guide_id, OLD.status, OLD.current_section, OLD.completed_sections);
    END IF;
    NEW.status := COALESCE(NEW.status, 'IN_PROGRESS');
    NEW.current_section := COALESCE(NEW.current_section, 1);
    NEW.completed_sections := COALESCE(NEW.completed_sections, '{}');
    NEW.progress_percentage := COALESCE(NEW.progress_percentage, 0);

    SELECT COUNT(*), COUNT(*) FILTER (WHERE section_number = ANY (NEW.completed_sections))
    INTO sections, done
    FROM public.build_guide_sections
    WHERE guide_id = NEW.guide_id;

    IF sections > 0 AND NEW.status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED') THEN
        is_completed := done = sections;
        IF NEW.status = 'COMPLETED' AND NOT is_completed
            AND (TG_OP = 'INSERT' OR OLD.status IS DISTINCT FROM 'COMPLETED')
        THEN
            PERFORM public.refuse_row('user_guide_progress', 'status', format(
                'COMPLETED, but completed_sections has %s of the guide''s %s sections',
                done, sections
            ));
        END IF;
        -- Rounded down: 100 is said only when it is true.
        NEW.progress_percentage := TRUNC(done * 100.0 / sections, 2);
        NEW.status := CASE
            WHEN is_completed THEN 'COMPLETED'
            WHEN done = 0 AND NEW.status = 'NOT_STARTED' THEN 'NOT_STARTED'
            ELSE 'IN_PROGRESS'
        END;
    ELSIF NEW.status = 'COMPLETED' THEN
        NEW.progress_percentage := 100;
    ELSIF NEW.status = 'NOT_STARTED' THEN
        NEW.progress_percentage := 0;
    END IF;

    NEW.completed_at := CASE
        WHEN NEW.status = 'COMPLETED' THEN COALESCE(NEW.completed_at, NOW())
    END;
    NEW.started_at := CASE
        WHEN NEW.status <> 'NOT_STARTED' THEN COALESCE(NEW.started_at, NOW())
    END;
    IF TG_OP = 'UPDATE' AND is_moved AND NEW.last_accessed_at = OLD.last_accessed_at THEN
        NEW.last_accessed_at := NOW();
    END IF;
    NEW.last_accessed_at := COALESCE(NEW.last_accessed_at, NOW());
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION public.carry_guide_progress()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    guides UUID[];
BEGIN
    CASE TG_OP
        WHEN 'INSERT' THEN
            SELECT array_agg(DISTINCT guide_id) INTO guides FROM added;
        WHEN 'DELETE' THEN
            SELECT array_agg(DISTINCT guide_id) INTO guides FROM removed;
        ELSE
            SELECT array_agg(DISTINCT changed.guide_id) INTO guides
            FROM (
                (SELECT id, guide_id, section_number FROM added
                    EXCEPT SELECT id, guide_id, section_number FROM removed)
                UNION ALL
                (SELECT id, guide_id, section_number FROM removed
                    EXCEPT SELECT id, guide_id, section_number FROM added)
            ) AS changed;
    END CASE;
    IF guides IS NOT NULL THEN
        PERFORM public.refresh_guide_progress(guides);
    END IF;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.check_query_template()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Filled from the window of the run; they may be defined and need not be.
    window_names CONSTANT TEXT[] :=
        ARRAY['start_date', 'end_date', 'time_window_start', 'time_window_end'];
    reserved_names CONSTANT TEXT[] := ARRAY['window', 'timezone', 'window_start', 'window_end'];
    used_names TEXT[];
    wrong TEXT;
BEGIN
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    IF TG_OP = 'UPDATE' AND (NEW.sql_template, NEW.parameters)
        IS NOT DISTINCT FROM (OLD.sql_template, COALESCE(OLD.parameters, '{}'))
    THEN
        RETURN NEW; -- an older template may be renamed before it is corrected
    END IF;
    PERFORM public.require_object('query_templates', 'parameters', NEW.parameters);
    IF btrim(NEW.sql_template) = '' THEN
        PERFORM public.refuse_row('query_templates', 'sql_template', 'must not be empty');
    END IF;

    used_names := public.query_parameter_names(NEW.sql_template);
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM unnest(used_names) AS name
    WHERE name <> ALL (window_names) AND NOT NEW.parameters ? name;
    IF wrong IS NOT NULL THEN
        PERFORM public.refuse_row('query_templates', 'parameters', format(
            'sql_template uses %1$L, which has no definition; add one such as'
            ' {"%1$s": {"type": "STRING"}}', wrong
        ));
    END IF;
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM jsonb_object_keys(NEW.parameters) AS name
    WHERE name <> ALL (used_names);
    IF wrong IS NOT NULL THEN
        PERFORM public.refuse_row('query_templates', 'parameters', format(
            'defines %L, which sql_template does not use; remove it, or write {{%s}} where the'
            ' value belongs', wrong, wrong
        ));
    END IF;
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM unnest(used_names) AS name
    WHERE name = ANY (reserved_names);
    IF wrong IS NOT NULL THEN
        PERFORM public.refuse_row('query_templates', 'parameters', format(
            'the name %L is the pipeline''s own; give the parameter another one', wrong
        ));
    END IF;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION public.check_report_data_collection()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
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
        PERFORM public.refuse_row('report_data_collections', 'start_date', 'must be a date');
    ELSIF NOT isfinite(NEW.end_date) THEN
        PERFORM public.refuse_row('report_data_collections', 'end_date', 'must be a date');
    ELSIF NEW.end_date < NEW.start_date THEN
        PERFORM public.refuse_row('report_data_collections', 'end_date', format(
            '%s is before start_date %s', NEW.end_date, NEW.start_date
        ));
    ELSIF NEW.end_date - NEW.start_date >= 520 * 7 THEN
        -- Ten years; AMC keeps half of that. More is a mistyped year.
        PERFORM public.refuse_row('report_data_collections', 'end_date', format(
            '%s is more than 520 weeks after start_date %s', NEW.end_date, NEW.start_date
        ));
    END IF;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION public.check_workflow()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    PERFORM public.require_object('workflows', 'parameters', NEW.parameters);
    PERFORM public.require_own_instance('workflows', NEW.instance_id, NEW.user_id);
    IF btrim(NEW.sql_query) = '' THEN
        PERFORM public.refuse_row('workflows', 'sql_query', 'must not be empty');
    END IF;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION public.check_workflow_schedule()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
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

CREATE OR REPLACE FUNCTION public.collection_week_due_at(week_end date, parameters jsonb)
RETURNS timestamp with time zone
LANGUAGE sql
STABLE
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

CREATE OR REPLACE FUNCTION public.count_schedule_runs()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
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

CREATE OR REPLACE FUNCTION public.cron_date(ticks public.cron_ticks, earliest date)
RETURNS date
LANGUAGE plpgsql
IMMUTABLE
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
    PERFORM public.refuse_row(
        'workflow_schedules', 'cron_expression', 'no date ever matches its days and months'
    );
END;
$$;

CREATE OR REPLACE FUNCTION public.cron_date_matches(ticks public.cron_ticks, local_date date)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
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

CREATE OR REPLACE FUNCTION public.cron_field(field text, field_name text, lowest integer, highest integer, names text[])
RETURNS integer[]
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part TEXT;
    pieces TEXT[];
    from_value INTEGER;
    to_value INTEGER;
    step INTEGER;
    allowed INTEGER[] := '{}';
BEGIN
    FOREACH part IN ARRAY string_to_array(field, ',') LOOP
        -- *, *4, a, a-b and a-b/n are told apart here; four digits are more than any value has.
        pieces := regexp_match(
            part, '^(?:(\*)|([0-9]{1,4}|[A-Z]{3})(?:-([0-9]{1,4}|[A-Z]{3}))?)(?:/([0-9]{1,4}))?$'
        );
        IF pieces IS NULL OR (pieces[4] IS NOT NULL AND pieces[1] IS NULL AND pieces[3] IS NULL)
        THEN
            PERFORM public.refuse_row('workflow_schedules', 'cron_expression', format(
                '%L is not a %s; write *, a number, a range a-b, a step */n or a-b/n,'
                ' or a list of these', part, field_name
            ));
        END IF;

        step := COALESCE(pieces[4]::INTEGER, 1);
        IF pieces[1] IS NOT NULL THEN
            from_value := lowest;
            to_value := highest;
        ELSE
            from_value := public.cron_value(pieces[2], lowest, names);
            to_value := public.cron_value(COALESCE(pieces[3], pieces[2]), lowest, names);
        END IF;

        IF step < 1 OR from_value IS NULL OR to_value IS NULL
            OR from_value < lowest OR to_value > highest OR from_value > to_value
        THEN
            PERFORM public.refuse_row('workflow_schedules', 'cron_expression', format(
                '%L is not a %s; values go from %s to %s', part, field_name, lowest, highest
            ));
        END IF;
        allowed := allowed || ARRAY(SELECT generate_series(from_value, to_value, step));
    END LOOP;

    RETURN allowed;
END;
$$;

CREATE OR REPLACE FUNCTION public.cron_matches(expression text, time_zone text, instant timestamp with time zone)
RETURNS boolean
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT public.cron_next(expression, time_zone, instant - INTERVAL '1 microsecond') = instant;
$$;

CREATE OR REPLACE FUNCTION public.cron_next(expression text, time_zone text, after timestamp with time zone)
RETURNS timestamp with time zone
LANGUAGE plpgsql
STABLE
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

CREATE OR REPLACE FUNCTION public.cron_next_day(ticks public.cron_ticks, time_zone text, after timestamp with time zone)
RETURNS timestamp with time zone
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    time_of_day CONSTANT INTERVAL :=
        make_interval(hours => ticks.hours[1], mins => ticks.minutes[1]);
    -- Two days back: a tick that moved forward over a gap may be later than its own date.
    candidate DATE := (after AT TIME ZONE time_zone)::DATE - 2;
    tick TIMESTAMPTZ;
BEGIN
    LOOP
        candidate := public.cron_date(ticks, candidate);
        tick := public.wall_time_instant(candidate + time_of_day, time_zone);
        IF tick > after THEN
            RETURN tick;
        END IF;
        candidate := candidate + 1;
    END LOOP;
END;
$$;

CREATE OR REPLACE FUNCTION public.cron_next_minute(ticks public.cron_ticks, time_zone text, after timestamp with time zone)
RETURNS timestamp with time zone
LANGUAGE plpgsql
STABLE
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
                public.wall_time_instant(public.cron_date(ticks, checked_date + 1), time_zone)
            WHEN NOT EXTRACT(HOUR FROM wall_time)::INTEGER = ANY (ticks.hours) THEN
                candidate + make_interval(mins => 60 - EXTRACT(MINUTE FROM wall_time)::INTEGER)
            ELSE candidate + INTERVAL '1 minute'
        END;
    END LOOP;
END;
$$;

CREATE OR REPLACE FUNCTION public.cron_parse(expression text)
RETURNS public.cron_ticks
LANGUAGE plpgsql
IMMUTABLE
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
        PERFORM public.refuse_row('workflow_schedules', 'cron_expression', format(
            '%L has not five fields (minute, hour, day of month, month, day of week);'
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

CREATE OR REPLACE FUNCTION public.cron_value(word text, lowest integer, names text[])
RETURNS integer
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN word ~ '^[0-9]+$' THEN word::INTEGER
        ELSE array_position(names, word) - 1 + lowest
    END;
$$;

CREATE OR REPLACE FUNCTION public.cut_new_collection()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.cut_weeks(NEW.id, NEW.start_date, NEW.end_date);
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.cut_weeks(cut_id uuid, first_date date, last_date date)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Progress is counted once at the end instead of after each of some hundred weeks.
    PERFORM set_config('recomamp.cutting_weeks', cut_id::TEXT, true);

    DELETE FROM public.report_data_weeks AS week
    WHERE week.collection_id = cut_id
        AND week.status = 'PENDING'
        AND week.week_start_date NOT IN (
            SELECT cut.week_start_date FROM public.weeks_of(first_date, last_date) AS cut
        );

    INSERT INTO public.report_data_weeks AS week
        (collection_id, week_number, week_start_date, week_end_date)
    SELECT cut_id, cut.week_number, cut.week_start_date, cut.week_end_date
    FROM public.weeks_of(first_date, last_date) AS cut
    ON CONFLICT ON CONSTRAINT uq_report_data_weeks_start DO UPDATE
    SET
        week_number = EXCLUDED.week_number,
        week_end_date = EXCLUDED.week_end_date
    WHERE (week.week_number, week.week_end_date)
        IS DISTINCT FROM (EXCLUDED.week_number, EXCLUDED.week_end_date);

    PERFORM set_config('recomamp.cutting_weeks', '', true);
    PERFORM public.refresh_collection_progress(cut_id);
END;
$$;

CREATE OR REPLACE FUNCTION public.date_template_use()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    locked UUID[];
    used UUID[];
    dates TIMESTAMPTZ[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(use.template_id), array_agg(use.at) INTO used, dates
        FROM (
            SELECT template_id, MAX(COALESCE(created_at, NOW())) AS at
            FROM added
            WHERE template_id IS NOT NULL
            GROUP BY template_id
        ) AS use;
        locked := used;
    ELSE
        SELECT
            array_agg(DISTINCT now_used.template_id)
                FILTER (WHERE now_used.template_id IS NOT NULL),
            array_agg(now_used.template_id) || array_agg(formerly.template_id)
        INTO used, locked
        FROM added AS now_used
        JOIN removed AS formerly ON formerly.id = now_used.id
        WHERE now_used.template_id IS DISTINCT FROM formerly.template_id;
        dates := array_fill(NOW(), ARRAY[COALESCE(cardinality(used), 0)]);
    END IF;
    PERFORM FROM public.query_templates WHERE id = ANY (locked) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.query_templates AS template
    SET last_used_at = GREATEST(template.last_used_at, use.at)
    FROM unnest(used, dates) AS use (id, at)
    WHERE template.id = use.id;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.forget_revoked_consent()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.consent_revoked_at := NULL;
    NEW.consent_error := NULL;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION public.forget_validation()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.validation_status := NULL;
    NEW.validation_checked_at := NULL;
    NEW.last_validated_at := NULL;
    NEW.profile_id := NULL;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION public.is_time_zone(zone text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET "TimeZone" TO 'UTC'
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

CREATE OR REPLACE FUNCTION public.keep_collection_time_zone()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.report_data_weeks WHERE collection_id = NEW.id AND status <> 'PENDING'
    ) THEN
        PERFORM public.refuse_row('report_data_collections', 'parameters', format(
            'timezone cannot change from %s: weeks have already been run; make a new collection',
            COALESCE(OLD.parameters ->> 'timezone', 'UTC')
        ));
    END IF;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.notify_of_definition()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A session of somebody else may listen and never read. A full queue would refuse this commit,
    -- and the DAGs follow at the next parse anyway.
    IF pg_notification_queue_usage() > 0.5 THEN
        RETURN NULL;
    END IF;
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

CREATE OR REPLACE FUNCTION public.place_asin_list_item()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The lock comes before the look, so that of two items inserted at once the second sees the
    -- first. Which lists the statement's other rows are about is not known yet. So all lists of the
    -- owner are locked, in the order of their ids: else two statements that fill two lists, each
    -- beginning with another one, would wait for each other.
    IF TG_OP = 'UPDATE' THEN
        PERFORM FROM public.asin_lists
        WHERE user_id IN (
            SELECT user_id FROM public.asin_lists WHERE id IN (OLD.list_id, NEW.list_id)
        )
        ORDER BY id FOR NO KEY UPDATE;
        IF NEW.position = OLD.position THEN
            NEW.position := 0;
        END IF;
    ELSE
        -- In the order in which deleting a product takes them, and changing an item.
        PERFORM FROM public.asins WHERE id = NEW.asin_id FOR KEY SHARE;
        PERFORM FROM public.asin_list_items
        WHERE list_id = NEW.list_id AND asin_id = NEW.asin_id FOR UPDATE;
        PERFORM FROM public.asin_lists
        WHERE user_id = (SELECT user_id FROM public.asin_lists WHERE id = NEW.list_id)
        ORDER BY id FOR NO KEY UPDATE;
        -- It is in the list already: either refused, or the position of an upsert, which stays.
        IF EXISTS (
            SELECT FROM public.asin_list_items WHERE list_id = NEW.list_id AND asin_id = NEW.asin_id
        ) THEN
            NEW.position := COALESCE(NEW.position, 0);
            RETURN NEW;
        END IF;
    END IF;

    IF COALESCE(NEW.position, 0) = 0 OR EXISTS (
        SELECT FROM public.asin_list_items WHERE list_id = NEW.list_id AND position = NEW.position
    ) THEN
        SELECT COALESCE(MAX(position) + 1, 0) INTO NEW.position
        FROM public.asin_list_items
        WHERE list_id = NEW.list_id;
    END IF;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION public.plan_next_run()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
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

CREATE OR REPLACE FUNCTION public.query_parameter_names(query text)
RETURNS text[]
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- What begins first wins, so that a quote in a comment opens no string, nor the reverse.
    WITH uncommented AS (
        SELECT regexp_replace(
            query,
            '(''(?:[^'']|'''')*'')|"(?:[^"]|"")*"|--[^\n]*|/\*(?:[^*]|\*+[^*/])*\*+/',
            '\1 ', 'g'
        ) AS text
    ),
    found AS (
        SELECT match[1] AS name
        FROM uncommented,
            regexp_matches(text, '\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}', 'g') AS match
        UNION
        SELECT match[1]
        FROM uncommented,
            regexp_matches(
                text,
                '\mCUSTOM_PARAMETER\s*\(\s*''([A-Za-z_][A-Za-z0-9_]*)''\s*\)'
                '|''(?:[^'']|'''')*''',
                'gi'
            ) AS match
        WHERE match[1] IS NOT NULL
    )
    SELECT COALESCE(array_agg(name ORDER BY name COLLATE "C"), '{}') FROM found;
$$;

CREATE OR REPLACE FUNCTION public.queue_notification(told_id uuid, told_kind text, told_key text, told_at timestamp with time zone, told_details jsonb)
RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO public.notifications AS queued (user_id, kind, event_key, happened_at, details)
    SELECT told.id, told_kind, told_key, told_at, jsonb_strip_nulls(told_details)
    FROM public.users AS told
    WHERE told.id = told_id
        AND COALESCE(told.email_notifications, true)
        AND COALESCE(told.is_active, true)
    ON CONFLICT ON CONSTRAINT uq_notifications_event DO UPDATE
    SET
        status = 'PENDING',
        details = EXCLUDED.details,
        happened_at = EXCLUDED.happened_at,
        created_at = NOW(),
        next_try_at = NOW()
    WHERE queued.status = 'WITHDRAWN';
$$;

CREATE OR REPLACE FUNCTION public.recut_collection()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved public.report_data_weeks%ROWTYPE;
BEGIN
    -- A week being updated right now is about to ask for the lock we hold on the collection. Giving
    -- up at once is better than the deadlock that waiting for the week would be.
    BEGIN
        PERFORM FROM public.report_data_weeks WHERE collection_id = NEW.id FOR UPDATE NOWAIT;
    EXCEPTION
        WHEN lock_not_available THEN
            PERFORM public.refuse_row(
                'report_data_collections',
                CASE WHEN NEW.start_date <> OLD.start_date THEN 'start_date' ELSE 'end_date' END,
                'a week of the collection is being run at this moment; try again'
            );
    END;

    IF EXISTS (
        SELECT FROM public.report_data_weeks WHERE collection_id = NEW.id AND status <> 'PENDING'
    ) THEN
        IF NEW.start_date <> OLD.start_date THEN
            PERFORM public.refuse_row('report_data_collections', 'start_date', format(
                'cannot change from %s: weeks have already been run; make a new collection',
                OLD.start_date
            ));
        ELSIF NEW.end_date < OLD.end_date THEN
            PERFORM public.refuse_row('report_data_collections', 'end_date', format(
                'cannot be earlier than %s: weeks have already been run; make a new collection',
                OLD.end_date
            ));
        END IF;

        SELECT week.* INTO moved
        FROM public.report_data_weeks AS week
        WHERE week.collection_id = NEW.id
            AND week.status <> 'PENDING'
            AND NOT EXISTS (
                SELECT FROM public.weeks_of(NEW.start_date, NEW.end_date) AS cut
                WHERE cut.week_start_date = week.week_start_date
                    AND cut.week_end_date = week.week_end_date
            )
        ORDER BY week.week_start_date
        LIMIT 1;
        IF FOUND THEN
            PERFORM public.refuse_row('report_data_collections', 'end_date', format(
                'the week from %s to %s has already been run and would get other dates;'
                ' make a new collection from %s on',
                moved.week_start_date, moved.week_end_date, moved.week_end_date + 1
            ));
        END IF;
    END IF;

    PERFORM public.cut_weeks(NEW.id, NEW.start_date, NEW.end_date);
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.refresh_collection_progress(refreshed_id uuid)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    former public.report_data_collections%ROWTYPE;
    counted RECORD;
    estimate TIMESTAMPTZ;
    next_status TEXT;
BEGIN
    -- The lock comes before the count, so that of two weeks ending at once the second one counts
    -- the first. NO KEY: a foreign-key check of a concurrent new week must not be waited for.
    SELECT * INTO former
    FROM public.report_data_collections
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
    FROM public.report_data_weeks AS week
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
                secs => (
                    counted.average_seconds * (counted.weeks - counted.ended)
                )::DOUBLE PRECISION
            ),
            CASE WHEN counted.average_seconds IS NOT NULL THEN
                public.collection_week_due_at(counted.last_pending_date, former.parameters)
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

CREATE OR REPLACE FUNCTION public.refresh_guide_progress(guides uuid[])
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Readers lock their row before the guide, and so does this.
    PERFORM FROM public.user_guide_progress WHERE guide_id = ANY (guides) ORDER BY id FOR UPDATE;
    PERFORM FROM public.build_guides WHERE id = ANY (guides) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.user_guide_progress SET status = status WHERE guide_id = ANY (guides);
END;
$$;

CREATE OR REPLACE FUNCTION public.refuse_row(table_name text, column_name text, problem text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%.%: %', table_name, column_name, problem
        USING ERRCODE = 'check_violation', TABLE = table_name, COLUMN = column_name;
END;
$$;

CREATE OR REPLACE FUNCTION public.require_object(table_name text, column_name text, document jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(document) <> 'object' THEN
        PERFORM public.refuse_row(table_name, column_name, format(
            'must be a JSON object such as {"name": "value"}, not %s %s',
            CASE jsonb_typeof(document) WHEN 'array' THEN 'an' ELSE 'a' END,
            jsonb_typeof(document)
        ));
    END IF;
END;
$$;

CREATE OR REPLACE FUNCTION public.require_own_instance(table_name text, instance uuid, owner uuid)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.amc_instances WHERE id = instance AND user_id = owner) THEN
        PERFORM public.refuse_row(table_name, 'instance_id', format(
            'user %s has no AMC instance %s', owner, instance
        ));
    END IF;
END;
$$;

CREATE OR REPLACE FUNCTION public.require_own_workflow(table_name text, workflow uuid, owner uuid)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.workflows WHERE id = workflow AND user_id = owner) THEN
        PERFORM public.refuse_row(table_name, 'workflow_id', format(
            'user %s has no workflow %s', owner, workflow
        ));
    END IF;
END;
$$;

CREATE OR REPLACE FUNCTION public.require_time_zone(table_name text, column_name text, zone text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT public.is_time_zone(zone) THEN
        PERFORM public.refuse_row(table_name, column_name, format(
            '%L is not a time zone; write an IANA name such as UTC or Europe/Berlin', zone
        ));
    END IF;
END;
$$;

CREATE OR REPLACE FUNCTION public.resume_collection()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.refresh_collection_progress(NEW.id);
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.tell_asin_list_items_apart()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lists UUID[];
    shared RECORD;
BEGIN
    SELECT array_agg(DISTINCT placed.list_id) INTO lists
    FROM (
        SELECT id, list_id, position FROM added
        EXCEPT
        SELECT id, list_id, position FROM removed
    ) AS placed;
    IF lists IS NULL THEN
        RETURN NULL;
    END IF;

    -- The lists change with their order; a lock alone would not stop a transaction whose snapshot
    -- is older than the order it is about to change.
    PERFORM FROM public.asin_lists WHERE id = ANY (lists) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.asin_lists SET updated_at = NOW() WHERE id = ANY (lists);
    SELECT item.list_id, item.position INTO shared
    FROM public.asin_list_items AS item
    WHERE item.list_id = ANY (lists)
    GROUP BY item.list_id, item.position
    HAVING COUNT(*) > 1
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'asin_list_items.position: two items of list % are in place %',
            shared.list_id, shared.position
            USING ERRCODE = 'unique_violation', TABLE = 'asin_list_items', COLUMN = 'position';
    END IF;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.tell_collection()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.withdraw_notifications(NEW.user_id, 'collection:' || NEW.id || ':');
    IF NEW.status NOT IN ('COMPLETED', 'FAILED') THEN
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        NEW.user_id,
        'COLLECTION_' || NEW.status,
        format('collection:%s:%s:%s', NEW.id, NEW.status, extract(epoch FROM NEW.completed_at)),
        NOW(),
        jsonb_build_object(
            'name', NEW.name,
            'workflow', (SELECT name FROM public.workflows WHERE id = NEW.workflow_id),
            'time_zone', NEW.parameters ->> 'timezone',
            'collection_id', NEW.id,
            'start_date', NEW.start_date,
            'end_date', NEW.end_date,
            'total_weeks', NEW.total_weeks,
            'completed_weeks', NEW.completed_weeks,
            'failed_weeks', NEW.failed_weeks,
            'error', (
                SELECT left(week.error_message, 2000)
                FROM public.report_data_weeks AS week
                WHERE week.collection_id = NEW.id AND week.status = 'FAILED'
                ORDER BY week.week_start_date
                LIMIT 1
            )
        )
    );
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.tell_consent()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.consent_revoked_at IS NULL THEN
        PERFORM public.withdraw_notifications(NEW.id, 'consent:' || NEW.id || ':');
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        NEW.id,
        'CONSENT_REVOKED',
        format('consent:%s:%s', NEW.id, extract(epoch FROM NEW.consent_revoked_at)),
        NEW.consent_revoked_at,
        jsonb_build_object('error', left(NEW.consent_error, 2000))
    );
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.tell_schedule_run()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ran RECORD;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    IF NEW.status <> 'FAILED' AND TG_OP = 'INSERT' THEN
        RETURN NULL;
    END IF;

    SELECT schedule.name, schedule.timezone, schedule.user_id, workflow.name AS workflow
    INTO ran
    FROM public.workflow_schedules AS schedule
    JOIN public.workflows AS workflow ON workflow.id = schedule.workflow_id
    WHERE schedule.id = NEW.schedule_id;

    IF NEW.status <> 'FAILED' THEN
        PERFORM public.withdraw_notifications(ran.user_id, 'schedule_run:' || NEW.id);
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        ran.user_id,
        'SCHEDULE_RUN_FAILED',
        'schedule_run:' || NEW.id,
        NOW(),
        jsonb_build_object(
            'name', ran.name,
            'workflow', ran.workflow,
            'time_zone', ran.timezone,
            'schedule_id', NEW.schedule_id,
            'dag_run_id', NEW.dag_run_id,
            'window_start', NEW.window_start,
            'window_end', NEW.window_end,
            'error', left(NEW.error_message, 2000)
        )
    );
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION public.touch_updated_at()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := NOW();
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION public.update_workflow_execution_count()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE public.workflows
        SET last_executed_at = GREATEST(last_executed_at, NEW.created_at)
        WHERE id = NEW.workflow_id;
    END IF;

    RETURN COALESCE(NEW, OLD);
END;
$$;

CREATE OR REPLACE FUNCTION public.wall_time_instant(wall_time timestamp without time zone, time_zone text)
RETURNS timestamp with time zone
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    instant CONSTANT TIMESTAMPTZ := wall_time AT TIME ZONE time_zone;
    -- 25 hours: further back than any change of offset reaches, the date line included.
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

CREATE OR REPLACE FUNCTION public.weeks_of(first_date date, last_date date)
RETURNS TABLE(week_number integer, week_start_date date, week_end_date date)
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        number + 1,
        first_date + 7 * number,
        LEAST(first_date + 7 * number + 6, last_date)
    FROM generate_series(0, (last_date - first_date) / 7) AS number;
$$;

CREATE OR REPLACE FUNCTION public.withdraw_notifications(told_id uuid, key_prefix text)
RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE public.notifications
    SET status = 'WITHDRAWN'
    WHERE user_id = told_id
        AND status IN ('PENDING', 'CLAIMED')
        AND starts_with(event_key, key_prefix);
$$;
