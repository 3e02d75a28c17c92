-- Roles, and the functions that many tables share.
--
-- RecomAMP's own database may exist already, with its tables and rows. So a table of RecomAMP's
-- schema document is created where it is missing, with the document's columns; the columns of the
-- pipeline are added afterwards. Rows that are there stay, and the files say what is changed in
-- them.
--
-- Every function names its objects with their schema and sets search_path = pg_catalog, pg_temp.
-- So no object that somebody puts into public can take the place of one that a function means.
-- SECURITY DEFINER: a trigger counts and checks all rows, not only those the writing user may see.

-- include/sql/access.sql gives all rights, after the last migration. Until then only the owner has
-- rights on new objects: no default of PostgreSQL or Supabase gives any.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
DO $$
DECLARE
    holder TEXT;
BEGIN
    FOREACH holder IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        CONTINUE WHEN to_regrole(holder) IS NULL;
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM %I', holder
        );
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM %I', holder
        );
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON FUNCTIONS FROM %I', holder
        );
    END LOOP;
END;
$$;

-- Two group roles without login; people and services become members of them.
--
--   recomamp_analyst   people with an SQL login: their own rows, and never a token
--   recomamp_pipeline  Airflow: reads definitions, writes executions and what follows from them
DO $$
DECLARE
    group_role TEXT;
BEGIN
    FOREACH group_role IN ARRAY ARRAY['recomamp_analyst', 'recomamp_pipeline'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = group_role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', group_role);
        EXCEPTION
            -- Roles belong to the whole server: another database's migration was quicker.
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION
                    'role % is missing and % may not create it; as an administrator run'
                    ' CREATE ROLE % NOLOGIN and migrate again',
                    group_role, current_user, group_role
                    USING ERRCODE = 'insufficient_privilege';
        END;
    END LOOP;
END;
$$;


-- Invalid rows ------------------------------------------------------------------------------------

-- A row that an analyst gets wrong is refused when it is written, not hours later by a DAG.
-- The column is in the message, for people, and in the error's own field, for programs.
CREATE FUNCTION public.raise_invalid_row(table_name TEXT, column_name TEXT, problem TEXT)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%.%: %', table_name, column_name, problem
        USING ERRCODE = 'check_violation', TABLE = table_name, COLUMN = column_name;
END;
$$;

CREATE FUNCTION public.require_object(table_name TEXT, column_name TEXT, document JSONB)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(document) <> 'object' THEN
        PERFORM public.raise_invalid_row(table_name, column_name, format(
            'must be a JSON object such as {"name": "value"}, not %s %s',
            CASE jsonb_typeof(document) WHEN 'array' THEN 'an' ELSE 'a' END,
            jsonb_typeof(document)
        ));
    END IF;
END;
$$;

-- True for the exact name of a zone in the IANA database. PostgreSQL itself also takes POSIX
-- specifications ('Nowhere+3') and any case, which Python and AMC do not.
CREATE FUNCTION public.is_time_zone(zone TEXT)
RETURNS BOOLEAN
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET "TimeZone" TO 'UTC'
AS $$
BEGIN
    IF zone IN ('UTC', 'GMT') THEN
        RETURN true;
    ELSIF zone ~ '^[A-Za-z_]+(/[A-Za-z_-]+)+$' THEN
        -- A setting is looked up by name and returned in its exact spelling. This is 1,000 times
        -- faster than the view below, which opens all 600 files.
        RETURN set_config('timezone', zone, true) = zone;
    END IF;
    -- Names such as Etc/GMT+5 and EST5EDT could also be POSIX specifications.
    RETURN EXISTS (
        SELECT FROM pg_timezone_names
        WHERE name = zone AND name NOT IN ('Factory', 'localtime', 'posixrules')
    );
EXCEPTION
    WHEN invalid_parameter_value THEN
        RETURN false;
END;
$$;

CREATE FUNCTION public.require_time_zone(table_name TEXT, column_name TEXT, zone TEXT)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT public.is_time_zone(zone) THEN
        PERFORM public.raise_invalid_row(table_name, column_name, format(
            '%L is not a time zone; write an IANA name such as UTC or Europe/Berlin', zone
        ));
    END IF;
END;
$$;

-- PostgreSQL tests a CHECK after the BEFORE triggers, some of which parse a text. This trigger
-- measures such a text before they do.
-- Arguments: the column, 'bytes' or 'characters', and the limit of the column's CHECK.
CREATE FUNCTION public.refuse_long_text()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    size CONSTANT INTEGER := CASE TG_ARGV[1]
        WHEN 'bytes' THEN octet_length(to_jsonb(NEW) ->> TG_ARGV[0])
        ELSE char_length(to_jsonb(NEW) ->> TG_ARGV[0])
    END;
BEGIN
    IF size > TG_ARGV[2]::INTEGER THEN
        RAISE EXCEPTION '%.%: has % %, at most % are possible; shorten it',
            TG_TABLE_NAME, TG_ARGV[0], size, TG_ARGV[1], TG_ARGV[2]
            USING
                ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[0],
                CONSTRAINT = format('chk_%s_%s_length', TG_TABLE_NAME, TG_ARGV[0]);
    END IF;
    RETURN NEW;
END;
$$;


-- updated_at --------------------------------------------------------------------------------------

-- The trigger sets updated_at for every writer of the row.
CREATE FUNCTION public.touch_updated_at()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := NOW();
    RETURN NEW;
END;
$$;


-- Counters ----------------------------------------------------------------------------------------

-- What each counter counts. A trigger names its counter and nothing else. docs/adr/0015 gives
-- reasons.
CREATE FUNCTION public.counter(
    counter_name TEXT,
    OUT parent_table TEXT,
    OUT parent_counter TEXT,
    OUT child_table TEXT,
    OUT parent_column TEXT, -- of the child: the id of the parent
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
        RAISE EXCEPTION '% is not a counter', counter_name;
    END IF;
END;
$$;

-- Add to the parents what a statement changed about their children. Argument: the counter.
-- One statement changes each parent once, however many children it wrote. A parent whose number
-- stays is not locked. Transition tables: added, removed.
CREATE FUNCTION public.count_children()
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

    -- Parents are locked in the order of their ids: two statements cannot deadlock on them.
    -- NO KEY: the foreign-key check of a concurrent new child does not wait for this lock.
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

-- TRUNCATE has no transition table, and leaves no row. Argument: the counter.
CREATE FUNCTION public.reset_counter()
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

-- A counter that is written by hand gets the true number. Argument: the counter.
-- The row is locked already, so no other transaction changes the number meanwhile.
CREATE FUNCTION public.enforce_counter()
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
