-- Queries and cron expressions are read as the pipeline reads them: a carriage return ends a comment,
-- a query of comments alone is empty, and a range of weekdays may end with Sunday.

-- A query without its comments, as recomamp/domain/sql/dialect.py reads it.
CREATE FUNCTION public.uncommented_query(query TEXT)
RETURNS TEXT
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- What begins first wins, so that a quote in a comment opens no string, nor the reverse.
    SELECT regexp_replace(
        query,
        '(''(?:[^'']|'''')*'')|"(?:[^"]|"")*"|--[^\n\r]*|/\*(?:[^*]|\*+[^*/])*\*+/',
        '\1 ', 'g'
    );
$$;

CREATE OR REPLACE FUNCTION public.query_parameter_names(query text)
RETURNS text[]
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH uncommented AS (
        SELECT public.uncommented_query(query) AS text
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
    IF public.uncommented_query(NEW.sql_query) !~ '[^[:space:];]'
        AND (TG_OP = 'INSERT' OR NEW.sql_query IS DISTINCT FROM OLD.sql_query)
    THEN
        PERFORM public.refuse_row(
            'workflows', 'sql_query', 'must not be empty: write a SELECT, comments are not sent'
        );
    END IF;
    RETURN NEW;
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
    IF public.uncommented_query(NEW.sql_template) !~ '[^[:space:];]' THEN
        PERFORM public.refuse_row(
            'query_templates', 'sql_template',
            'must not be empty: write a SELECT, comments are not sent'
        );
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
    a_field CONSTANT TEXT := CASE field_name WHEN 'hour' THEN 'an ' ELSE 'a ' END || field_name;
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
            PERFORM public.refuse_row('workflow_schedules', 'cron_expression', format(
                '%L is not %s; values go from %s to %s', part, a_field, lowest, highest
            ));
        ELSIF from_value > to_value THEN
            PERFORM public.refuse_row('workflow_schedules', 'cron_expression', format(
                '%L is not %s; a range goes upwards: write two ranges and a comma between',
                part, a_field
            ));
        END IF;
        allowed := allowed || ARRAY(SELECT generate_series(from_value, to_value, step));
    END LOOP;

    RETURN allowed;
END;
$$;

-- A date that is compared with a timestamp is a finding too.
ALTER TABLE public.workflow_findings
    DROP CONSTRAINT chk_workflow_finding_kind,
    ADD CONSTRAINT chk_workflow_finding_kind CHECK (kind IN (
        'UNKNOWN_TABLE', 'VANISHED_TABLE', 'UNKNOWN_COLUMN', 'VANISHED_COLUMN',
        'DATE_AGAINST_TIMESTAMP'
    ));
