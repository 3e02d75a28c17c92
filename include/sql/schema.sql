-- The application's database after all migrations: what a reviewer reads to see their net effect.
-- Written by `make schema`, compared by tests/store/test_migrations.py; not to be
-- edited and not to be run.

-- Name: auth; Type: SCHEMA; Schema: -; Owner: -

CREATE SCHEMA auth;

-- Name: cron_ticks; Type: TYPE; Schema: public; Owner: -

CREATE TYPE public.cron_ticks AS (
	minutes integer[],
	hours integer[],
	days integer[],
	months integer[],
	weekdays integer[],
	either_day boolean,
	once_a_day boolean
);

-- Name: uid(); Type: FUNCTION; Schema: auth; Owner: -

CREATE FUNCTION auth.uid() RETURNS uuid
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$SELECT public.current_user_id()$$;

-- Name: add_to_schedule_counters(uuid, integer, integer, integer); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.add_to_schedule_counters(counted_id uuid, runs integer, successful integer, failed integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    UPDATE public.workflow_schedules
    SET
        total_runs = COALESCE(total_runs, 0) + runs,
        successful_runs = COALESCE(successful_runs, 0) + successful,
        failed_runs = COALESCE(failed_runs, 0) + failed
    WHERE id = counted_id;
$$;

-- Name: admit_changed_collections(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_changed_collections() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.check_collection_quotas(
        grown.user_id, grown.has_more_rows, grown.has_more_weeks, grown.has_more_bytes
    )
    FROM (
        SELECT
            changed.user_id,
            bool_or(changed.is_new) AS has_more_rows,
            bool_or(changed.is_new OR changed.is_longer) AS has_more_weeks,
            bool_or(changed.is_new OR changed.is_larger) AS has_more_bytes
        FROM (
            SELECT
                added.user_id,
                removed.id IS NULL OR added.user_id <> removed.user_id AS is_new,
                added.end_date - added.start_date > removed.end_date - removed.start_date
                    AS is_longer,
                added.workflow_id <> removed.workflow_id
                    OR (
                        added.parameters IS DISTINCT FROM removed.parameters
                        AND octet_length(added.parameters::TEXT)
                            > COALESCE(octet_length(removed.parameters::TEXT), 0)
                    ) AS is_larger
            FROM added
            LEFT JOIN removed ON removed.id = added.id
        ) AS changed
        WHERE changed.is_new OR changed.is_longer OR changed.is_larger
        GROUP BY changed.user_id
        ORDER BY changed.user_id
    ) AS grown;
    RETURN NULL;
END;
$$;

-- Name: admit_changed_schedules(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_changed_schedules() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.check_schedule_quotas(
        grown.user_id, grown.expressions, grown.has_more_rows, grown.has_more_bytes
    )
    FROM (
        SELECT
            changed.user_id,
            array_agg(DISTINCT changed.cron_expression) FILTER (
                WHERE changed.ticks_more OR (changed.is_new AND changed.is_active)
            ) AS expressions,
            bool_or(changed.is_new) AS has_more_rows,
            bool_or(changed.is_new OR changed.is_larger) AS has_more_bytes
        FROM (
            SELECT
                added.user_id,
                added.is_active,
                added.cron_expression,
                removed.id IS NULL OR added.user_id <> removed.user_id AS is_new,
                added.is_active AND (
                    NOT COALESCE(removed.is_active, false)
                    OR added.cron_expression <> removed.cron_expression
                ) AS ticks_more,
                added.workflow_id <> removed.workflow_id
                    OR (
                        added.parameters IS DISTINCT FROM removed.parameters
                        AND octet_length(added.parameters::TEXT)
                            > COALESCE(octet_length(removed.parameters::TEXT), 0)
                    ) AS is_larger
            FROM added
            LEFT JOIN removed ON removed.id = added.id
        ) AS changed
        WHERE changed.is_new OR changed.ticks_more OR changed.is_larger
        GROUP BY changed.user_id
        ORDER BY changed.user_id
    ) AS grown;
    RETURN NULL;
END;
$$;

-- Name: admit_changed_workflows(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_changed_workflows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN
        SELECT DISTINCT added.user_id
        FROM added
        JOIN removed ON removed.id = added.id
        WHERE octet_length(added.sql_query) > octet_length(removed.sql_query)
            OR (
                added.parameters IS DISTINCT FROM removed.parameters
                AND octet_length(added.parameters::TEXT)
                    > COALESCE(octet_length(removed.parameters::TEXT), 0)
            )
        ORDER BY added.user_id
    LOOP
        quotas := public.lock_user_quotas(owner);
        PERFORM public.check_definition_bytes(owner, quotas.max_definition_bytes);
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: admit_new_asin_list_items(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_asin_list_items() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    counted RECORD;
BEGIN
    INSERT INTO public.user_quotas (user_id)
    SELECT DISTINCT list.user_id
    FROM public.asin_lists AS list
    WHERE list.id IN (SELECT added.list_id FROM added)
    ORDER BY list.user_id
    ON CONFLICT DO NOTHING;
    FOR counted IN
        SELECT list.user_id, SUM(list.asin_count) AS items, MAX(quotas.max_asin_list_items) AS most
        FROM public.asin_lists AS list
        JOIN public.user_quotas AS quotas ON quotas.user_id = list.user_id
        WHERE list.user_id IN (
            SELECT owned.user_id FROM public.asin_lists AS owned
            WHERE owned.id IN (SELECT added.list_id FROM added)
        )
        GROUP BY list.user_id
    LOOP
        IF counted.items > counted.most THEN
            PERFORM public.raise_quota_exceeded(
                'asin_list_items', 'list_id', 'max_asin_list_items', counted.most
            );
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: admit_new_asin_lists(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_asin_lists() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN SELECT DISTINCT user_id FROM added ORDER BY user_id LOOP
        quotas := public.lock_user_quotas(owner);
        IF (
            SELECT COUNT(*) FROM public.asin_lists WHERE user_id = owner
        ) > quotas.max_asin_lists THEN
            PERFORM public.raise_quota_exceeded(
                'asin_lists', 'user_id', 'max_asin_lists', quotas.max_asin_lists
            );
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: admit_new_asins(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_asins() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN SELECT DISTINCT user_id FROM added ORDER BY user_id LOOP
        quotas := public.lock_user_quotas(owner);
        IF (SELECT COUNT(*) FROM public.asins WHERE user_id = owner) > quotas.max_asins THEN
            PERFORM public.raise_quota_exceeded('asins', 'user_id', 'max_asins', quotas.max_asins);
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: admit_new_collections(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_collections() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.check_collection_quotas(grown.user_id, true, true, true)
    FROM (SELECT DISTINCT user_id FROM added ORDER BY user_id) AS grown;
    RETURN NULL;
END;
$$;

-- Name: admit_new_notification_channels(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_notification_channels() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN SELECT DISTINCT user_id FROM added ORDER BY user_id LOOP
        quotas := public.lock_user_quotas(owner);
        IF (
            SELECT COUNT(*) FROM public.notification_channels WHERE user_id = owner
        ) > quotas.max_notification_channels THEN
            PERFORM public.raise_quota_exceeded(
                'notification_channels', 'user_id', 'max_notification_channels', quotas.max_notification_channels
            );
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: admit_new_query_templates(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_query_templates() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    author UUID;
    quotas public.user_quotas;
BEGIN
    FOR author IN
        SELECT DISTINCT author_id FROM added WHERE author_id IS NOT NULL ORDER BY author_id
    LOOP
        quotas := public.lock_user_quotas(author);
        IF (
            SELECT COUNT(*) FROM public.query_templates WHERE author_id = author
        ) > quotas.max_query_templates THEN
            PERFORM public.raise_quota_exceeded(
                'query_templates', 'author_id', 'max_query_templates', quotas.max_query_templates
            );
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: admit_new_result_checks(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_result_checks() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN SELECT DISTINCT user_id FROM added ORDER BY user_id LOOP
        quotas := public.lock_user_quotas(owner);
        IF (
            SELECT COUNT(*) FROM public.result_checks WHERE user_id = owner
        ) > quotas.max_result_checks THEN
            PERFORM public.raise_quota_exceeded(
                'result_checks', 'user_id', 'max_result_checks', quotas.max_result_checks
            );
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: admit_new_run_requests(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_run_requests() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN
        SELECT DISTINCT user_id FROM added WHERE action <> 'RESTATE' ORDER BY user_id
    LOOP
        quotas := public.lock_user_quotas(owner);
        IF (
            SELECT COUNT(*) FROM public.run_requests
            WHERE user_id = owner AND status IN ('PENDING', 'ACCEPTED') AND action <> 'RESTATE'
        ) > quotas.max_open_requests THEN
            PERFORM public.raise_invalid_row('run_requests', 'user_id', format(
                'your limit is %s open requests (user_quotas.max_open_requests); wait until some'
                ' have ended, or ask the operator to raise the limit', quotas.max_open_requests
            ));
        ELSIF (
            SELECT COUNT(*) FROM public.run_requests
            WHERE user_id = owner
                AND created_at > clock_timestamp() - INTERVAL '1 hour'
                AND action <> 'RESTATE'
        ) > quotas.max_requests_per_hour THEN
            PERFORM public.raise_invalid_row('run_requests', 'user_id', format(
                'your limit is %s requests an hour (user_quotas.max_requests_per_hour); wait, name'
                ' a range of dates in one BACKFILL, or ask the operator to raise the limit',
                quotas.max_requests_per_hour
            ));
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: admit_new_schedules(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_schedules() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.check_schedule_quotas(grown.user_id, grown.expressions, true, true)
    FROM (
        SELECT
            user_id,
            array_agg(DISTINCT cron_expression) FILTER (WHERE is_active) AS expressions
        FROM added
        GROUP BY user_id
        ORDER BY user_id
    ) AS grown;
    RETURN NULL;
END;
$$;

-- Name: admit_new_workflows(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.admit_new_workflows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN SELECT DISTINCT user_id FROM added ORDER BY user_id LOOP
        quotas := public.lock_user_quotas(owner);
        IF (SELECT COUNT(*) FROM public.workflows WHERE user_id = owner) > quotas.max_workflows THEN
            PERFORM public.raise_quota_exceeded(
                'workflows', 'user_id', 'max_workflows', quotas.max_workflows
            );
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Name: analyze_table(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.analyze_table(analyzed text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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
        RAISE EXCEPTION 'public.% is not a table of the owner of analyze_table()', analyzed
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('ANALYZE public.%I', analyzed);
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END;
$$;

-- Name: FUNCTION analyze_table(analyzed text); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.analyze_table(analyzed text) IS 'Runs ANALYZE on a table of the schema public; false while the table is locked. recomamp_pipeline calls it, which owns no table.';

-- Name: assign_list_position(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.assign_list_position() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    -- The lock comes before the query: of two items inserted at once, the second sees the first.
    -- The lists of the statement's other rows are not known yet. So all lists of the owner are
    -- locked, in the order of their ids: two statements that fill two lists cannot deadlock.
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
        -- Deleting a product and changing an item lock the rows in the same order.
        PERFORM FROM public.asins WHERE id = NEW.asin_id FOR KEY SHARE;
        PERFORM FROM public.asin_list_items
        WHERE list_id = NEW.list_id AND asin_id = NEW.asin_id FOR UPDATE;
        PERFORM FROM public.asin_lists
        WHERE user_id = (SELECT user_id FROM public.asin_lists WHERE id = NEW.list_id)
        ORDER BY id FOR NO KEY UPDATE;
        -- The product is in the list already: the INSERT fails, or is an upsert of its item.
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

-- Name: calculate_collection_progress(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.calculate_collection_progress() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: calculate_guide_progress(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.calculate_guide_progress() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    is_moved BOOLEAN := true; -- the reader changed it, not the guide
    is_completed BOOLEAN;
    sections INTEGER;
    done INTEGER;
BEGIN
    -- The lock comes before the count: sections do not change meanwhile. An upsert locks its row
    -- before the guide, as an UPDATE does.
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
            PERFORM public.raise_invalid_row('user_guide_progress', 'status', format(
                'COMPLETED, but completed_sections has %s of the guide''s %s sections',
                done, sections
            ));
        END IF;
        -- Rounded down: only a complete guide has 100.
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

-- Name: check_collection_quotas(uuid, boolean, boolean, boolean); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_collection_quotas(owner uuid, has_more_rows boolean, has_more_weeks boolean, has_more_bytes boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    quotas CONSTANT public.user_quotas := public.lock_user_quotas(owner);
    counted RECORD;
BEGIN
    IF has_more_bytes THEN
        PERFORM public.check_definition_bytes(owner, quotas.max_definition_bytes);
    END IF;
    IF has_more_rows AND (
        SELECT COUNT(*) FROM public.report_data_collections WHERE user_id = owner
    ) > quotas.max_collections THEN
        PERFORM public.raise_quota_exceeded(
            'report_data_collections', 'user_id', 'max_collections', quotas.max_collections
        );
    END IF;
    IF NOT has_more_weeks THEN
        RETURN;
    END IF;
    SELECT COUNT(*) AS weeks, COUNT(DISTINCT week.collection_id) AS collections INTO counted
    FROM public.report_data_collections AS collection
    JOIN public.report_data_weeks AS week ON week.collection_id = collection.id
    WHERE collection.user_id = owner
        AND COALESCE(
            collection.completed_weeks + collection.failed_weeks < collection.total_weeks, true
        )
        AND week.status IN ('PENDING', 'RUNNING');
    IF counted.collections > quotas.max_open_collections THEN
        PERFORM public.raise_quota_exceeded(
            'report_data_collections', 'user_id', 'max_open_collections',
            quotas.max_open_collections
        );
    ELSIF counted.weeks > quotas.max_open_weeks THEN
        PERFORM public.raise_quota_exceeded(
            'report_data_collections', 'end_date', 'max_open_weeks', quotas.max_open_weeks
        );
    END IF;
END;
$$;

-- Name: check_collection_status(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_collection_status() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: check_collection_time_zone(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_collection_time_zone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: check_definition_bytes(uuid, integer); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_definition_bytes(owner uuid, most integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    total BIGINT;
BEGIN
    WITH queries AS MATERIALIZED (
        SELECT
            id,
            octet_length(sql_query) + COALESCE(octet_length(parameters::TEXT), 0) AS bytes
        FROM public.workflows
        WHERE user_id = owner
    ),
    definitions AS (
        SELECT workflow_id, parameters FROM public.workflow_schedules WHERE user_id = owner
        UNION ALL
        SELECT workflow_id, parameters FROM public.report_data_collections WHERE user_id = owner
    )
    SELECT SUM(queries.bytes + COALESCE(octet_length(definitions.parameters::TEXT), 0)) INTO total
    FROM definitions
    JOIN queries ON queries.id = definitions.workflow_id;
    IF total > most THEN
        PERFORM public.raise_invalid_row('workflows', 'sql_query', format(
            'the queries and parameters of your schedules and collections have %s bytes together,'
            ' at most %s are possible (user_quotas.max_definition_bytes); shorten them, delete'
            ' schedules or collections, or ask the operator to raise the limit', total, most
        ));
    END IF;
END;
$$;

-- Name: check_deleted_id(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_deleted_id() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.deleted_ids AS kept
        WHERE kept.table_name = TG_TABLE_NAME AND kept.id = NEW.id AND kept.user_id <> NEW.user_id
    ) THEN
        PERFORM public.raise_invalid_row(TG_TABLE_NAME, 'id', format(
            '%s was the id of a deleted row of another user; leave id out of the INSERT', NEW.id
        ));
    END IF;
    RETURN NULL;
END;
$$;

-- Name: check_notification_channel(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_notification_channel() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    IF NEW.kind = 'EMAIL' AND num_nonnulls(NEW.url, NEW.secret) > 0 THEN
        PERFORM public.raise_invalid_row('notification_channels', 'url',
            'mails go to users.email; leave url and secret empty'
        );
    ELSIF NEW.kind <> 'EMAIL' AND NOT COALESCE(
        char_length(NEW.url) <= 2000
            AND NEW.url ~ '^https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/[!-~]*$',
        false
    ) THEN
        PERFORM public.raise_invalid_row('notification_channels', 'url',
            'must be an address such as https://example.com/hook, without a user name'
        );
    ELSIF NEW.kind = 'WEBHOOK'
        AND NOT COALESCE(char_length(NEW.secret) BETWEEN 16 AND 200, false)
    THEN
        PERFORM public.raise_invalid_row('notification_channels', 'secret',
            'must have from 16 to 200 characters: it signs what is sent'
        );
    ELSIF NEW.kind = 'SLACK' AND NEW.secret IS NOT NULL THEN
        PERFORM public.raise_invalid_row('notification_channels', 'secret',
            'Slack takes no signature; leave it empty'
        );
    END IF;
    NEW.url_host := lower(substring(NEW.url FROM '^https://([^/:]+)'));
    RETURN NEW;
END;
$_$;

-- Name: check_owner_of_result_check(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_owner_of_result_check() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    wrong TEXT;
    problem TEXT;
BEGIN
    IF NEW.workflow_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.workflows WHERE id = NEW.workflow_id AND user_id = NEW.user_id
    ) THEN
        wrong := 'workflow_id';
        problem := format('user %s has no workflow %s', NEW.user_id, NEW.workflow_id);
    ELSIF NEW.schedule_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.workflow_schedules
        WHERE id = NEW.schedule_id AND user_id = NEW.user_id
    ) THEN
        wrong := 'schedule_id';
        problem := format('user %s has no schedule %s', NEW.user_id, NEW.schedule_id);
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'result_checks.%: %', wrong, problem
            USING ERRCODE = 'check_violation', TABLE = 'result_checks', COLUMN = wrong;
    END IF;
    RETURN NEW;
END;
$$;

-- Name: check_query_template(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_query_template() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    -- The pipeline fills these from the window of the run. A definition of them is optional.
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
        RETURN NEW; -- an invalid template of the application may be renamed before it is corrected
    END IF;
    PERFORM public.require_object('query_templates', 'parameters', NEW.parameters);
    IF public.strip_comments(NEW.sql_template) !~ '[^[:space:];]' THEN
        PERFORM public.raise_invalid_row(
            'query_templates', 'sql_template',
            'must not be empty; write a SELECT: comments are not sent'
        );
    END IF;

    used_names := public.query_parameter_names(NEW.sql_template);
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM unnest(used_names) AS name
    WHERE name <> ALL (window_names) AND NOT NEW.parameters ? name;
    IF wrong IS NOT NULL THEN
        PERFORM public.raise_invalid_row('query_templates', 'parameters', format(
            'sql_template uses %1$L, which has no definition; add one such as'
            ' {"%1$s": {"type": "STRING"}}', wrong
        ));
    END IF;
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM jsonb_object_keys(NEW.parameters) AS name
    WHERE name <> ALL (used_names);
    IF wrong IS NOT NULL THEN
        PERFORM public.raise_invalid_row('query_templates', 'parameters', format(
            'defines %L, which sql_template does not use; remove it, or write {{%s}} where the'
            ' value belongs', wrong, wrong
        ));
    END IF;
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM unnest(used_names) AS name
    WHERE name = ANY (reserved_names);
    IF wrong IS NOT NULL THEN
        PERFORM public.raise_invalid_row('query_templates', 'parameters', format(
            'the name %L is the pipeline''s own; give the parameter another one', wrong
        ));
    END IF;
    RETURN NEW;
END;
$_$;

-- Name: check_report_data_collection(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_report_data_collection() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: check_result_check(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_result_check() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF num_nonnulls(NEW.workflow_id, NEW.schedule_id) <> 1 THEN
        PERFORM public.raise_invalid_row(
            'result_checks', 'workflow_id', 'name either a workflow or a schedule'
        );
    END IF;
    IF NEW.measure IN ('SUM', 'MIN', 'MAX', 'AVG', 'NULLS') AND NEW.column_name IS NULL THEN
        PERFORM public.raise_invalid_row(
            'result_checks', 'column_name', NEW.measure || ' needs the name of a column'
        );
    ELSIF NEW.measure = 'DUPLICATES' AND NEW.key_columns IS NULL THEN
        PERFORM public.raise_invalid_row(
            'result_checks', 'key_columns', 'DUPLICATES needs the columns that identify a row'
        );
    ELSIF NEW.comparison = 'WITHIN' AND (NEW.compared_with = 'CONSTANT' OR NEW.threshold < 0) THEN
        PERFORM public.raise_invalid_row('result_checks', 'comparison',
            'WITHIN needs a threshold of 0 or more, and compared_with PREVIOUS_WINDOW or'
            ' SAME_WEEKDAY'
        );
    END IF;
    PERFORM public.require_duration(
        'result_checks', 'rearm_after', NEW.rearm_after, '0', '90 days'
    );
    RETURN NEW;
END;
$$;

-- Name: check_run_request(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_run_request() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    given CONSTANT TEXT[] := array_remove(ARRAY[
        CASE WHEN NEW.schedule_id IS NOT NULL THEN 'schedule_id' END,
        CASE WHEN NEW.collection_id IS NOT NULL THEN 'collection_id' END,
        CASE WHEN NEW.execution_id IS NOT NULL THEN 'execution_id' END,
        CASE WHEN NEW.dag_run_id IS NOT NULL THEN 'dag_run_id' END,
        CASE WHEN NEW.window_start IS NOT NULL THEN 'window_start' END,
        CASE WHEN NEW.window_end IS NOT NULL THEN 'window_end' END,
        CASE WHEN NEW.from_date IS NOT NULL THEN 'from_date' END,
        CASE WHEN NEW.to_date IS NOT NULL THEN 'to_date' END,
        CASE WHEN NEW.reprocess_behavior IS NOT NULL THEN 'reprocess_behavior' END,
        CASE WHEN NEW.parameters IS NOT NULL THEN 'parameters' END
    ], NULL);
    targets CONSTANT INTEGER := num_nonnulls(NEW.schedule_id, NEW.collection_id, NEW.execution_id);
    rule RECORD;
    wrong TEXT;
    problem TEXT;
BEGIN
    SELECT * INTO rule
    FROM (VALUES
        ('RUN', 'schedule_id or a collection_id', ARRAY['schedule_id', 'collection_id'],
            ARRAY['window_start', 'window_end', 'from_date', 'to_date', 'parameters']),
        ('RETRY', 'execution_id or a collection_id', ARRAY['execution_id', 'collection_id'],
            ARRAY[]::TEXT[]),
        ('CANCEL', 'execution_id, or a schedule_id or collection_id with a dag_run_id',
            ARRAY['execution_id', 'schedule_id', 'collection_id'], ARRAY['dag_run_id']),
        ('BACKFILL', 'schedule_id or a collection_id', ARRAY['schedule_id', 'collection_id'],
            ARRAY['from_date', 'to_date', 'reprocess_behavior', 'parameters']),
        ('LOAD', 'execution_id', ARRAY['execution_id'], ARRAY[]::TEXT[]),
        ('RESTATE', 'schedule_id or a collection_id', ARRAY['schedule_id', 'collection_id'],
            ARRAY['window_start', 'window_end'])
    ) AS known (action, needs, targets, options)
    WHERE known.action = NEW.action;
    IF NOT FOUND THEN
        RETURN NEW; -- chk_run_request_action refuses it, or allows what a later migration adds
    END IF;

    SELECT name INTO wrong
    FROM unnest(given) AS name
    WHERE name <> ALL (rule.targets || rule.options)
    LIMIT 1;
    IF NEW.action = 'RESTATE' AND NOT pg_has_role(current_user, 'recomamp_pipeline', 'MEMBER') THEN
        wrong := 'action';
        problem := 'only the pipeline restates; insert a RUN with the window, or write'
            ' window.restate_days into the parameters of the schedule or the collection';
    ELSIF wrong IS NOT NULL THEN
        problem := format('a %s takes no %s; leave it out', NEW.action, wrong);
    ELSIF targets <> 1 THEN
        wrong := rule.targets[1];
        problem := format('a %s needs one %s, and this row names %s', NEW.action, rule.needs,
            CASE targets WHEN 0 THEN 'none' ELSE 'several' END);
    ELSIF NEW.action = 'CANCEL' AND (NEW.dag_run_id IS NULL) = (NEW.execution_id IS NULL) THEN
        wrong := 'dag_run_id';
        problem := format('a CANCEL needs one %s', rule.needs);
    ELSIF (NEW.window_start IS NULL) <> (NEW.window_end IS NULL) THEN
        wrong := CASE WHEN NEW.window_start IS NULL THEN 'window_start' ELSE 'window_end' END;
        problem := 'a window needs both ends; name window_start and window_end, or neither';
    ELSIF NEW.window_start >= NEW.window_end THEN
        wrong := 'window_end';
        problem := format('%s is not after window_start %s', NEW.window_end, NEW.window_start);
    ELSIF (NEW.from_date IS NULL) <> (NEW.to_date IS NULL)
        OR (NEW.action = 'BACKFILL' AND NEW.from_date IS NULL)
    THEN
        wrong := CASE WHEN NEW.from_date IS NULL THEN 'from_date' ELSE 'to_date' END;
        problem := 'a range needs its first and its last day; name from_date and to_date';
    ELSIF NEW.from_date > NEW.to_date THEN
        wrong := 'to_date';
        problem := format('%s is before from_date %s', NEW.to_date, NEW.from_date);
    ELSIF NEW.from_date IS NOT NULL AND NEW.window_start IS NOT NULL THEN
        wrong := 'from_date';
        problem := 'the row also names window_start; name days or times, not both';
    ELSIF jsonb_typeof(NEW.parameters) <> 'object' THEN
        wrong := 'parameters';
        problem := 'must be a JSON object such as {"name": "value"}, not '
            || jsonb_typeof(NEW.parameters);
    ELSIF NEW.parameters ? 'window_start' OR NEW.parameters ? 'window_end' THEN
        wrong := 'parameters';
        problem := 'holds values of the query''s parameters alone; use the columns window_start'
            ' and window_end';
    ELSIF NEW.schedule_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.workflow_schedules
        WHERE id = NEW.schedule_id AND user_id = NEW.user_id
    ) THEN
        wrong := 'schedule_id';
        problem := format('user %s has no schedule %s', NEW.user_id, NEW.schedule_id);
    ELSIF NEW.collection_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.report_data_collections
        WHERE id = NEW.collection_id AND user_id = NEW.user_id
    ) THEN
        wrong := 'collection_id';
        problem := format('user %s has no collection %s', NEW.user_id, NEW.collection_id);
    ELSIF NEW.execution_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.workflow_executions
        WHERE id = NEW.execution_id AND user_id = NEW.user_id
    ) THEN
        wrong := 'execution_id';
        problem := format('user %s has no execution %s', NEW.user_id, NEW.execution_id);
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'run_requests.%: %', wrong, problem
            USING ERRCODE = 'check_violation', TABLE = 'run_requests', COLUMN = wrong;
    END IF;
    RETURN NEW;
END;
$$;

-- Name: check_schedule_quotas(uuid, text[], boolean, boolean); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_schedule_quotas(owner uuid, expressions text[], has_more_rows boolean, has_more_bytes boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    quotas CONSTANT public.user_quotas := public.lock_user_quotas(owner);
    counted RECORD;
    often RECORD;
BEGIN
    SELECT COUNT(*) AS schedules, COUNT(*) FILTER (WHERE is_active) AS active_schedules INTO counted
    FROM public.workflow_schedules
    WHERE user_id = owner;
    IF has_more_rows AND counted.schedules > quotas.max_schedules THEN
        PERFORM public.raise_quota_exceeded(
            'workflow_schedules', 'user_id', 'max_schedules', quotas.max_schedules
        );
    END IF;
    IF cardinality(expressions) > 0 AND counted.active_schedules > quotas.max_active_schedules THEN
        PERFORM public.raise_quota_exceeded(
            'workflow_schedules', 'is_active', 'max_active_schedules', quotas.max_active_schedules
        );
    END IF;
    SELECT expression, public.cron_shortest_interval(expression) AS minutes INTO often
    FROM unnest(expressions) AS expression
    ORDER BY minutes
    LIMIT 1;
    IF often.minutes < quotas.min_schedule_interval_minutes THEN
        PERFORM public.raise_invalid_row('workflow_schedules', 'cron_expression', format(
            '%L ticks again after %s minutes, and your shortest interval is %s minutes'
            ' (user_quotas.min_schedule_interval_minutes); let it tick less often, or ask the'
            ' operator to lower the limit',
            often.expression, often.minutes, quotas.min_schedule_interval_minutes
        ));
    END IF;
    IF has_more_bytes THEN
        PERFORM public.check_definition_bytes(owner, quotas.max_definition_bytes);
    END IF;
END;
$$;

-- Name: check_unique_list_positions(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_unique_list_positions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

    -- The update makes a concurrent transaction with an older snapshot fail. A lock alone would
    -- not.
    PERFORM FROM public.asin_lists WHERE id = ANY (lists) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.asin_lists SET updated_at = NOW() WHERE id = ANY (lists);
    SELECT item.list_id, item.position INTO shared
    FROM public.asin_list_items AS item
    WHERE item.list_id = ANY (lists)
    GROUP BY item.list_id, item.position
    HAVING COUNT(*) > 1
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'asin_list_items.position: two items of list % have position %',
            shared.list_id, shared.position
            USING ERRCODE = 'unique_violation', TABLE = 'asin_list_items', COLUMN = 'position';
    END IF;
    RETURN NULL;
END;
$$;

-- Name: check_user_time_zone(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_user_time_zone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    -- An older row may have a zone that nobody knows. Its other columns may still be written.
    IF NEW.timezone IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.timezone IS DISTINCT FROM OLD.timezone)
    THEN
        PERFORM public.require_time_zone('users', 'timezone', left(NEW.timezone, 100));
    END IF;
    RETURN NEW;
END;
$$;

-- Name: check_window(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_window() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: check_workflow(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_workflow() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    PERFORM public.require_object('workflows', 'parameters', NEW.parameters);
    PERFORM public.require_own_instance('workflows', NEW.instance_id, NEW.user_id);
    IF public.strip_comments(NEW.sql_query) !~ '[^[:space:];]'
        AND (TG_OP = 'INSERT' OR NEW.sql_query IS DISTINCT FROM OLD.sql_query)
    THEN
        PERFORM public.raise_invalid_row(
            'workflows', 'sql_query', 'must not be empty; write a SELECT: comments are not sent'
        );
    END IF;
    RETURN NEW;
END;
$$;

-- Name: check_workflow_owner(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_workflow_owner() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.workflow_executions AS execution
        JOIN public.amc_instances AS instance ON instance.id = execution.instance_id
        WHERE execution.workflow_id = NEW.id AND instance.user_id <> NEW.user_id
    ) THEN
        PERFORM public.raise_invalid_row('workflows', 'user_id', format(
            'executions of workflow %s ran on an AMC instance that user %s does not have; change'
            ' amc_instances.user_id instead, which takes the workflow along', NEW.id, NEW.user_id
        ));
    END IF;
    RETURN NEW;
END;
$$;

-- Name: check_workflow_schedule(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_workflow_schedule() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: check_workflow_template(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.check_workflow_template() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.query_templates
        WHERE id = NEW.template_id AND (is_public OR author_id = NEW.user_id)
    ) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.template_id = OLD.template_id THEN
        -- The workflow changes hands, and the template belongs to its previous owner.
        NEW.template_id := NULL;
        RETURN NEW;
    END IF;
    PERFORM public.raise_invalid_row('workflows', 'template_id', format(
        'user %s has no template %s, and no public one has that id; choose one of'
        ' public_query_templates or of your own', NEW.user_id, NEW.template_id
    ));
    RETURN NULL;
END;
$$;

-- Name: clear_revoked_consent(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.clear_revoked_consent() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    NEW.consent_revoked_at := NULL;
    NEW.consent_error := NULL;
    RETURN NEW;
END;
$$;

-- Name: collection_week_due_at(date, jsonb); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.collection_week_due_at(week_end date, parameters jsonb) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT (week_end + 1 + COALESCE(
        CASE
            WHEN jsonb_typeof(parameters #> '{window,lag_days}') = 'number'
                THEN (parameters #>> '{window,lag_days}')::NUMERIC::INTEGER
        END,
        14
    ))::TIMESTAMP AT TIME ZONE COALESCE(parameters ->> 'timezone', 'UTC');
$$;

-- Name: FUNCTION collection_week_due_at(week_end date, parameters jsonb); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.collection_week_due_at(week_end date, parameters jsonb) IS 'Time from which the data of a week can be queried, by its last day and the parameters of its collection. The view collection_progress calls it for analysts.';

-- Name: count_children(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.count_children() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

-- Name: count_schedule_runs(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.count_schedule_runs() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: counter(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.counter(counter_name text, OUT parent_table text, OUT parent_counter text, OUT child_table text, OUT parent_column text, OUT condition text) RETURNS record
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: create_collection_weeks(uuid, date, date); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.create_collection_weeks(target_id uuid, first_date date, last_date date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: create_weeks_of_new_collection(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.create_weeks_of_new_collection() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.create_collection_weeks(NEW.id, NEW.start_date, NEW.end_date);
    RETURN NULL;
END;
$$;

-- Name: cron_date_matches(public.cron_ticks, date); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_date_matches(ticks public.cron_ticks, local_date date) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: cron_field(text, text, integer, integer, text[]); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_field(field text, field_name text, lowest integer, highest integer, names text[]) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

-- Name: cron_first_date(public.cron_ticks, date); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_first_date(ticks public.cron_ticks, earliest date) RETURNS date
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: cron_last(text, text, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_last(expression text, time_zone text, until timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: cron_matches(text, text, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_matches(expression text, time_zone text, instant timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT public.cron_next(expression, time_zone, instant - INTERVAL '1 microsecond') = instant;
$$;

-- Name: cron_next(text, text, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_next(expression text, time_zone text, after timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: cron_next_day(public.cron_ticks, text, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_next_day(ticks public.cron_ticks, time_zone text, after timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: cron_next_minute(public.cron_ticks, text, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_next_minute(ticks public.cron_ticks, time_zone text, after timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: cron_parse(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_parse(expression text) RETURNS public.cron_ticks
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: cron_shortest_interval(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_shortest_interval(expression text) RETURNS integer
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: cron_value(text, integer, text[]); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.cron_value(word text, lowest integer, names text[]) RETURNS integer
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE
        WHEN word ~ '^[0-9]+$' THEN word::INTEGER
        ELSE array_position(names, word) - 1 + lowest
    END;
$_$;

-- Name: current_user_id(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.current_user_id() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    login public.database_logins%ROWTYPE;
BEGIN
    SELECT * INTO login FROM public.database_logins WHERE login_name = session_user;
    IF login.user_id IS NOT NULL THEN
        RETURN login.user_id;
    END IF;
    IF login.reads_claims OR pg_has_role(session_user, current_user, 'MEMBER') THEN
        -- One JSON document or, from older versions of PostgREST, a setting for each claim.
        RETURN COALESCE(
            NULLIF(current_setting('request.jwt.claim.sub', true), ''),
            NULLIF(current_setting('request.jwt.claims', true), '')::JSONB ->> 'sub'
        )::UUID;
    END IF;
    RETURN NULL;
END;
$$;

-- Name: FUNCTION current_user_id(); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.current_user_id() IS 'users.id of the person behind the session; NULL where nobody is signed in. Policies and analysts call it.';

-- Name: days_before(timestamp with time zone, integer, text, boolean); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.days_before(instant timestamp with time zone, days integer, time_zone text, once_a_day boolean) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE
        WHEN once_a_day THEN public.wall_time_instant(
            ((instant AT TIME ZONE time_zone)::DATE - days)::TIMESTAMP, time_zone
        )
        ELSE instant - make_interval(hours => 24 * days)
    END;
$$;

-- Name: delete_own_row(text, uuid); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.delete_own_row(table_name text, row_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    caller CONSTANT UUID := public.current_user_id();
BEGIN
    CASE table_name
        WHEN 'workflows' THEN
            DELETE FROM public.workflows WHERE id = row_id AND user_id = caller;
        WHEN 'workflow_schedules' THEN
            DELETE FROM public.workflow_schedules WHERE id = row_id AND user_id = caller;
        WHEN 'report_data_collections' THEN
            DELETE FROM public.report_data_collections WHERE id = row_id AND user_id = caller;
        WHEN 'query_templates' THEN
            -- The table's trigger asks this only where row level security holds.
            PERFORM public.refuse_used_template(id, author_id)
            FROM public.query_templates WHERE id = row_id AND author_id = caller;
            DELETE FROM public.query_templates WHERE id = row_id AND author_id = caller;
        WHEN 'asins' THEN
            DELETE FROM public.asins WHERE id = row_id AND user_id = caller;
        WHEN 'asin_lists' THEN
            DELETE FROM public.asin_lists WHERE id = row_id AND user_id = caller;
        WHEN 'asin_list_items' THEN
            DELETE FROM public.asin_list_items AS item
            USING public.asin_lists AS list
            WHERE item.id = row_id AND list.id = item.list_id AND list.user_id = caller;
        WHEN 'user_guide_progress' THEN
            DELETE FROM public.user_guide_progress WHERE id = row_id AND user_id = caller;
        WHEN 'user_guide_favorites' THEN
            DELETE FROM public.user_guide_favorites WHERE id = row_id AND user_id = caller;
        WHEN 'result_checks' THEN
            DELETE FROM public.result_checks WHERE id = row_id AND user_id = caller;
        WHEN 'notification_channels' THEN
            DELETE FROM public.notification_channels WHERE id = row_id AND user_id = caller;
        ELSE
            RAISE EXCEPTION
                'delete_own_row: no rows of % can be deleted; name workflows, workflow_schedules,'
                ' report_data_collections, query_templates, asins, asin_lists, asin_list_items,'
                ' user_guide_progress, user_guide_favorites, result_checks or'
                ' notification_channels', COALESCE(table_name, 'NULL')
                USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    RETURN FOUND;
END;
$$;

-- Name: FUNCTION delete_own_row(table_name text, row_id uuid); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.delete_own_row(table_name text, row_id uuid) IS 'Deletes a row of the caller by its table and id, and returns whether there was one. Analysts call it, because they have no DELETE. Tables: workflows, workflow_schedules, report_data_collections, query_templates, asins, asin_lists, asin_list_items, user_guide_progress, user_guide_favorites, result_checks, notification_channels.';

-- Name: enforce_counter(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.enforce_counter() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

-- Name: is_quiet_time(time without time zone, time without time zone, text, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.is_quiet_time(quiet_from time without time zone, quiet_until time without time zone, time_zone text, instant timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    time_of_day TIME;
BEGIN
    IF quiet_from IS NULL OR quiet_until IS NULL THEN
        RETURN false;
    END IF;
    BEGIN
        time_of_day := (instant AT TIME ZONE COALESCE(time_zone, 'UTC'))::TIME;
    EXCEPTION WHEN invalid_parameter_value THEN
        time_of_day := (instant AT TIME ZONE 'UTC')::TIME;
    END;
    IF quiet_from < quiet_until THEN
        RETURN time_of_day >= quiet_from AND time_of_day < quiet_until;
    END IF;
    RETURN time_of_day >= quiet_from OR time_of_day < quiet_until;
END;
$$;

-- Name: FUNCTION is_quiet_time(quiet_from time without time zone, quiet_until time without time zone, time_zone text, instant timestamp with time zone); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.is_quiet_time(quiet_from time without time zone, quiet_until time without time zone, time_zone text, instant timestamp with time zone) IS 'Whether an instant is within a quiet time of a zone. recomamp_pipeline calls it.';

-- Name: is_restatement_stopped(integer[], numeric, timestamp with time zone, timestamp with time zone, timestamp with time zone, numeric); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.is_restatement_stopped(ages integer[], threshold numeric, window_end timestamp with time zone, previous_created_at timestamp with time zone, created_at timestamp with time zone, change_ratio numeric) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT COALESCE(change_ratio < threshold, false) AND EXISTS (
        SELECT FROM unnest(ages) AS age
        WHERE previous_created_at < window_end + age * INTERVAL '24 hours'
            AND created_at >= window_end + age * INTERVAL '24 hours'
    );
$$;

-- Name: FUNCTION is_restatement_stopped(ages integer[], threshold numeric, window_end timestamp with time zone, previous_created_at timestamp with time zone, created_at timestamp with time zone, change_ratio numeric); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.is_restatement_stopped(ages integer[], threshold numeric, window_end timestamp with time zone, previous_created_at timestamp with time zone, created_at timestamp with time zone, change_ratio numeric) IS 'Whether a version changed so little that its window is not read again. The pipeline and the view result_versions call it.';

-- Name: is_time_zone(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.is_time_zone(zone text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $_$
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
$_$;

-- Name: is_window_loaded(uuid, timestamp with time zone, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.is_window_loaded(loaded_schedule_id uuid, tick timestamp with time zone, tick_window_end timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (
        SELECT FROM public.workflow_executions AS execution
        WHERE execution.schedule_id = loaded_schedule_id
            AND execution.status = 'SUCCESS'
            AND execution.due_at = tick
    ) OR EXISTS (
        SELECT FROM public.workflow_executions AS execution
        WHERE execution.schedule_id = loaded_schedule_id
            AND execution.status = 'SUCCESS'
            AND execution.window_end = tick_window_end
            AND execution.created_at >= tick
    ) OR EXISTS (
        SELECT FROM public.schedule_runs AS run
        WHERE run.schedule_id = loaded_schedule_id
            AND run.status = 'SUCCESS'
            AND run.window_end = tick_window_end
            AND run.created_at >= tick
    );
$$;

-- Name: keep_deleted_id(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.keep_deleted_id() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO public.deleted_ids (table_name, id, user_id) VALUES (TG_TABLE_NAME, OLD.id, OLD.user_id)
    ON CONFLICT (table_name, id) DO UPDATE SET user_id = excluded.user_id, deleted_at = excluded.deleted_at;
    RETURN NULL;
END;
$$;

-- Name: user_quotas; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.user_quotas (
    user_id uuid NOT NULL,
    max_active_schedules integer DEFAULT 100 NOT NULL,
    max_schedules integer DEFAULT 300 NOT NULL,
    min_schedule_interval_minutes integer DEFAULT 60 NOT NULL,
    max_open_collections integer DEFAULT 20 NOT NULL,
    max_open_weeks integer DEFAULT 1500 NOT NULL,
    max_collections integer DEFAULT 500 NOT NULL,
    max_definition_bytes integer DEFAULT 4194304 NOT NULL,
    max_workflows integer DEFAULT 500 NOT NULL,
    max_query_templates integer DEFAULT 500 NOT NULL,
    max_asin_lists integer DEFAULT 500 NOT NULL,
    max_asins integer DEFAULT 50000 NOT NULL,
    max_asin_list_items integer DEFAULT 200000 NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    max_open_requests integer DEFAULT 50 NOT NULL,
    max_requests_per_hour integer DEFAULT 300 NOT NULL,
    max_result_checks integer DEFAULT 200 NOT NULL,
    max_notification_channels integer DEFAULT 10 NOT NULL,
    max_open_restatements integer DEFAULT 50 NOT NULL,
    CONSTRAINT chk_user_quotas_checked_at_time CHECK ((((checked_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((checked_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE user_quotas; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.user_quotas IS 'The limits of a user. A trigger inserts the row with the first rows of the user; the owner of the database changes it. Table of the pipeline.';

-- Name: COLUMN user_quotas.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.user_id IS 'User that the limits hold for. Written by: lock_user_quotas(); admit_new_asin_list_items(); application.';

-- Name: COLUMN user_quotas.max_active_schedules; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_active_schedules IS 'Largest number of active schedules. Written by: default; application.';

-- Name: COLUMN user_quotas.max_schedules; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_schedules IS 'Largest number of schedules, inactive ones included. Written by: default; application.';

-- Name: COLUMN user_quotas.min_schedule_interval_minutes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.min_schedule_interval_minutes IS 'Fewest minutes between two ticks of a schedule. Written by: default; application.';

-- Name: COLUMN user_quotas.max_open_collections; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_open_collections IS 'Largest number of collections with a week that is PENDING or RUNNING. Written by: default; application.';

-- Name: COLUMN user_quotas.max_open_weeks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_open_weeks IS 'Largest number of weeks that are PENDING or RUNNING, over all collections. Written by: default; application.';

-- Name: COLUMN user_quotas.max_collections; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_collections IS 'Largest number of collections, ended ones included. Written by: default; application.';

-- Name: COLUMN user_quotas.max_definition_bytes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_definition_bytes IS 'Largest number of bytes of queries and parameters, counted once for each schedule and collection. Written by: default; application.';

-- Name: COLUMN user_quotas.max_workflows; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_workflows IS 'Largest number of workflows. Written by: default; application.';

-- Name: COLUMN user_quotas.max_query_templates; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_query_templates IS 'Largest number of query templates. Written by: default; application.';

-- Name: COLUMN user_quotas.max_asin_lists; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_asin_lists IS 'Largest number of lists of products. Written by: default; application.';

-- Name: COLUMN user_quotas.max_asins; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_asins IS 'Largest number of products. Written by: default; application.';

-- Name: COLUMN user_quotas.max_asin_list_items; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_asin_list_items IS 'Largest number of items, over all lists. Written by: default; application.';

-- Name: COLUMN user_quotas.checked_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.checked_at IS 'Time of the latest statement that added rows of the user. Written by: default; lock_user_quotas().';

-- Name: COLUMN user_quotas.max_open_requests; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_open_requests IS 'Largest number of rows in run_requests that are PENDING or ACCEPTED. Written by: default; application.';

-- Name: COLUMN user_quotas.max_requests_per_hour; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_requests_per_hour IS 'Largest number of rows in run_requests within one hour. Written by: default; application.';

-- Name: COLUMN user_quotas.max_result_checks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_result_checks IS 'Largest number of conditions on results. Written by: default; application.';

-- Name: COLUMN user_quotas.max_notification_channels; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_notification_channels IS 'Largest number of notification channels. Written by: default; application.';

-- Name: COLUMN user_quotas.max_open_restatements; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_quotas.max_open_restatements IS 'Largest number of rows in run_requests with the action RESTATE that are PENDING or ACCEPTED, or whose run has not ended. More wait for the next hour. Written by: default; application.';

-- Name: lock_user_quotas(uuid); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.lock_user_quotas(owner uuid) RETURNS public.user_quotas
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    INSERT INTO public.user_quotas AS quotas (user_id) VALUES (owner)
    ON CONFLICT (user_id) DO UPDATE SET checked_at = DEFAULT
    RETURNING quotas.*;
$$;

-- Name: notify_check_outcome(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.notify_check_outcome() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    evaluated RECORD;
BEGIN
    IF NEW.passed IS NULL OR (TG_OP = 'UPDATE' AND NEW.passed IS NOT DISTINCT FROM OLD.passed) THEN
        RETURN NULL;
    END IF;
    SELECT
        checked.user_id,
        checked.name AS check_name,
        checked.severity,
        COALESCE(schedule.name, collection.name) AS name,
        workflow.name AS workflow,
        execution.schedule_id,
        execution.dag_run_id,
        execution.window_start,
        execution.window_end,
        execution.window_time_zone,
        execution.workflow_id,
        execution.collection_id
    INTO evaluated
    FROM public.result_checks AS checked
    JOIN public.workflow_executions AS execution
        ON execution.id = NEW.execution_id AND execution.user_id = checked.user_id
    JOIN public.workflows AS workflow ON workflow.id = execution.workflow_id
    LEFT JOIN public.workflow_schedules AS schedule ON schedule.id = execution.schedule_id
    LEFT JOIN public.report_data_collections AS collection
        ON collection.id = execution.collection_id
    WHERE checked.id = NEW.check_id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    IF NEW.passed THEN
        UPDATE public.result_checks SET notified_at = NULL
        WHERE id = NEW.check_id
            AND notified_at IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM public.workflow_executions AS later
                WHERE later.workflow_id = evaluated.workflow_id
                    AND later.schedule_id IS NOT DISTINCT FROM evaluated.schedule_id
                    AND later.collection_id IS NOT DISTINCT FROM evaluated.collection_id
                    AND later.status = 'SUCCESS'
                    AND later.window_start > evaluated.window_start
            );
        PERFORM public.withdraw_notifications(
            evaluated.user_id, format('result_check:%s:%s', NEW.check_id, NEW.execution_id)
        );
        RETURN NULL;
    END IF;
    IF evaluated.severity = 'FAIL' AND evaluated.schedule_id IS NOT NULL THEN
        RETURN NULL;
    END IF;
    UPDATE public.result_checks SET notified_at = NOW()
    WHERE id = NEW.check_id AND (notified_at IS NULL OR notified_at + rearm_after <= NOW());
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        evaluated.user_id,
        'RESULT_CHECK_FAILED',
        format('result_check:%s:%s', NEW.check_id, NEW.execution_id),
        NOW(),
        jsonb_build_object(
            'name', evaluated.name,
            'workflow', evaluated.workflow,
            'check', evaluated.check_name,
            'time_zone', evaluated.window_time_zone,
            'execution_id', NEW.execution_id,
            'check_id', NEW.check_id,
            'dag_run_id', evaluated.dag_run_id,
            'window_start', evaluated.window_start,
            'window_end', evaluated.window_end,
            'error', left(NEW.note, 2000)
        )
    );
    RETURN NULL;
END;
$$;

-- Name: notify_collection(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.notify_collection() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: notify_column_changes(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.notify_column_changes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    changed RECORD;
BEGIN
    SELECT
        COALESCE(schedule.name, collection.name) AS name,
        workflow.name AS workflow,
        COALESCE(schedule.result_contract, workflow.result_contract) AS contract
    INTO changed
    FROM public.workflows AS workflow
    LEFT JOIN public.workflow_schedules AS schedule ON schedule.id = NEW.schedule_id
    LEFT JOIN public.report_data_collections AS collection ON collection.id = NEW.collection_id
    WHERE workflow.id = NEW.workflow_id;

    IF changed.contract = 'REPORT'
        OR (NEW.error_type = 'CONTRACT_BROKEN' AND NEW.schedule_id IS NULL)
    THEN
        PERFORM public.queue_notification(
            NEW.user_id,
            'CONTRACT_CHANGED',
            'contract:' || NEW.id,
            NOW(),
            jsonb_build_object(
                'name', changed.name,
                'workflow', changed.workflow,
                'time_zone', NEW.window_time_zone,
                'execution_id', NEW.id,
                'dag_run_id', NEW.dag_run_id,
                'window_start', NEW.window_start,
                'window_end', NEW.window_end,
                'error', left(NEW.column_changes, 2000)
            )
        );
    END IF;
    RETURN NULL;
END;
$$;

-- Name: notify_consent(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.notify_consent() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: notify_results_loaded(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.notify_results_loaded() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    loaded RECORD;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    SELECT
        schedule.user_id,
        schedule.name,
        schedule.timezone,
        schedule.attach_results,
        workflow.name AS workflow,
        execution.result_rows
    INTO loaded
    FROM public.workflow_schedules AS schedule
    JOIN public.workflows AS workflow ON workflow.id = schedule.workflow_id
    LEFT JOIN public.workflow_executions AS execution ON execution.id = NEW.execution_id
    WHERE schedule.id = NEW.schedule_id AND schedule.notify_on_success;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF NEW.status <> 'SUCCESS' THEN
        PERFORM public.withdraw_notifications(loaded.user_id, 'results_loaded:' || NEW.id);
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        loaded.user_id,
        'RESULTS_LOADED',
        'results_loaded:' || NEW.id,
        NOW(),
        jsonb_build_object(
            'name', loaded.name,
            'workflow', loaded.workflow,
            'time_zone', loaded.timezone,
            'schedule_id', NEW.schedule_id,
            'execution_id', NEW.execution_id,
            'dag_run_id', NEW.dag_run_id,
            'window_start', NEW.window_start,
            'window_end', NEW.window_end,
            'rows', loaded.result_rows,
            'attach_results', NULLIF(loaded.attach_results, false)
        )
    );
    RETURN NULL;
END;
$$;

-- Name: notify_schedule_run(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.notify_schedule_run() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: progress_of_collections(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.progress_of_collections() RETURNS TABLE(collection_id uuid, name text, workflow_id uuid, workflow_name text, instance_id uuid, status text, start_date date, end_date date, weeks bigint, pending_weeks bigint, running_weeks bigint, successful_weeks bigint, failed_weeks bigint, skipped_weeks bigint, progress_percentage numeric, first_open_week date, last_open_week date, result_rows numeric, average_seconds numeric, estimated_completion timestamp with time zone, next_due_week date, next_due_at timestamp with time zone, failures jsonb)
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

-- Name: FUNCTION progress_of_collections(); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.progress_of_collections() IS 'What the view collection_progress shows, with the rights of the caller. The view calls it for analysts.';

-- Name: publish_definition_change(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.publish_definition_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    -- A listener that never reads fills the queue, and a full queue would refuse this commit. The
    -- DAGs follow at the next parse anyway.
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

-- Name: publish_refused_workflow(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.publish_refused_workflow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    changed public.workflow_findings;
BEGIN
    IF TG_OP = 'DELETE' THEN
        changed := OLD;
    ELSE
        changed := NEW;
    END IF;
    IF changed.kind = 'REFUSED_BY_AMC' AND pg_notification_queue_usage() <= 0.5 THEN
        PERFORM pg_notify(
            'recomamp_definitions',
            json_build_object('table', TG_TABLE_NAME, 'id', changed.workflow_id)::TEXT
        );
    END IF;
    RETURN NULL;
END;
$$;

-- Name: query_parameter_names(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.query_parameter_names(query text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH uncommented AS (
        SELECT public.strip_comments(query) AS text
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

-- Name: queue_notification(uuid, text, text, timestamp with time zone, jsonb); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.queue_notification(recipient_id uuid, event_kind text, event_name text, event_at timestamp with time zone, event_details jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    INSERT INTO public.notifications AS queued
        (user_id, kind, event_key, happened_at, details, status)
    SELECT
        recipient.id,
        event_kind,
        event_name,
        event_at,
        jsonb_strip_nulls(event_details),
        CASE WHEN wanted.mail THEN 'PENDING' ELSE 'UNSUBSCRIBED' END
    FROM public.users AS recipient
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(recipient.email_notifications, true)
            AND NOT COALESCE(BOOL_OR(
                channel.kind = 'EMAIL' AND NOT (
                    channel.is_active AND COALESCE(event_kind = ANY (channel.kinds), true)
                )
            ), false) AS mail,
            COALESCE(BOOL_OR(
                channel.kind <> 'EMAIL'
                AND channel.is_active
                AND COALESCE(event_kind = ANY (channel.kinds), true)
            ), false) AS delivery
        FROM public.notification_channels AS channel
        WHERE channel.user_id = recipient.id
    ) AS wanted
    WHERE recipient.id = recipient_id
        AND COALESCE(recipient.is_active, true)
        AND (wanted.mail OR wanted.delivery)
    ON CONFLICT ON CONSTRAINT uq_notifications_event DO UPDATE
    SET
        status = EXCLUDED.status,
        details = EXCLUDED.details,
        happened_at = EXCLUDED.happened_at,
        created_at = NOW(),
        next_try_at = NOW()
    WHERE queued.status = 'WITHDRAWN'
        OR (queued.status = 'UNSUBSCRIBED' AND EXCLUDED.status = 'PENDING');

    WITH opened AS (
        INSERT INTO public.channel_deliveries AS queued
            (notification_id, channel_id, status, last_error)
        SELECT
            event.id,
            channel.id,
            CASE WHEN admitted.is_full THEN 'FAILED' ELSE 'PENDING' END,
            CASE WHEN admitted.is_full THEN 'not sent: 200 events to your channels are open' END
        FROM public.notifications AS event
        JOIN public.notification_channels AS channel
            ON channel.user_id = event.user_id
            AND channel.kind <> 'EMAIL'
            AND channel.is_active
            AND COALESCE(event.kind = ANY (channel.kinds), true)
        CROSS JOIN (
            SELECT COUNT(*) >= 200 AS is_full
            FROM public.channel_deliveries AS delivery
            JOIN public.notification_channels AS own ON own.id = delivery.channel_id
            WHERE own.user_id = recipient_id AND delivery.status IN ('PENDING', 'CLAIMED')
        ) AS admitted
        WHERE event.event_key = event_name AND event.user_id = recipient_id
        ON CONFLICT ON CONSTRAINT uq_channel_deliveries_event DO UPDATE
        SET
            status = EXCLUDED.status,
            last_error = EXCLUDED.last_error,
            created_at = NOW(),
            next_try_at = NOW()
        WHERE queued.status = 'WITHDRAWN'
        RETURNING queued.notification_id
    )
    UPDATE public.notifications AS event
    SET
        details = jsonb_strip_nulls(event_details),
        happened_at = event_at
    WHERE event.id IN (SELECT opened.notification_id FROM opened)
        AND (event.details, event.happened_at)
            IS DISTINCT FROM (jsonb_strip_nulls(event_details), event_at);
$$;

-- Name: raise_invalid_row(text, text, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.raise_invalid_row(table_name text, column_name text, problem text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION '%.%: %', table_name, column_name, problem
        USING ERRCODE = 'check_violation', TABLE = table_name, COLUMN = column_name;
END;
$$;

-- Name: raise_quota_exceeded(text, text, text, integer); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.raise_quota_exceeded(table_name text, column_name text, quota text, most integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.raise_invalid_row(table_name, column_name, format(
        'your limit is %s (user_quotas.%s); delete what you no longer need, or ask the operator'
        ' to raise the limit', most, quota
    ));
END;
$$;

-- Name: recalculate_guide_progress(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.recalculate_guide_progress() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: record_late_weeks(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.record_late_weeks() RETURNS TABLE(late_collection_id uuid, late_due_at timestamp with time zone, problem text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '500ms'
    AS $$
DECLARE
    judged RECORD;
    late RECORD;
    locked_users UUID[] := '{}'; -- so that each makes this wait once
BEGIN
    FOR judged IN
        SELECT
            collection.*,
            workflow.name AS workflow,
            instance.is_active AND owner.is_active AS runs
        FROM (
            SELECT
                id,
                row_number() OVER (PARTITION BY user_id ORDER BY late_week_at) AS place
            FROM public.report_data_collections
            WHERE late_week_at <= NOW() - INTERVAL '5 minutes'
                AND late_week_at + late_after <= NOW()
        ) AS due
        JOIN public.report_data_collections AS collection ON collection.id = due.id
        JOIN public.workflows AS workflow ON workflow.id = collection.workflow_id
        JOIN public.amc_instances AS instance ON instance.id = collection.instance_id
        JOIN public.users AS owner ON owner.id = collection.user_id
        WHERE collection.late_week_at <= NOW() - INTERVAL '5 minutes'
            AND collection.late_week_at + collection.late_after <= NOW()
        ORDER BY due.place, collection.late_week_at
        LIMIT 500
        FOR NO KEY UPDATE OF collection SKIP LOCKED
        FOR KEY SHARE OF owner SKIP LOCKED
    LOOP
        CONTINUE WHEN judged.user_id = ANY (locked_users);
        BEGIN
            PERFORM FROM public.notification_channels
            WHERE user_id = judged.user_id
            FOR KEY SHARE NOWAIT;
            SELECT MIN(week.week_start_date) AS first_date, MAX(week.week_end_date) AS last_date
            INTO late
            FROM public.weeks_without_results(judged.id) AS week
            WHERE judged.late_week_at = GREATEST(
                public.collection_week_due_at(week.week_end_date, judged.parameters),
                judged.watched_since
            );
            IF judged.runs AND late.first_date IS NOT NULL THEN
                PERFORM public.queue_notification(
                    judged.user_id,
                    'WINDOW_LATE',
                    format('window_late:%s:%s', judged.id, extract(epoch FROM judged.late_week_at)),
                    NOW(),
                    jsonb_build_object(
                        'name', judged.name,
                        'workflow', judged.workflow,
                        'time_zone', COALESCE(judged.parameters ->> 'timezone', 'UTC'),
                        'collection_id', judged.id,
                        'due_at', judged.late_week_at,
                        'start_date', late.first_date,
                        'end_date', late.last_date,
                        'total_weeks', judged.total_weeks,
                        'completed_weeks', judged.completed_weeks,
                        'failed_weeks', judged.failed_weeks,
                        'late_after_minutes', floor(extract(epoch FROM judged.late_after) / 60)
                    )
                );
                late_collection_id := judged.id;
                late_due_at := judged.late_week_at;
                problem := NULL;
                RETURN NEXT;
            END IF;
            UPDATE public.report_data_collections
            SET late_week_at = (
                SELECT MIN(week.due_at)
                FROM (
                    SELECT public.collection_week_due_at(week_end_date, judged.parameters) AS due_at
                    FROM public.report_data_weeks
                    WHERE collection_id = judged.id
                ) AS week
                WHERE week.due_at > GREATEST(
                    judged.late_week_at, NOW() - judged.late_after - INTERVAL '1 day'
                )
            )
            WHERE id = judged.id;
        EXCEPTION WHEN lock_not_available THEN
            locked_users := locked_users || judged.user_id;
        WHEN OTHERS THEN
            late_collection_id := judged.id;
            late_due_at := judged.late_week_at;
            problem := left(SQLERRM, 500);
            UPDATE public.report_data_collections
            SET watched_since = NOW(), late_week_at = NOW()
            WHERE id = judged.id;
            RETURN NEXT;
        END;
    END LOOP;
END;
$$;

-- Name: FUNCTION record_late_weeks(); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.record_late_weeks() IS 'Judges the weeks whose time is over. Weeks of a collection that were due at one time and have no results are one event. Returns these collections, and those that cannot be judged with the problem. recomamp_pipeline calls it.';

-- Name: record_late_windows(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.record_late_windows() RETURNS TABLE(late_schedule_id uuid, late_due_at timestamp with time zone, problem text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '500ms'
    AS $$
DECLARE
    judged RECORD;
    stale RECORD;
    window_end TIMESTAMPTZ;
    locked_users UUID[] := '{}'; -- so that each makes this wait once
BEGIN
    FOR judged IN
        SELECT
            schedule.id,
            schedule.user_id,
            schedule.name,
            schedule.cron_expression,
            schedule.timezone,
            schedule.parameters,
            schedule.late_after,
            schedule.late_tick_at AS tick,
            schedule.last_run_status,
            workflow.name AS workflow,
            instance.is_active AND owner.is_active AS runs
        FROM (
            SELECT
                id,
                row_number() OVER (PARTITION BY user_id ORDER BY late_tick_at) AS place
            FROM public.workflow_schedules
            WHERE late_tick_at <= NOW() - INTERVAL '5 minutes'
                AND late_tick_at + late_after <= NOW()
        ) AS due
        JOIN public.workflow_schedules AS schedule ON schedule.id = due.id
        JOIN public.workflows AS workflow ON workflow.id = schedule.workflow_id
        JOIN public.amc_instances AS instance ON instance.id = workflow.instance_id
        JOIN public.users AS owner ON owner.id = schedule.user_id
        WHERE schedule.late_tick_at <= NOW() - INTERVAL '5 minutes'
            AND schedule.late_tick_at + schedule.late_after <= NOW()
        ORDER BY due.place, schedule.late_tick_at
        LIMIT 500
        FOR NO KEY UPDATE OF schedule SKIP LOCKED
        FOR KEY SHARE OF owner SKIP LOCKED
    LOOP
        CONTINUE WHEN judged.user_id = ANY (locked_users);
        BEGIN
            PERFORM FROM public.notification_channels
            WHERE user_id = judged.user_id
            FOR KEY SHARE NOWAIT;
            window_end := public.schedule_window_end(
                judged.cron_expression, judged.timezone, judged.parameters, judged.tick
            );
            IF judged.runs AND NOT public.is_window_loaded(judged.id, judged.tick, window_end) THEN
                PERFORM public.queue_notification(
                    judged.user_id,
                    'WINDOW_LATE',
                    format('window_late:%s:%s', judged.id, extract(epoch FROM judged.tick)),
                    NOW(),
                    jsonb_build_object(
                        'name', judged.name,
                        'workflow', judged.workflow,
                        'time_zone', judged.timezone,
                        'schedule_id', judged.id,
                        'due_at', judged.tick,
                        'window_end', window_end,
                        'late_after_minutes', floor(extract(epoch FROM judged.late_after) / 60)
                    )
                );
                late_schedule_id := judged.id;
                late_due_at := judged.tick;
                problem := NULL;
                RETURN NEXT;
            END IF;
            UPDATE public.workflow_schedules
            SET late_tick_at = public.cron_next(
                judged.cron_expression,
                judged.timezone,
                GREATEST(judged.tick, NOW() - judged.late_after - INTERVAL '1 day')
            )
            WHERE id = judged.id;
        EXCEPTION WHEN lock_not_available THEN
            locked_users := locked_users || judged.user_id;
        WHEN OTHERS THEN
            late_schedule_id := judged.id;
            late_due_at := judged.tick;
            problem := left(SQLERRM, 500);
            UPDATE public.workflow_schedules SET late_tick_at = NOW() WHERE id = judged.id;
            RETURN NEXT;
        END;
    END LOOP;
END;
$$;

-- Name: FUNCTION record_late_windows(); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.record_late_windows() IS 'Judges the windows whose time is over, and queues an event for each without results. Returns those, and the schedules that cannot be judged with the problem. recomamp_pipeline calls it.';

-- Name: refresh_collection_progress(uuid); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.refresh_collection_progress(refreshed_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: refresh_guide_progress(uuid[]); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.refresh_guide_progress(guides uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    -- The progress is locked before the guide, as a reader's statement does.
    PERFORM FROM public.user_guide_progress WHERE guide_id = ANY (guides) ORDER BY id FOR UPDATE;
    PERFORM FROM public.build_guides WHERE id = ANY (guides) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.user_guide_progress SET status = status WHERE guide_id = ANY (guides);
END;
$$;

-- Name: refresh_resumed_collection(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.refresh_resumed_collection() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.refresh_collection_progress(NEW.id);
    RETURN NULL;
END;
$$;

-- Name: refuse_deleting_open_execution(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.refuse_deleting_open_execution() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF OLD.dag_id IS NULL THEN
        PERFORM public.raise_invalid_row('workflow_executions', 'status', format(
            'execution %s of workflow %s is %s; cancel it where it was started and end its row, then'
            ' delete', OLD.id, OLD.workflow_id, OLD.status
        ));
    END IF;
    PERFORM public.raise_invalid_row('workflow_executions', 'status', format(
        'execution %s of workflow %s is %s; delete the workflow''s schedules and collections first,'
        ' wait up to 30 minutes until recomamp_reconcile has cancelled the open executions,'
        ' then delete the rest', OLD.id, OLD.workflow_id, OLD.status
    ));
    RETURN NULL;
END;
$$;

-- Name: refuse_deleting_used_template(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.refuse_deleting_used_template() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.refuse_used_template(OLD.id, OLD.author_id);
    RETURN OLD;
END;
$$;

-- Name: refuse_long_text(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.refuse_long_text() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: refuse_used_template(uuid, uuid); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.refuse_used_template(template uuid, author uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.workflows
        WHERE template_id = template AND user_id IS DISTINCT FROM author
    ) THEN
        PERFORM public.raise_invalid_row('query_templates', 'id', format(
            'workflows of other users were made from template %s; set is_public to false instead'
            ' of deleting it', template
        ));
    END IF;
END;
$$;

-- Name: require_duration(text, text, interval, interval, interval); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.require_duration(table_name text, column_name text, duration interval, shortest interval, longest interval) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXTRACT(YEAR FROM duration) <> 0
        OR EXTRACT(MONTH FROM duration) <> 0
        OR EXTRACT(DAY FROM duration) NOT BETWEEN 0 AND EXTRACT(DAY FROM longest)
        OR duration NOT BETWEEN shortest AND longest
    THEN
        PERFORM public.raise_invalid_row(table_name, column_name, format(
            'must be from %s to %s, written in days, hours or minutes', shortest, longest
        ));
    END IF;
END;
$$;

-- Name: require_object(text, text, jsonb); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.require_object(table_name text, column_name text, document jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: require_own_instance(text, uuid, uuid); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.require_own_instance(table_name text, instance uuid, owner uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.amc_instances WHERE id = instance AND user_id = owner) THEN
        PERFORM public.raise_invalid_row(table_name, 'instance_id', format(
            'user %s has no AMC instance %s', owner, instance
        ));
    END IF;
END;
$$;

-- Name: require_own_workflow(text, uuid, uuid); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.require_own_workflow(table_name text, workflow uuid, owner uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.workflows WHERE id = workflow AND user_id = owner) THEN
        PERFORM public.raise_invalid_row(table_name, 'workflow_id', format(
            'user %s has no workflow %s', owner, workflow
        ));
    END IF;
END;
$$;

-- Name: require_time_zone(text, text, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.require_time_zone(table_name text, column_name text, zone text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NOT public.is_time_zone(zone) THEN
        PERFORM public.raise_invalid_row(table_name, column_name, format(
            '%L is not a time zone; write an IANA name such as UTC or Europe/Berlin', zone
        ));
    END IF;
END;
$$;

-- Name: require_window_days(text, jsonb); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.require_window_days(table_name text, window_options jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    days RECORD;
    problem TEXT;
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
    problem := public.restatement_problem(
        window_options, CASE table_name WHEN 'report_data_collections' THEN 14 ELSE 2 END
    );
    IF problem IS NOT NULL THEN
        PERFORM public.raise_invalid_row(table_name, 'parameters', problem);
    END IF;
END;
$_$;

-- Name: reset_counter(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.reset_counter() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    counter CONSTANT RECORD := public.counter(TG_ARGV[0]);
BEGIN
    EXECUTE format(
        'UPDATE public.%1$I SET %2$I = 0 WHERE %2$I <> 0',
        counter.parent_table, counter.parent_counter
    );
    RETURN NULL;
END;
$_$;

-- Name: reset_validation(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.reset_validation() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    NEW.validation_status := NULL;
    NEW.validation_checked_at := NULL;
    NEW.last_validated_at := NULL;
    NEW.profile_id := NULL;
    RETURN NEW;
END;
$$;

-- Name: restatement_plan(jsonb, integer); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.restatement_plan(parameters jsonb, default_lag_days integer DEFAULT 2) RETURNS TABLE(ages integer[], threshold numeric)
    LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER ROWS 1
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    options CONSTANT JSONB := parameters -> 'window';
BEGIN
    IF jsonb_typeof(options) = 'object'
        AND options ? 'restate_days'
        AND COALESCE(options ->> 'lag_days', default_lag_days::TEXT) ~ '^[0-9]{1,3}$'
        AND public.restatement_problem(options, default_lag_days) IS NULL
    THEN
        ages := ARRAY(
            SELECT value::INTEGER FROM jsonb_array_elements_text(options -> 'restate_days') AS value
        );
        threshold := COALESCE((options ->> 'restate_threshold')::NUMERIC, 0.001);
        RETURN NEXT;
    END IF;
END;
$_$;

-- Name: FUNCTION restatement_plan(parameters jsonb, default_lag_days integer); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.restatement_plan(parameters jsonb, default_lag_days integer) IS 'The ages in days at which windows of a definition are read again, and the change below which that stops. default_lag_days is the lag of its kind. No row where there are no ages. The pipeline and result_versions call it.';

-- Name: restatement_problem(jsonb, integer); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.restatement_problem(window_options jsonb, default_lag_days integer) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    ages CONSTANT JSONB := window_options -> 'restate_days';
    threshold CONSTANT JSONB := window_options -> 'restate_threshold';
    lag CONSTANT TEXT := COALESCE(window_options ->> 'lag_days', default_lag_days::TEXT);
    age RECORD;
    least INTEGER;
BEGIN
    IF window_options ? 'restate_threshold' AND NOT (CASE jsonb_typeof(threshold)
        WHEN 'number' THEN (threshold #>> '{}')::NUMERIC BETWEEN 0 AND 1
        ELSE false
    END) THEN
        RETURN format(
            'window.restate_threshold is %s; write a number from 0 to 1', left(threshold::TEXT, 50)
        );
    ELSIF NOT window_options ? 'restate_days' THEN
        RETURN NULL;
    ELSIF COALESCE(window_options ->> 'type', 'EXPLICIT') <> 'EXPLICIT' THEN
        RETURN format(
            'window.restate_days needs windows of the pipeline, and with %s AMC chooses the window;'
            ' leave out one of the two', left(window_options ->> 'type', 50)
        );
    ELSIF jsonb_typeof(ages) <> 'array' OR jsonb_array_length(ages) NOT BETWEEN 1 AND 6 THEN
        RETURN format(
            'window.restate_days is %s; write a list of 1 to 6 whole days such as [7, 28]',
            left(ages::TEXT, 50)
        );
    ELSIF lag !~ '^[0-9]{1,3}$' THEN
        RETURN NULL; -- what is wrong with lag_days is said of it
    END IF;
    least := lag::INTEGER + 1;
    FOR age IN SELECT value, value #>> '{}' AS text FROM jsonb_array_elements(ages) LOOP
        IF jsonb_typeof(age.value) <> 'number' OR NOT (CASE
            WHEN age.text ~ '^[0-9]{1,3}$' THEN age.text::INTEGER BETWEEN least AND 90
            ELSE false
        END) THEN
            RETURN format(
                'window.restate_days has %s; write increasing whole days, each larger than lag_days'
                ' (%s) and at most 90', left(age.value::TEXT, 50), lag
            );
        END IF;
        least := age.text::INTEGER + 1;
    END LOOP;
    RETURN NULL;
END;
$_$;

-- Name: result_rows(uuid, integer, integer); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.result_rows(execution_id uuid, row_limit integer DEFAULT 1000, row_offset integer DEFAULT 0) RETURNS TABLE(row_number bigint, result_row jsonb, result_rows integer, is_truncated boolean)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    IF row_limit IS NULL OR row_limit NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'result_rows: row_limit is %; write a number from 1 to 10000',
            COALESCE(row_limit::TEXT, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    ELSIF row_offset IS NULL OR row_offset NOT BETWEEN 0 AND 10000 THEN
        RAISE EXCEPTION 'result_rows: row_offset is %; write a number from 0 to 10000',
            COALESCE(row_offset::TEXT, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    WITH result AS MATERIALIZED (
        SELECT
            execution.result_rows,
            COALESCE(execution.result_data -> 'truncated' = 'true', false) AS is_truncated,
            jsonb_path_query_array(
                execution.result_data,
                '$.data[$first to $last]',
                jsonb_build_object('first', row_offset, 'last', row_offset + row_limit - 1)
            ) AS page
        FROM public.workflow_executions AS execution
        WHERE execution.id = result_rows.execution_id AND execution.status = 'SUCCESS'
    )
    SELECT row_offset + listed.place, listed.value, result.result_rows, result.is_truncated
    FROM result
    CROSS JOIN LATERAL jsonb_array_elements(result.page) WITH ORDINALITY AS listed (value, place)
    ORDER BY listed.place;
END;
$_$;

-- Name: FUNCTION result_rows(execution_id uuid, row_limit integer, row_offset integer); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.result_rows(execution_id uuid, row_limit integer, row_offset integer) IS 'The rows of an execution''s result document, as JSON objects with exact numbers. row_number counts from 1. is_truncated: the document has fewer rows than the result, whose number is result_rows. Analysts call it.';

-- Name: results_as_of(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.results_as_of(loaded_until timestamp with time zone) RETURNS TABLE(execution_id uuid, workflow_id uuid, workflow_name text, schedule_id uuid, collection_id uuid, instance_id uuid, window_start timestamp with time zone, window_end timestamp with time zone, window_time_zone text, window_type text, result_rows integer, result_size_bytes bigint, files jsonb, columns jsonb, document_truncated boolean, files_deleted_at timestamp with time zone, completed_at timestamp with time zone, results_loaded_at timestamp with time zone, versions bigint)
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

-- Name: FUNCTION results_as_of(loaded_until timestamp with time zone); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.results_as_of(loaded_until timestamp with time zone) IS 'Of each workflow, schedule or collection, and window: the latest success that was loaded until that time. Analysts and the pipeline call it. The columns are those of the view current_results.';

-- Name: schedule_preview(uuid, integer); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.schedule_preview(schedule_id uuid, ticks integer DEFAULT 10) RETURNS TABLE(due_at timestamp with time zone, window_start timestamp with time zone, window_end timestamp with time zone, window_time_zone text, window_type text, local_due_at timestamp without time zone, local_window_start timestamp without time zone, local_window_end timestamp without time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT preview.*
    FROM public.workflow_schedules AS schedule
    CROSS JOIN LATERAL public.schedule_preview_for(
        schedule.cron_expression, schedule.timezone, schedule.parameters, ticks
    ) AS preview
    WHERE schedule.id = schedule_id;
$$;

-- Name: FUNCTION schedule_preview(schedule_id uuid, ticks integer); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.schedule_preview(schedule_id uuid, ticks integer) IS 'The next ticks of a schedule, with the window of each, as if it were active. The columns local_… are wall times of its zone. Analysts call it.';

-- Name: schedule_preview_for(text, text, jsonb, integer, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.schedule_preview_for(cron_expression text, time_zone text, parameters jsonb DEFAULT '{}'::jsonb, ticks integer DEFAULT 10, after timestamp with time zone DEFAULT now()) RETURNS TABLE(due_at timestamp with time zone, window_start timestamp with time zone, window_end timestamp with time zone, window_time_zone text, window_type text, local_due_at timestamp without time zone, local_window_start timestamp without time zone, local_window_end timestamp without time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: FUNCTION schedule_preview_for(cron_expression text, time_zone text, parameters jsonb, ticks integer, after timestamp with time zone); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.schedule_preview_for(cron_expression text, time_zone text, parameters jsonb, ticks integer, after timestamp with time zone) IS 'The next ticks of a schedule that is not inserted yet, with the window of each. The columns local_… are wall times of the zone. Analysts call it. An error names the column to correct.';

-- Name: schedule_window_end(text, text, jsonb, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.schedule_window_end(cron_expression text, time_zone text, parameters jsonb, tick timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: set_late_tick_at(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.set_late_tick_at() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NEW.late_after IS NOT NULL THEN
        PERFORM public.require_duration(
            'workflow_schedules', 'late_after', NEW.late_after, '5 minutes', '30 days'
        );
    END IF;
    IF NEW.late_after IS NULL OR NOT COALESCE(NEW.is_active, true) THEN
        NEW.late_tick_at := NULL;
    ELSIF TG_OP = 'INSERT' OR NEW.late_tick_at IS NULL OR
        (NEW.cron_expression, NEW.timezone) IS DISTINCT FROM (OLD.cron_expression, OLD.timezone)
    THEN
        NEW.late_tick_at := public.cron_next(
            NEW.cron_expression,
            NEW.timezone,
            CASE TG_OP WHEN 'INSERT' THEN COALESCE(NEW.created_at, NOW()) ELSE NOW() END
        );
    END IF;
    RETURN NEW;
END;
$$;

-- Name: set_late_week_at(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.set_late_week_at() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NEW.late_after IS NOT NULL THEN
        PERFORM public.require_duration(
            'report_data_collections', 'late_after', NEW.late_after, '5 minutes', '30 days'
        );
    END IF;
    IF NEW.late_after IS NULL OR NEW.status IN ('PAUSED', 'COMPLETED') THEN
        NEW.watched_since := NULL;
        NEW.late_week_at := NULL;
    ELSIF TG_OP = 'INSERT' OR NEW.watched_since IS NULL OR (
        NEW.start_date,
        NEW.end_date,
        NEW.parameters -> 'timezone',
        NEW.parameters #> '{window,lag_days}'
    ) IS DISTINCT FROM (
        OLD.start_date,
        OLD.end_date,
        OLD.parameters -> 'timezone',
        OLD.parameters #> '{window,lag_days}'
    ) THEN
        NEW.watched_since := CASE TG_OP
            WHEN 'INSERT' THEN COALESCE(NEW.created_at, NOW())
            ELSE NOW()
        END;
        NEW.late_week_at := NEW.watched_since;
    END IF;
    RETURN NEW;
END;
$$;

-- Name: set_next_run_at(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.set_next_run_at() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: set_template_last_used_at(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.set_template_last_used_at() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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
            array_agg(now_used.template_id) || array_agg(removed_use.template_id)
        INTO used, locked
        FROM added AS now_used
        JOIN removed AS removed_use ON removed_use.id = now_used.id
        WHERE now_used.template_id IS DISTINCT FROM removed_use.template_id;
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

-- Name: set_workflow_definition_md5(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.set_workflow_definition_md5() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    NEW.definition_md5 := CASE
        WHEN octet_length(NEW.sql_query) <= 262144
            AND COALESCE(octet_length(NEW.parameters::TEXT), 0) <= 262144
        THEN md5(
            md5(NEW.sql_query) || '/' || md5(COALESCE(NEW.parameters::TEXT, '')) || '/'
            || NEW.privacy_filtering || '/' || NEW.counts_hidden_rows::TEXT || '/'
            || NEW.disable_aggregation_controls::TEXT
        )
    END;
    RETURN NEW;
END;
$$;

-- Name: slow_queries(double precision); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.slow_queries(longer_than_ms double precision DEFAULT 1000) RETURNS TABLE(query text, mean_exec_time double precision, calls bigint, total_exec_time double precision)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

-- Name: FUNCTION slow_queries(longer_than_ms double precision); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.slow_queries(longer_than_ms double precision) IS 'Queries whose mean run time exceeds a number of milliseconds, slowest first. No rows without the extension pg_stat_statements. recomamp_pipeline calls it.';

-- Name: split_into_weeks(date, date); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.split_into_weeks(first_date date, last_date date) RETURNS TABLE(week_number integer, week_start_date date, week_end_date date)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT
        number + 1,
        first_date + 7 * number,
        LEAST(first_date + 7 * number + 6, last_date)
    FROM generate_series(0, (last_date - first_date) / 7) AS number;
$$;

-- Name: strip_comments(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.strip_comments(query text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    -- The token that begins first wins: a quote in a comment opens no string, and the reverse.
    SELECT regexp_replace(
        query,
        '(''(?:[^'']|'''')*'')|"(?:[^"]|"")*"|--[^\n\r]*|/\*(?:[^*]|\*+[^*/])*(?:\*+/|\**$)',
        '\1 ', 'g'
    );
$_$;

-- Name: sync_collection_weeks(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.sync_collection_weeks() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: touch_updated_at(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    NEW.updated_at := NOW();
    RETURN NEW;
END;
$$;

-- Name: unused_indexes(bigint); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.unused_indexes(larger_than_bytes bigint DEFAULT 1048576) RETURNS TABLE(table_name text, index_name text, size_bytes bigint, counted_since timestamp with time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT
        used.relname::TEXT,
        used.indexrelname::TEXT,
        pg_relation_size(used.indexrelid),
        (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())
    FROM pg_stat_user_indexes AS used
    JOIN pg_index AS described ON described.indexrelid = used.indexrelid
    WHERE used.schemaname = 'public'
        AND used.idx_scan = 0
        AND NOT described.indisunique
        AND NOT described.indisexclusion
        AND NOT described.indisreplident
        AND pg_relation_size(used.indexrelid) > larger_than_bytes
    ORDER BY pg_relation_size(used.indexrelid) DESC, used.indexrelname
$$;

-- Name: FUNCTION unused_indexes(larger_than_bytes bigint); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.unused_indexes(larger_than_bytes bigint) IS 'Indexes above a number of bytes that no query has used, largest first. Indexes of constraints are left out. recomamp_pipeline calls it.';

-- Name: update_workflow_execution_count(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.update_workflow_execution_count() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: versions_of_results(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.versions_of_results() RETURNS TABLE(workflow_id uuid, schedule_id uuid, collection_id uuid, window_start timestamp with time zone, window_end timestamp with time zone, window_time_zone text, window_type text, version bigint, is_latest boolean, is_refused boolean, execution_id uuid, loaded_at timestamp with time zone, age_days numeric, result_rows integer, files_deleted_at timestamp with time zone, change_ratio numeric, rows_new bigint, rows_gone bigint, rows_changed bigint, note text, is_final boolean)
    LANGUAGE sql STABLE
    AS $$
    SELECT
        version.workflow_id,
        version.schedule_id,
        version.collection_id,
        version.window_start,
        version.window_end,
        version.window_time_zone,
        version.window_type,
        version.place,
        version.is_latest,
        version.is_refused,
        version.id,
        COALESCE(version.results_loaded_at, version.completed_at),
        ROUND(
            EXTRACT(EPOCH FROM version.created_at - version.window_end)::NUMERIC / 86400, 2
        ),
        version.result_rows,
        version.result_files_deleted_at,
        difference.change_ratio,
        difference.rows_new,
        difference.rows_gone,
        difference.rows_changed,
        difference.note,
        CASE
            WHEN plan.ages IS NULL OR version.window_type <> 'EXPLICIT' THEN NULL
            ELSE version.is_latest AND (
                version.last_created_at
                    >= version.window_end + plan.ages[cardinality(plan.ages)] * INTERVAL '24 hours'
                OR public.is_restatement_stopped(
                    plan.ages, plan.threshold, version.window_end, previous.created_at,
                    version.created_at, difference.change_ratio
                )
            )
        END
    FROM (
        SELECT
            execution.*,
            verdict.is_refused,
            MAX(execution.created_at) OVER same_window AS last_created_at,
            ROW_NUMBER() OVER (
                same_window ORDER BY execution.completed_at NULLS FIRST, execution.id
            ) AS place,
            NOT verdict.is_refused AND 1 = COUNT(*) FILTER (WHERE NOT verdict.is_refused) OVER (
                same_window ORDER BY execution.completed_at DESC NULLS LAST, execution.id DESC
            ) AS is_latest
        FROM public.workflow_executions AS execution
        CROSS JOIN LATERAL (
            SELECT COALESCE(execution.error_type, '') IN ('CONTRACT_BROKEN', 'CHECK_FAILED')
        ) AS verdict (is_refused)
        WHERE execution.status = 'SUCCESS'
            AND execution.window_start IS NOT NULL
            AND execution.window_end IS NOT NULL
        WINDOW same_window AS (
            PARTITION BY
                execution.workflow_id, execution.schedule_id, execution.collection_id,
                execution.window_type, execution.window_start, execution.window_end
        )
    ) AS version
    LEFT JOIN public.result_differences AS difference ON difference.execution_id = version.id
    LEFT JOIN public.workflow_executions AS previous
        ON previous.id = difference.previous_execution_id
        AND COALESCE(previous.error_type, '') NOT IN ('CONTRACT_BROKEN', 'CHECK_FAILED')
    LEFT JOIN public.workflow_schedules AS schedule ON schedule.id = version.schedule_id
    LEFT JOIN public.report_data_collections AS collection ON collection.id = version.collection_id
    LEFT JOIN LATERAL public.restatement_plan(
        COALESCE(schedule.parameters, collection.parameters),
        CASE WHEN version.collection_id IS NULL THEN 2 ELSE 14 END
    ) AS plan ON true;
$$;

-- Name: FUNCTION versions_of_results(); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.versions_of_results() IS 'What the view result_versions shows, with the rights of the caller. The view calls it for analysts.';

-- Name: wall_time_instant(timestamp without time zone, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.wall_time_instant(wall_time timestamp without time zone, time_zone text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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

-- Name: report_data_weeks; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.report_data_weeks (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    collection_id uuid NOT NULL,
    execution_id uuid,
    week_start_date date NOT NULL,
    week_end_date date NOT NULL,
    week_number integer,
    status text DEFAULT 'PENDING'::text,
    error_message text,
    retry_count integer DEFAULT 0,
    execution_duration integer,
    result_rows integer,
    result_size_bytes bigint,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    CONSTRAINT chk_report_data_weeks_completed_at_time CHECK ((((completed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((completed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_weeks_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_weeks_started_at_time CHECK ((((started_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((started_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_weeks_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_weeks_week_end_date_date CHECK (((week_end_date >= '2000-01-01'::date) AND (week_end_date <= '2100-01-01'::date))),
    CONSTRAINT chk_report_data_weeks_week_start_date_date CHECK (((week_start_date >= '2000-01-01'::date) AND (week_start_date <= '2100-01-01'::date))),
    CONSTRAINT chk_week_dates CHECK ((week_start_date <= week_end_date)),
    CONSTRAINT chk_week_status CHECK (((status IS NOT NULL) AND (status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text, 'SUCCESS'::text, 'FAILED'::text, 'SKIPPED'::text]))))
);

-- Name: TABLE report_data_weeks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.report_data_weeks IS 'A week of a collection. A trigger of report_data_collections inserts the rows.';

-- Name: COLUMN report_data_weeks.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.id IS 'Primary key. Written by: default.';

-- Name: COLUMN report_data_weeks.collection_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.collection_id IS 'Collection that the week belongs to. Written by: create_collection_weeks().';

-- Name: COLUMN report_data_weeks.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.execution_id IS 'Latest execution of the week. Written by: submit, wait (start_week); submit, wait, record, recomamp_reconcile (finish_week).';

-- Name: COLUMN report_data_weeks.week_start_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.week_start_date IS 'First day of the week. Written by: create_collection_weeks().';

-- Name: COLUMN report_data_weeks.week_end_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.week_end_date IS 'Last day of the week, included. Written by: create_collection_weeks().';

-- Name: COLUMN report_data_weeks.week_number; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.week_number IS 'Number of the week within the collection, from 1 on. Written by: create_collection_weeks().';

-- Name: COLUMN report_data_weeks.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.status IS 'PENDING, RUNNING, SUCCESS, FAILED or SKIPPED. Only people write SKIPPED. Written by: default; submit, wait (start_week); submit, wait, record, recomamp_reconcile (finish_week); application.';

-- Name: COLUMN report_data_weeks.error_message; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.error_message IS 'Error of a failed week. Written by: submit, wait (start_week); submit, wait, record, recomamp_reconcile (finish_week).';

-- Name: COLUMN report_data_weeks.retry_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.retry_count IS 'retry_count of the execution. Written by: default; submit, wait (start_week); submit, wait, record, recomamp_reconcile (finish_week).';

-- Name: COLUMN report_data_weeks.execution_duration; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.execution_duration IS 'Duration of the execution in seconds. Written by: submit, wait, record, recomamp_reconcile (finish_week).';

-- Name: COLUMN report_data_weeks.result_rows; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.result_rows IS 'Number of rows of the result. Written by: submit, wait, record, recomamp_reconcile (finish_week).';

-- Name: COLUMN report_data_weeks.result_size_bytes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.result_size_bytes IS 'Size of the result in bytes. Written by: submit, wait, record, recomamp_reconcile (finish_week).';

-- Name: COLUMN report_data_weeks.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN report_data_weeks.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN report_data_weeks.started_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.started_at IS 'Time when the latest execution of the week started. Written by: submit, wait (start_week).';

-- Name: COLUMN report_data_weeks.completed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_weeks.completed_at IS 'Time when the week ended. NULL while it is open. Written by: submit, wait (start_week); submit, wait, record, recomamp_reconcile (finish_week).';

-- Name: weeks_without_results(uuid); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.weeks_without_results(of_collection_id uuid) RETURNS SETOF public.report_data_weeks
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT week.*
    FROM public.report_data_weeks AS week
    LEFT JOIN public.workflow_executions AS execution ON execution.id = week.execution_id
    WHERE week.collection_id = of_collection_id
        AND week.status NOT IN ('SUCCESS', 'SKIPPED')
        AND execution.status IS DISTINCT FROM 'SUCCESS';
$$;

-- Name: withdraw_collection_notifications(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.withdraw_collection_notifications() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.withdraw_notifications(OLD.user_id, 'collection:' || OLD.id || ':');
    RETURN NULL;
END;
$$;

-- Name: withdraw_late_window(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.withdraw_late_window() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM public.withdraw_notifications(
        NEW.user_id, format('window_late:%s:%s', NEW.schedule_id, extract(epoch FROM NEW.due_at))
    );
    RETURN NULL;
END;
$$;

-- Name: withdraw_loaded_windows(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.withdraw_loaded_windows() RETURNS TABLE(event_id uuid, problem text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '500ms'
    AS $$
DECLARE
    event RECORD;
    is_loaded BOOLEAN;
    locked_users UUID[] := '{}';
BEGIN
    FOR event IN
        SELECT chosen.id, queued.user_id, queued.event_key, queued.details
        FROM (
            SELECT
                open.id,
                row_number() OVER (PARTITION BY open.user_id ORDER BY random()) AS place
            FROM public.notifications AS open
            WHERE open.kind = 'WINDOW_LATE'
                AND open.created_at > NOW() - INTERVAL '1 day'
                AND (
                    open.status IN ('PENDING', 'CLAIMED')
                    OR (
                        open.status = 'UNSUBSCRIBED' AND EXISTS (
                            SELECT FROM public.channel_deliveries AS delivery
                            WHERE delivery.notification_id = open.id
                                AND delivery.status IN ('PENDING', 'CLAIMED')
                        )
                    )
                )
            ORDER BY place, random()
            LIMIT 500
        ) AS chosen
        JOIN public.notifications AS queued ON queued.id = chosen.id
    LOOP
        CONTINUE WHEN event.user_id = ANY (locked_users);
        BEGIN
            is_loaded := CASE
                WHEN event.details ? 'collection_id' THEN NOT EXISTS (
                    SELECT
                    FROM public.weeks_without_results((event.details ->> 'collection_id')::UUID)
                        AS week
                    WHERE week.week_start_date >= (event.details ->> 'start_date')::DATE
                        AND week.week_end_date <= (event.details ->> 'end_date')::DATE
                )
                ELSE public.is_window_loaded(
                    (event.details ->> 'schedule_id')::UUID,
                    (event.details ->> 'due_at')::TIMESTAMPTZ,
                    (event.details ->> 'window_end')::TIMESTAMPTZ
                )
            END;
            IF is_loaded THEN
                PERFORM FROM public.notifications
                WHERE id = event.id
                FOR NO KEY UPDATE NOWAIT;
                PERFORM FROM public.channel_deliveries
                WHERE notification_id = event.id
                FOR UPDATE NOWAIT;
                PERFORM public.withdraw_notifications(event.user_id, event.event_key);
            END IF;
        EXCEPTION WHEN lock_not_available THEN
            locked_users := locked_users || event.user_id;
        WHEN data_exception THEN
            event_id := event.id;
            problem := left('notifications.details: ' || SQLERRM, 500);
            RETURN NEXT;
        END;
    END LOOP;
END;
$$;

-- Name: FUNCTION withdraw_loaded_windows(); Type: COMMENT; Schema: public; Owner: -

COMMENT ON FUNCTION public.withdraw_loaded_windows() IS 'Withdraws events of late windows that have results by now, and returns those that cannot be judged with the problem. recomamp_pipeline calls it.';

-- Name: withdraw_notifications(uuid, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.withdraw_notifications(recipient_id uuid, key_prefix text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    UPDATE public.notifications
    SET status = 'WITHDRAWN'
    WHERE user_id = recipient_id
        AND status IN ('PENDING', 'CLAIMED')
        AND starts_with(event_key, key_prefix);

    UPDATE public.channel_deliveries AS queued
    SET status = 'WITHDRAWN'
    FROM public.notifications AS event
    WHERE event.id = queued.notification_id
        AND event.user_id = recipient_id
        AND starts_with(event.event_key, key_prefix)
        AND queued.status IN ('PENDING', 'CLAIMED');
$$;

-- Name: amc_accounts; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.amc_accounts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    account_id text NOT NULL,
    account_name text NOT NULL,
    advertiser_id text,
    profile_id text,
    country_code text DEFAULT 'US'::text,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    max_concurrent_executions integer DEFAULT 200 NOT NULL,
    marketplace_id text,
    CONSTRAINT chk_account_max_concurrent_executions CHECK (((max_concurrent_executions >= 1) AND (max_concurrent_executions <= 10000))),
    CONSTRAINT chk_amc_accounts_account_id_form CHECK ((account_id ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
    CONSTRAINT chk_amc_accounts_account_name_length CHECK ((char_length(account_name) <= 200)),
    CONSTRAINT chk_amc_accounts_advertiser_id_form CHECK ((advertiser_id ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
    CONSTRAINT chk_amc_accounts_country_code_form CHECK ((country_code ~ '^[A-Za-z]{2}$'::text)),
    CONSTRAINT chk_amc_accounts_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_accounts_marketplace_id_form CHECK ((marketplace_id ~ '^[A-Z0-9]{1,32}$'::text)),
    CONSTRAINT chk_amc_accounts_profile_id_form CHECK ((profile_id ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
    CONSTRAINT chk_amc_accounts_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE amc_accounts; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.amc_accounts IS 'An AMC account of an advertiser. The application inserts the rows.';

-- Name: COLUMN amc_accounts.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.id IS 'Primary key. Written by: default.';

-- Name: COLUMN amc_accounts.account_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.account_id IS 'Amazon''s entity id of the account, sent with each call of AMC. Written by: application.';

-- Name: COLUMN amc_accounts.account_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.account_name IS 'Name for display. Written by: application.';

-- Name: COLUMN amc_accounts.advertiser_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.advertiser_id IS 'Advertiser that the application knows. No call needs it: the pipeline lists the advertisers of an instance. Written by: application.';

-- Name: COLUMN amc_accounts.profile_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.profile_id IS 'Amazon Ads profile. Where it is set, the pipeline syncs the sponsored ads of this profile only. Written by: application.';

-- Name: COLUMN amc_accounts.country_code; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.country_code IS 'Country of the account, two letters. It decides the marketplace in the headers of AMC''s calls. Written by: default; application.';

-- Name: COLUMN amc_accounts.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN amc_accounts.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN amc_accounts.max_concurrent_executions; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.max_concurrent_executions IS 'Largest number of executions of the account at once: Amazon''s limit, or a lower one. Added by the pipeline. Written by: default; application.';

-- Name: COLUMN amc_accounts.marketplace_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_accounts.marketplace_id IS 'Amazon''s id of a marketplace whose country the pipeline does not know. It takes precedence over country_code. Added by the pipeline. Written by: application.';

-- Name: amc_api_errors; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.amc_api_errors (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    instance_id uuid NOT NULL,
    execution_id uuid,
    user_id uuid NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    operation text NOT NULL,
    status integer,
    code text,
    request_id text,
    message text NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    CONSTRAINT chk_amc_api_errors_at_time CHECK ((((at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_api_error_attempt CHECK ((attempt > 0))
);

-- Name: TABLE amc_api_errors; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.amc_api_errors IS 'A failed try of a call to Amazon, without tokens, signed links and queries. The owner of the instance reads it; the pipeline inserts the rows and deletes them after 90 days. Table of the pipeline.';

-- Name: COLUMN amc_api_errors.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.id IS 'Primary key. Written by: default.';

-- Name: COLUMN amc_api_errors.at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.at IS 'Time of the try. Written by: default; any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.instance_id IS 'AMC instance that the call was for. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.execution_id IS 'Execution that the call was for. NULL where there was none. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.user_id IS 'User in whose name Amazon was called. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.method; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.method IS 'HTTP method. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.path; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.path IS 'Path of the address, without its query. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.operation; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.operation IS 'Operation of Amazon''s API. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.status IS 'HTTP status. NULL where no response came. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.code; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.code IS 'Amazon''s error code. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.request_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.request_id IS 'Amazon''s request id, for their support. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.message; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.message IS 'Amazon''s message, without secrets. Written by: any Amazon call (insert_api_error).';

-- Name: COLUMN amc_api_errors.attempt; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_api_errors.attempt IS 'Number of the try within the call, from 1 on. Written by: default; any Amazon call (insert_api_error).';

-- Name: amc_api_errors_id_seq; Type: SEQUENCE; Schema: public; Owner: -

ALTER TABLE public.amc_api_errors ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.amc_api_errors_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: amc_data_sources; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.amc_data_sources (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    display_name text NOT NULL,
    description text,
    category text NOT NULL,
    table_type text,
    data_freshness text,
    grain text,
    documentation_url text,
    example_queries text[],
    is_active boolean DEFAULT true,
    deprecated_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    first_seen_at timestamp with time zone,
    CONSTRAINT chk_amc_data_sources_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_data_sources_deprecated_at_time CHECK ((((deprecated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((deprecated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_data_sources_first_seen_at_time CHECK ((((first_seen_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((first_seen_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_data_sources_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE amc_data_sources; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.amc_data_sources IS 'A table of Amazon''s that at least one instance offers. All signed-in users read it; the pipeline inserts the rows.';

-- Name: COLUMN amc_data_sources.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.id IS 'Primary key. Written by: default.';

-- Name: COLUMN amc_data_sources.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.name IS 'Amazon''s dataSourceId, which queries name. Written by: recomamp_schema_sync (merge_data_sources).';

-- Name: COLUMN amc_data_sources.display_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.display_name IS 'Name for display, made from name with the row. Written by: recomamp_schema_sync (merge_data_sources); application.';

-- Name: COLUMN amc_data_sources.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.description IS 'Amazon''s description, where it has one. Written by: recomamp_schema_sync (merge_data_sources); application.';

-- Name: COLUMN amc_data_sources.category; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.category IS 'Category for display, made from name with the row. Written by: recomamp_schema_sync (merge_data_sources); application.';

-- Name: COLUMN amc_data_sources.table_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.table_type IS 'fact where a column is a METRIC, else dimension. The pipeline fills it only where it is NULL. Written by: recomamp_schema_sync (merge_data_sources); application.';

-- Name: COLUMN amc_data_sources.data_freshness; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.data_freshness IS 'Age of the data. AMC does not tell it. Written by: application.';

-- Name: COLUMN amc_data_sources.grain; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.grain IS 'Meaning of one row. AMC does not tell it. Written by: application.';

-- Name: COLUMN amc_data_sources.documentation_url; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.documentation_url IS 'Address of the documentation. AMC does not tell it. Written by: application.';

-- Name: COLUMN amc_data_sources.example_queries; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.example_queries IS 'Queries for display. AMC does not tell them. Written by: application.';

-- Name: COLUMN amc_data_sources.is_active; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.is_active IS 'False after the last instance stopped offering the table. Written by: default; recomamp_schema_sync (merge_data_sources).';

-- Name: COLUMN amc_data_sources.deprecated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.deprecated_at IS 'Time when the last instance stopped offering the table. NULL while one offers it. Written by: recomamp_schema_sync (merge_data_sources).';

-- Name: COLUMN amc_data_sources.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN amc_data_sources.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN amc_data_sources.first_seen_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_data_sources.first_seen_at IS 'Time when an instance first offered the table. NULL for a row written by hand, which the pipeline leaves alone. Added by the pipeline. Written by: recomamp_schema_sync (merge_data_sources).';

-- Name: amc_instance_data_sources; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.amc_instance_data_sources (
    instance_id uuid NOT NULL,
    name text NOT NULL,
    is_shared boolean NOT NULL,
    description text,
    fields jsonb NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chk_amc_instance_data_sources_first_seen_at_time CHECK ((((first_seen_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((first_seen_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instance_data_sources_removed_at_time CHECK ((((removed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((removed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instance_data_sources_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_instance_data_source_fields CHECK ((jsonb_typeof(fields) = 'array'::text))
);

-- Name: TABLE amc_instance_data_sources; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.amc_instance_data_sources IS 'A table that one instance offers, uploads included. Its owner reads it; the pipeline inserts the rows. Table of the pipeline.';

-- Name: COLUMN amc_instance_data_sources.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instance_data_sources.instance_id IS 'AMC instance that offers the table. Written by: recomamp_schema_sync (merge_instance_data_sources).';

-- Name: COLUMN amc_instance_data_sources.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instance_data_sources.name IS 'Amazon''s dataSourceId, which queries name. Written by: recomamp_schema_sync (merge_instance_data_sources).';

-- Name: COLUMN amc_instance_data_sources.is_shared; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instance_data_sources.is_shared IS 'True for Amazon''s own table, false for an upload of an advertiser. Written by: recomamp_schema_sync (merge_instance_data_sources).';

-- Name: COLUMN amc_instance_data_sources.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instance_data_sources.description IS 'Amazon''s description. Written by: recomamp_schema_sync (merge_instance_data_sources).';

-- Name: COLUMN amc_instance_data_sources.fields; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instance_data_sources.fields IS 'Columns as JSON: name, data_type, column_type, sensitivity and description of each. Written by: recomamp_schema_sync (merge_instance_data_sources).';

-- Name: COLUMN amc_instance_data_sources.first_seen_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instance_data_sources.first_seen_at IS 'Time when the instance first offered the table. Written by: recomamp_schema_sync (merge_instance_data_sources).';

-- Name: COLUMN amc_instance_data_sources.removed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instance_data_sources.removed_at IS 'Time when the instance stopped offering the table. NULL while it offers it. Written by: recomamp_schema_sync (merge_instance_data_sources).';

-- Name: COLUMN amc_instance_data_sources.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instance_data_sources.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: amc_instances; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.amc_instances (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    instance_id text NOT NULL,
    name text NOT NULL,
    description text,
    region text DEFAULT 'us-east-1'::text,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL,
    is_active boolean DEFAULT true,
    health_status text DEFAULT 'UNKNOWN'::text,
    health_error text,
    last_health_check timestamp with time zone,
    campaigns_last_sync timestamp with time zone,
    schema_last_sync timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    max_concurrent_executions integer DEFAULT 10 NOT NULL,
    external_executions integer DEFAULT 0 NOT NULL,
    external_counted_at timestamp with time zone,
    reconcile_attempted_at timestamp with time zone,
    instance_type text,
    dry_runs_since timestamp with time zone,
    dry_runs integer DEFAULT 0 NOT NULL,
    CONSTRAINT chk_amc_instances_campaigns_last_sync_time CHECK ((((campaigns_last_sync AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((campaigns_last_sync AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instances_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instances_description_length CHECK ((char_length(description) <= 4000)),
    CONSTRAINT chk_amc_instances_dry_runs_number CHECK (((dry_runs >= 0) AND (dry_runs <= 1000000))),
    CONSTRAINT chk_amc_instances_dry_runs_since_time CHECK ((((dry_runs_since AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((dry_runs_since AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instances_external_counted_at_time CHECK ((((external_counted_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((external_counted_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instances_health_error_length CHECK ((char_length(health_error) <= 4000)),
    CONSTRAINT chk_amc_instances_instance_id_form CHECK ((instance_id ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
    CONSTRAINT chk_amc_instances_instance_type_form CHECK ((instance_type ~ '^[A-Z_]{1,32}$'::text)),
    CONSTRAINT chk_amc_instances_last_health_check_time CHECK ((((last_health_check AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_health_check AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instances_name_length CHECK ((char_length(name) <= 200)),
    CONSTRAINT chk_amc_instances_reconcile_attempted_at_time CHECK ((((reconcile_attempted_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((reconcile_attempted_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instances_region_form CHECK ((region ~ '^[A-Za-z0-9-]{1,32}$'::text)),
    CONSTRAINT chk_amc_instances_schema_last_sync_time CHECK ((((schema_last_sync AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((schema_last_sync AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_instances_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_instance_external_executions CHECK (((external_executions >= 0) AND (external_executions <= 10000))),
    CONSTRAINT chk_instance_health_status CHECK ((health_status = ANY (ARRAY['UNKNOWN'::text, 'HEALTHY'::text, 'UNHEALTHY'::text, 'ERROR'::text]))),
    CONSTRAINT chk_instance_max_concurrent_executions CHECK (((max_concurrent_executions >= 1) AND (max_concurrent_executions <= 10000)))
);

-- Name: TABLE amc_instances; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.amc_instances IS 'An AMC instance as one user has it. The application inserts the rows.';

-- Name: COLUMN amc_instances.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.id IS 'Primary key. Written by: default.';

-- Name: COLUMN amc_instances.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.instance_id IS 'AMC''s id of the instance, such as amcibersblt. Written by: application.';

-- Name: COLUMN amc_instances.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.name IS 'Name for display. Written by: user; application.';

-- Name: COLUMN amc_instances.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.description IS 'Text for display. Written by: user; application.';

-- Name: COLUMN amc_instances.region; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.region IS 'AWS region of the instance. It decides the host of AMC''s calls. Written by: default; application.';

-- Name: COLUMN amc_instances.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.user_id IS 'User that the row belongs to. Written by: application.';

-- Name: COLUMN amc_instances.account_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.account_id IS 'Account that the instance belongs to. Written by: application.';

-- Name: COLUMN amc_instances.is_active; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.is_active IS 'False: nothing starts by itself on the instance, and nothing of it is synced. Written by: default; user; application.';

-- Name: COLUMN amc_instances.health_status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.health_status IS 'UNKNOWN, HEALTHY, UNHEALTHY or ERROR. Executions do not start while it is ERROR. Written by: default; recomamp_instance_health, submit, wait (update_instance_health).';

-- Name: COLUMN amc_instances.health_error; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.health_error IS 'Amazon''s message without its request id. NULL where the instance is healthy. Written by: recomamp_instance_health, submit, wait (update_instance_health).';

-- Name: COLUMN amc_instances.last_health_check; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.last_health_check IS 'Time when the last health check began. Written by: recomamp_instance_health, submit, wait (update_instance_health).';

-- Name: COLUMN amc_instances.campaigns_last_sync; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.campaigns_last_sync IS 'Start of the last sync that read both campaigns and figures. Written by: recomamp_campaigns_sync: dated (set_campaigns_synced_at).';

-- Name: COLUMN amc_instances.schema_last_sync; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.schema_last_sync IS 'Time of the last complete reading of the instance''s tables. Written by: recomamp_schema_sync (update_schema_sync).';

-- Name: COLUMN amc_instances.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN amc_instances.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN amc_instances.max_concurrent_executions; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.max_concurrent_executions IS 'Largest number of executions of the instance at once: Amazon''s limit, or a lower one. Added by the pipeline. Written by: default; application.';

-- Name: COLUMN amc_instances.external_executions; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.external_executions IS 'Executions in flight at AMC that the pipeline did not submit. They take slots. Added by the pipeline. Written by: default; recomamp_reconcile (count_external_executions).';

-- Name: COLUMN amc_instances.external_counted_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.external_counted_at IS 'Time when AMC was listed for external_executions. Added by the pipeline. Written by: recomamp_reconcile (count_external_executions).';

-- Name: COLUMN amc_instances.reconcile_attempted_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.reconcile_attempted_at IS 'Time of the last reconciliation, failed or not. The instance tried longest ago comes first. Added by the pipeline. Written by: recomamp_reconcile (set_reconcile_attempted_at).';

-- Name: COLUMN amc_instances.instance_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.instance_type IS 'AMC''s type: STANDARD, SANDBOX or COLLABORATION. NULL until the first health check. Added by the pipeline. Written by: recomamp_instance_health, submit, wait (update_instance_health).';

-- Name: COLUMN amc_instances.dry_runs_since; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.dry_runs_since IS 'Beginning of the hour that dry_runs counts. Added by the pipeline. Written by: recomamp_dry_runs (count_dry_run).';

-- Name: COLUMN amc_instances.dry_runs; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_instances.dry_runs IS 'Dry runs within that hour. Added by the pipeline. Written by: default; recomamp_dry_runs (count_dry_run).';

-- Name: amc_schema_fields; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.amc_schema_fields (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    data_source_id uuid NOT NULL,
    field_name text NOT NULL,
    data_type text NOT NULL,
    description text,
    is_nullable boolean DEFAULT true,
    is_primary_key boolean DEFAULT false,
    is_foreign_key boolean DEFAULT false,
    max_length integer,
    valid_values text[],
    examples text[],
    notes text,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    column_type text,
    sensitivity text,
    is_active boolean DEFAULT true NOT NULL,
    deprecated_at timestamp with time zone,
    first_seen_at timestamp with time zone,
    CONSTRAINT chk_amc_schema_fields_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_schema_fields_deprecated_at_time CHECK ((((deprecated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((deprecated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_schema_fields_first_seen_at_time CHECK ((((first_seen_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((first_seen_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_amc_schema_fields_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE amc_schema_fields; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.amc_schema_fields IS 'A column of a table in amc_data_sources. All signed-in users read it; the pipeline inserts the rows.';

-- Name: COLUMN amc_schema_fields.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.id IS 'Primary key. Written by: default.';

-- Name: COLUMN amc_schema_fields.data_source_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.data_source_id IS 'Table that the column belongs to. Written by: recomamp_schema_sync (merge_schema_fields).';

-- Name: COLUMN amc_schema_fields.field_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.field_name IS 'Amazon''s name of the column. Written by: recomamp_schema_sync (merge_schema_fields).';

-- Name: COLUMN amc_schema_fields.data_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.data_type IS 'Amazon''s data type, or UNKNOWN where it tells none. Written by: recomamp_schema_sync (merge_schema_fields).';

-- Name: COLUMN amc_schema_fields.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.description IS 'Amazon''s description. Written by: recomamp_schema_sync (merge_schema_fields).';

-- Name: COLUMN amc_schema_fields.is_nullable; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.is_nullable IS 'True where the column may be NULL. AMC does not tell it. Written by: default; application.';

-- Name: COLUMN amc_schema_fields.is_primary_key; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.is_primary_key IS 'True for a key. AMC does not tell it. Written by: default; application.';

-- Name: COLUMN amc_schema_fields.is_foreign_key; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.is_foreign_key IS 'True for a reference. AMC does not tell it. Written by: default; application.';

-- Name: COLUMN amc_schema_fields.max_length; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.max_length IS 'Largest length. AMC does not tell it. Written by: application.';

-- Name: COLUMN amc_schema_fields.valid_values; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.valid_values IS 'Possible values. AMC does not tell them. Written by: application.';

-- Name: COLUMN amc_schema_fields.examples; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.examples IS 'Values for display. AMC does not tell them. Written by: application.';

-- Name: COLUMN amc_schema_fields.notes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.notes IS 'Text for display. Written by: application.';

-- Name: COLUMN amc_schema_fields.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN amc_schema_fields.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN amc_schema_fields.column_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.column_type IS 'Amazon''s type of the column: DIMENSION or METRIC. Added by the pipeline. Written by: recomamp_schema_sync (merge_schema_fields).';

-- Name: COLUMN amc_schema_fields.sensitivity; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.sensitivity IS 'Amazon''s sensitivity, which decides the aggregation threshold. Added by the pipeline. Written by: recomamp_schema_sync (merge_schema_fields).';

-- Name: COLUMN amc_schema_fields.is_active; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.is_active IS 'False after the last instance stopped offering the column. Added by the pipeline. Written by: default; recomamp_schema_sync (merge_schema_fields).';

-- Name: COLUMN amc_schema_fields.deprecated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.deprecated_at IS 'Time when the last instance stopped offering the column. NULL while one offers it. Added by the pipeline. Written by: recomamp_schema_sync (merge_schema_fields).';

-- Name: COLUMN amc_schema_fields.first_seen_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.amc_schema_fields.first_seen_at IS 'Time when an instance first offered the column. NULL for a row written by hand. Added by the pipeline. Written by: recomamp_schema_sync (merge_schema_fields).';

-- Name: asin_list_items; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.asin_list_items (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    list_id uuid NOT NULL,
    asin_id uuid NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    notes text,
    added_at timestamp with time zone DEFAULT now(),
    added_by uuid,
    CONSTRAINT chk_asin_list_item_position CHECK (("position" >= 0)),
    CONSTRAINT chk_asin_list_items_added_at_time CHECK ((((added_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((added_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_asin_list_items_notes_length CHECK ((char_length(notes) <= 4000)),
    CONSTRAINT chk_asin_list_items_position_range CHECK ((("position" >= 0) AND ("position" <= 1000000000)))
);

-- Name: TABLE asin_list_items; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.asin_list_items IS 'A product in a list. The user inserts the rows.';

-- Name: COLUMN asin_list_items.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_list_items.id IS 'Primary key. Written by: default.';

-- Name: COLUMN asin_list_items.list_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_list_items.list_id IS 'List that the item belongs to. Written by: user.';

-- Name: COLUMN asin_list_items.asin_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_list_items.asin_id IS 'Product of the same user. Written by: user.';

-- Name: COLUMN asin_list_items."position"; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_list_items."position" IS 'Position within the list, from 0 on. A new item gets the position it names where that is free, else the end. Written by: default; user; assign_list_position().';

-- Name: COLUMN asin_list_items.notes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_list_items.notes IS 'Notes of the user. Written by: user.';

-- Name: COLUMN asin_list_items.added_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_list_items.added_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN asin_list_items.added_by; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_list_items.added_by IS 'User who added the item. Written by: user.';

-- Name: asin_lists; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.asin_lists (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    description text,
    user_id uuid NOT NULL,
    category text,
    tags text[] DEFAULT '{}'::text[],
    is_public boolean DEFAULT false,
    asin_count integer DEFAULT 0,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT chk_asin_lists_asin_count_range CHECK (((asin_count >= 0) AND (asin_count <= 2147483647))),
    CONSTRAINT chk_asin_lists_category_length CHECK ((char_length(category) <= 100)),
    CONSTRAINT chk_asin_lists_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_asin_lists_description_length CHECK ((char_length(description) <= 4000)),
    CONSTRAINT chk_asin_lists_name_length CHECK ((char_length(name) <= 200)),
    CONSTRAINT chk_asin_lists_tags_elements CHECK (((COALESCE(array_ndims(tags), 1) = 1) AND (cardinality(tags) <= 50) AND (NOT (to_jsonb(tags) @? '$[*]?(@ like_regex "^.{101}" flag "s")'::jsonpath)))),
    CONSTRAINT chk_asin_lists_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE asin_lists; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.asin_lists IS 'A list of products. The user inserts the rows.';

-- Name: COLUMN asin_lists.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.id IS 'Primary key. Written by: default.';

-- Name: COLUMN asin_lists.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.name IS 'Name for display. Written by: user.';

-- Name: COLUMN asin_lists.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.description IS 'Text for display. Written by: user.';

-- Name: COLUMN asin_lists.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.user_id IS 'User that the list belongs to. Written by: user.';

-- Name: COLUMN asin_lists.category; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.category IS 'Category for display. Written by: user.';

-- Name: COLUMN asin_lists.tags; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.tags IS 'Labels for display, at most 50. Written by: default; user.';

-- Name: COLUMN asin_lists.is_public; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.is_public IS 'True for a list that all signed-in users read in public_asin_lists and public_asin_list_items. Written by: default; user.';

-- Name: COLUMN asin_lists.asin_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.asin_count IS 'Number of items. A number written by hand is replaced. Written by: default; count_children(); enforce_counter().';

-- Name: COLUMN asin_lists.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN asin_lists.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asin_lists.updated_at IS 'Time of the last change. A change of the items'' order counts. Written by: default; touch_updated_at(); check_unique_list_positions().';

-- Name: asins; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.asins (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    asin text NOT NULL,
    user_id uuid NOT NULL,
    title text,
    brand text,
    category text,
    image_url text,
    price numeric(10,2),
    sales_rank integer,
    review_count integer,
    average_rating numeric(2,1),
    tags text[] DEFAULT '{}'::text[],
    notes text,
    is_active boolean DEFAULT true,
    parent_asin text,
    variation_theme text,
    dimensions jsonb,
    weight numeric(8,3),
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    last_validated_at timestamp with time zone,
    validation_status text,
    validation_checked_at timestamp with time zone,
    profile_id text,
    price_currency text,
    CONSTRAINT chk_asin_format CHECK ((asin ~ '^B[0-9A-Z]{9}$'::text)),
    CONSTRAINT chk_asin_validation_status CHECK ((validation_status = ANY (ARRAY['FOUND'::text, 'NOT_FOUND'::text]))),
    CONSTRAINT chk_asins_average_rating_range CHECK (((average_rating >= (0)::numeric) AND (average_rating <= 9.9))),
    CONSTRAINT chk_asins_brand_length CHECK ((char_length(brand) <= 1000)),
    CONSTRAINT chk_asins_category_length CHECK ((char_length(category) <= 1000)),
    CONSTRAINT chk_asins_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_asins_dimensions_depth CHECK ((NOT (dimensions @? '$.**{21}'::jsonpath))),
    CONSTRAINT chk_asins_dimensions_size CHECK ((octet_length((dimensions)::text) <= 16384)),
    CONSTRAINT chk_asins_image_url_length CHECK ((char_length(image_url) <= 4000)),
    CONSTRAINT chk_asins_last_validated_at_time CHECK ((((last_validated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_validated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_asins_notes_length CHECK ((char_length(notes) <= 4000)),
    CONSTRAINT chk_asins_parent_asin_length CHECK ((char_length(parent_asin) <= 20)),
    CONSTRAINT chk_asins_price_currency_length CHECK ((char_length(price_currency) <= 10)),
    CONSTRAINT chk_asins_price_range CHECK (((price >= (0)::numeric) AND (price <= 99999999.99))),
    CONSTRAINT chk_asins_profile_id_length CHECK ((char_length(profile_id) <= 64)),
    CONSTRAINT chk_asins_review_count_range CHECK (((review_count >= 0) AND (review_count <= 2147483647))),
    CONSTRAINT chk_asins_sales_rank_range CHECK (((sales_rank >= 0) AND (sales_rank <= 2147483647))),
    CONSTRAINT chk_asins_tags_elements CHECK (((COALESCE(array_ndims(tags), 1) = 1) AND (cardinality(tags) <= 50) AND (NOT (to_jsonb(tags) @? '$[*]?(@ like_regex "^.{101}" flag "s")'::jsonpath)))),
    CONSTRAINT chk_asins_title_length CHECK ((char_length(title) <= 4000)),
    CONSTRAINT chk_asins_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_asins_validation_checked_at_time CHECK ((((validation_checked_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((validation_checked_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_asins_variation_theme_length CHECK ((char_length(variation_theme) <= 200)),
    CONSTRAINT chk_asins_weight_range CHECK (((weight >= (0)::numeric) AND (weight <= 99999.999)))
);

-- Name: TABLE asins; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.asins IS 'A product that a user follows. The user inserts the rows.';

-- Name: COLUMN asins.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.id IS 'Primary key. Written by: default.';

-- Name: COLUMN asins.asin; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.asin IS 'Amazon Standard Identification Number: B and nine digits or capital letters. Written by: user.';

-- Name: COLUMN asins.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.user_id IS 'User who follows the product. Written by: user.';

-- Name: COLUMN asins.title; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.title IS 'Title of the product: Amazon''s where it has one, else the user''s. Written by: user; recomamp_asins_sync (update_products).';

-- Name: COLUMN asins.brand; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.brand IS 'Brand of the product: Amazon''s where it has one, else the user''s. Written by: user; recomamp_asins_sync (update_products).';

-- Name: COLUMN asins.category; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.category IS 'Category of the product: Amazon''s where it has one, else the user''s. Written by: user; recomamp_asins_sync (update_products).';

-- Name: COLUMN asins.image_url; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.image_url IS 'Address of a picture: Amazon''s where it has one, else the user''s. Written by: user; recomamp_asins_sync (update_products).';

-- Name: COLUMN asins.price; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.price IS 'Price in price_currency: Amazon''s priceToPay, else its basisPrice, else the user''s. Written by: user; recomamp_asins_sync (update_products).';

-- Name: COLUMN asins.sales_rank; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.sales_rank IS 'Amazon''s bestSellerRank, else the user''s. Written by: user; recomamp_asins_sync (update_products).';

-- Name: COLUMN asins.review_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.review_count IS 'Number of reviews. No call of Amazon Ads returns it. Written by: user.';

-- Name: COLUMN asins.average_rating; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.average_rating IS 'Average rating. No call of Amazon Ads returns it. Written by: user.';

-- Name: COLUMN asins.tags; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.tags IS 'Labels for display, at most 50. Written by: default; user.';

-- Name: COLUMN asins.notes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.notes IS 'Notes of the user. The pipeline has no right to read them. Written by: user.';

-- Name: COLUMN asins.is_active; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.is_active IS 'False: the pipeline does not ask Amazon about the product. Written by: default; user.';

-- Name: COLUMN asins.parent_asin; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.parent_asin IS 'ASIN of the product that this one is a variation of. No call of Amazon Ads returns it. Written by: user.';

-- Name: COLUMN asins.variation_theme; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.variation_theme IS 'Kind of the variation, such as Color. No call of Amazon Ads returns it. Written by: user.';

-- Name: COLUMN asins.dimensions; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.dimensions IS 'Dimensions of the product. No call of Amazon Ads returns them. Written by: user.';

-- Name: COLUMN asins.weight; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.weight IS 'Weight of the product. No call of Amazon Ads returns it. Written by: user.';

-- Name: COLUMN asins.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN asins.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.updated_at IS 'Time of the last change. A check that finds nothing new is not a change. Written by: default; touch_updated_at().';

-- Name: COLUMN asins.last_validated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.last_validated_at IS 'Time when Amazon last knew the ASIN. Written by: recomamp_asins_sync (update_products); reset_validation().';

-- Name: COLUMN asins.validation_status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.validation_status IS 'FOUND or NOT_FOUND. NULL until Amazon has been asked. NOT_FOUND is not a proof that the product does not exist. Added by the pipeline. Written by: recomamp_asins_sync (update_products); reset_validation().';

-- Name: COLUMN asins.validation_checked_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.validation_checked_at IS 'Time when Amazon was last asked about the ASIN. Added by the pipeline. Written by: recomamp_asins_sync (update_products); reset_validation().';

-- Name: COLUMN asins.profile_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.profile_id IS 'Amazon Ads profile that knows the product. price and sales_rank are those of its marketplace. Added by the pipeline. Written by: recomamp_asins_sync (update_products); reset_validation().';

-- Name: COLUMN asins.price_currency; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.asins.price_currency IS 'Currency of price. Added by the pipeline. Written by: user; recomamp_asins_sync (update_products).';

-- Name: build_guide_queries; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.build_guide_queries (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    guide_id uuid NOT NULL,
    title text NOT NULL,
    description text,
    sql_query text NOT NULL,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT chk_build_guide_queries_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_build_guide_queries_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE build_guide_queries; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.build_guide_queries IS 'A query of a guide. The application inserts the rows. Table of the pipeline.';

-- Name: COLUMN build_guide_queries.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_queries.id IS 'Primary key. Written by: default.';

-- Name: COLUMN build_guide_queries.guide_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_queries.guide_id IS 'Guide that the query belongs to. Written by: application.';

-- Name: COLUMN build_guide_queries.title; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_queries.title IS 'Title for display. Written by: application.';

-- Name: COLUMN build_guide_queries.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_queries.description IS 'Text for display. Written by: application.';

-- Name: COLUMN build_guide_queries.sql_query; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_queries.sql_query IS 'SQL of AMC. Written by: application.';

-- Name: COLUMN build_guide_queries.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_queries.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN build_guide_queries.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_queries.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: build_guide_sections; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.build_guide_sections (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    guide_id uuid NOT NULL,
    section_number integer NOT NULL,
    title text,
    content text,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT chk_build_guide_sections_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_build_guide_sections_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_guide_section_number CHECK ((section_number > 0))
);

-- Name: TABLE build_guide_sections; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.build_guide_sections IS 'A section of a guide. The application inserts the rows. Table of the pipeline.';

-- Name: COLUMN build_guide_sections.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_sections.id IS 'Primary key. Written by: default.';

-- Name: COLUMN build_guide_sections.guide_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_sections.guide_id IS 'Guide that the section belongs to. Written by: application.';

-- Name: COLUMN build_guide_sections.section_number; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_sections.section_number IS 'Number of the section, from 1 on, as in user_guide_progress.completed_sections. Written by: application.';

-- Name: COLUMN build_guide_sections.title; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_sections.title IS 'Title for display. NULL in sections made for a guide that the application had only counted. Written by: application.';

-- Name: COLUMN build_guide_sections.content; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_sections.content IS 'Text for display. Written by: application.';

-- Name: COLUMN build_guide_sections.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_sections.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN build_guide_sections.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guide_sections.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: build_guides; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.build_guides (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    title text NOT NULL,
    description text,
    category text NOT NULL,
    difficulty_level text,
    estimated_time integer,
    prerequisites text[],
    section_count integer DEFAULT 0,
    query_count integer DEFAULT 0,
    completion_count integer DEFAULT 0,
    favorite_count integer DEFAULT 0,
    is_published boolean DEFAULT true,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT chk_build_guides_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_build_guides_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_guide_difficulty_level CHECK ((difficulty_level = ANY (ARRAY['BEGINNER'::text, 'INTERMEDIATE'::text, 'ADVANCED'::text])))
);

-- Name: TABLE build_guides; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.build_guides IS 'A guide that teaches queries. The application inserts the rows.';

-- Name: COLUMN build_guides.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.id IS 'Primary key. Written by: default.';

-- Name: COLUMN build_guides.title; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.title IS 'Title for display. Written by: application.';

-- Name: COLUMN build_guides.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.description IS 'Text for display. Written by: application.';

-- Name: COLUMN build_guides.category; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.category IS 'Category for display. Written by: application.';

-- Name: COLUMN build_guides.difficulty_level; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.difficulty_level IS 'BEGINNER, INTERMEDIATE or ADVANCED. Written by: application.';

-- Name: COLUMN build_guides.estimated_time; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.estimated_time IS 'Time to complete the guide in minutes. Written by: application.';

-- Name: COLUMN build_guides.prerequisites; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.prerequisites IS 'Prerequisites for display. Written by: application.';

-- Name: COLUMN build_guides.section_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.section_count IS 'Number of rows in build_guide_sections. Written by: default; count_children(); enforce_counter().';

-- Name: COLUMN build_guides.query_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.query_count IS 'Number of rows in build_guide_queries. Written by: default; count_children(); enforce_counter().';

-- Name: COLUMN build_guides.completion_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.completion_count IS 'Number of rows in user_guide_progress with the status COMPLETED. Written by: default; count_children(); enforce_counter().';

-- Name: COLUMN build_guides.favorite_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.favorite_count IS 'Number of rows in user_guide_favorites. Written by: default; count_children(); enforce_counter().';

-- Name: COLUMN build_guides.is_published; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.is_published IS 'True for a guide that all signed-in users read. Written by: default; application.';

-- Name: COLUMN build_guides.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN build_guides.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.build_guides.updated_at IS 'Time of the last change. Progress and favorites of readers do not count. Written by: default; touch_updated_at().';

-- Name: campaign_performance; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.campaign_performance (
    campaign_id uuid NOT NULL,
    date date NOT NULL,
    impressions bigint DEFAULT 0 NOT NULL,
    clicks bigint DEFAULT 0 NOT NULL,
    spend numeric DEFAULT 0 NOT NULL,
    sales numeric DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chk_campaign_performance_changed_at_time CHECK ((((changed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((changed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE campaign_performance; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.campaign_performance IS 'The figures of a campaign on one day. The pipeline inserts the rows. Table of the pipeline.';

-- Name: COLUMN campaign_performance.campaign_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_performance.campaign_id IS 'Campaign that the figures belong to. Written by: recomamp_campaigns_sync: performance (merge_reported_days).';

-- Name: COLUMN campaign_performance.date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_performance.date IS 'Day in the time zone of the profile; for DSP in UTC. Written by: recomamp_campaigns_sync: performance (merge_reported_days).';

-- Name: COLUMN campaign_performance.impressions; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_performance.impressions IS 'Impressions of the day. Written by: default; recomamp_campaigns_sync: performance (merge_reported_days).';

-- Name: COLUMN campaign_performance.clicks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_performance.clicks IS 'Clicks of the day. Written by: default; recomamp_campaigns_sync: performance (merge_reported_days).';

-- Name: COLUMN campaign_performance.spend; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_performance.spend IS 'Cost of the day as reported; it may be negative. Written by: default; recomamp_campaigns_sync: performance (merge_reported_days).';

-- Name: COLUMN campaign_performance.sales; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_performance.sales IS 'Sales of the day as reported. Written by: default; recomamp_campaigns_sync: performance (merge_reported_days).';

-- Name: COLUMN campaign_performance.changed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_performance.changed_at IS 'Time when the figures last changed. Written by: default; recomamp_campaigns_sync: performance (merge_reported_days).';

-- Name: campaign_reports; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.campaign_reports (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    instance_id uuid NOT NULL,
    profile_id text NOT NULL,
    campaign_type text NOT NULL,
    start_date date NOT NULL,
    end_date date NOT NULL,
    status text DEFAULT 'REQUESTED'::text NOT NULL,
    amazon_report_id text,
    row_count integer,
    unknown_count integer,
    error_message text,
    requested_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT chk_campaign_report_dates CHECK ((start_date <= end_date)),
    CONSTRAINT chk_campaign_report_status CHECK ((status = ANY (ARRAY['REQUESTED'::text, 'LOADED'::text, 'FAILED'::text]))),
    CONSTRAINT chk_campaign_reports_ended_at_time CHECK ((((ended_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((ended_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_campaign_reports_requested_at_time CHECK ((((requested_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((requested_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE campaign_reports; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.campaign_reports IS 'A report that the pipeline requested from Amazon Ads. The pipeline inserts the rows. Table of the pipeline.';

-- Name: COLUMN campaign_reports.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.id IS 'Primary key. It is part of the report''s name at Amazon. Written by: default.';

-- Name: COLUMN campaign_reports.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.instance_id IS 'AMC instance that the report was requested for. Written by: recomamp_campaigns_sync: performance (insert_campaign_report).';

-- Name: COLUMN campaign_reports.profile_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.profile_id IS 'Amazon Ads profile. Of a DSP report the advertiser. Written by: recomamp_campaigns_sync: performance (insert_campaign_report).';

-- Name: COLUMN campaign_reports.campaign_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.campaign_type IS 'Type of the campaigns in the report. Written by: recomamp_campaigns_sync: performance (insert_campaign_report).';

-- Name: COLUMN campaign_reports.start_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.start_date IS 'First day of the report. Written by: recomamp_campaigns_sync: performance (insert_campaign_report).';

-- Name: COLUMN campaign_reports.end_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.end_date IS 'Last day of the report, included. Written by: recomamp_campaigns_sync: performance (insert_campaign_report).';

-- Name: COLUMN campaign_reports.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.status IS 'REQUESTED, LOADED or FAILED. Written by: default; recomamp_campaigns_sync: performance (end_campaign_report).';

-- Name: COLUMN campaign_reports.amazon_report_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.amazon_report_id IS 'Amazon''s id of the report. NULL until Amazon has accepted it. Written by: recomamp_campaigns_sync: performance (set_amazon_report_id).';

-- Name: COLUMN campaign_reports.row_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.row_count IS 'Number of rows in the report. Written by: recomamp_campaigns_sync: performance (end_campaign_report).';

-- Name: COLUMN campaign_reports.unknown_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.unknown_count IS 'Number of rows of campaigns that are not in campaigns. Written by: recomamp_campaigns_sync: performance (end_campaign_report).';

-- Name: COLUMN campaign_reports.error_message; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.error_message IS 'Error of a failed report. Written by: recomamp_campaigns_sync: performance (end_campaign_report).';

-- Name: COLUMN campaign_reports.requested_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.requested_at IS 'Time before Amazon was asked. Written by: recomamp_campaigns_sync: performance (insert_campaign_report).';

-- Name: COLUMN campaign_reports.ended_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaign_reports.ended_at IS 'Time when the report was loaded or failed. Written by: recomamp_campaigns_sync: performance (end_campaign_report).';

-- Name: campaigns; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.campaigns (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    campaign_id text NOT NULL,
    name text NOT NULL,
    campaign_type text NOT NULL,
    state text NOT NULL,
    instance_id uuid NOT NULL,
    user_id uuid NOT NULL,
    impressions bigint DEFAULT 0,
    clicks bigint DEFAULT 0,
    spend numeric(10,2) DEFAULT 0,
    sales numeric(10,2) DEFAULT 0,
    acos numeric(5,2),
    roas numeric(5,2),
    start_date date,
    end_date date,
    budget numeric(10,2),
    budget_type text,
    targeting_type text,
    portfolio_id text,
    last_sync_at timestamp with time zone,
    performance_updated_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    profile_id text,
    currency_code text,
    sync_note text,
    performance_note text,
    CONSTRAINT chk_campaign_budget_type CHECK ((budget_type = ANY (ARRAY['DAILY'::text, 'LIFETIME'::text]))),
    CONSTRAINT chk_campaign_state CHECK ((state = ANY (ARRAY['ENABLED'::text, 'PAUSED'::text, 'ARCHIVED'::text]))),
    CONSTRAINT chk_campaigns_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_campaigns_last_sync_at_time CHECK ((((last_sync_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_sync_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_campaigns_performance_updated_at_time CHECK ((((performance_updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((performance_updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_campaigns_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE campaigns; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.campaigns IS 'A campaign of an advertiser behind an AMC instance. The pipeline inserts the rows.';

-- Name: COLUMN campaigns.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.id IS 'Primary key. Written by: default.';

-- Name: COLUMN campaigns.campaign_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.campaign_id IS 'Amazon''s id of the campaign. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.name IS 'Amazon''s name of the campaign, or its id where it has none. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.campaign_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.campaign_type IS 'API that listed it: sponsoredProducts, sponsoredBrands, sponsoredDisplay or dsp. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.state; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.state IS 'ENABLED, PAUSED or ARCHIVED. A campaign that Amazon lists no more becomes ARCHIVED. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns, archive_unlisted_campaigns, archive_orphaned_campaigns).';

-- Name: COLUMN campaigns.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.instance_id IS 'AMC instance that the campaign was synced for. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.user_id IS 'User of the instance. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.impressions; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.impressions IS 'Impressions of the last 30 full days. Written by: default; recomamp_campaigns_sync: performance (sum_campaign_performance).';

-- Name: COLUMN campaigns.clicks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.clicks IS 'Clicks of the last 30 full days. Written by: default; recomamp_campaigns_sync: performance (sum_campaign_performance).';

-- Name: COLUMN campaigns.spend; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.spend IS 'Cost of the last 30 full days, in currency_code. Written by: default; recomamp_campaigns_sync: performance (sum_campaign_performance).';

-- Name: COLUMN campaigns.sales; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.sales IS 'Sales of the last 30 full days, in currency_code; attributed within 14 days, except for Sponsored Products. Written by: default; recomamp_campaigns_sync: performance (sum_campaign_performance).';

-- Name: COLUMN campaigns.acos; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.acos IS 'Advertising cost of sales: spend / sales, in percent. NULL where sales is zero. Written by: recomamp_campaigns_sync: performance (sum_campaign_performance).';

-- Name: COLUMN campaigns.roas; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.roas IS 'Return on ad spend: sales / spend. NULL where spend is zero. Written by: recomamp_campaigns_sync: performance (sum_campaign_performance).';

-- Name: COLUMN campaigns.start_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.start_date IS 'First day of the campaign. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.end_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.end_date IS 'Last day of the campaign. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.budget; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.budget IS 'Budget in currency_code. Of a DSP campaign the sum of its flights. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.budget_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.budget_type IS 'DAILY or LIFETIME. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.targeting_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.targeting_type IS 'Amazon''s targeting type. Of Sponsored Display the tactic. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.portfolio_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.portfolio_id IS 'Amazon''s id of the portfolio. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.last_sync_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.last_sync_at IS 'Time of the list that named the campaign last. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.performance_updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.performance_updated_at IS 'Time when a report with its figures was loaded last. Written by: recomamp_campaigns_sync: performance (sum_campaign_performance).';

-- Name: COLUMN campaigns.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN campaigns.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.updated_at IS 'Time of the last change. last_sync_at and performance_updated_at do not count. Written by: default; touch_updated_at().';

-- Name: COLUMN campaigns.profile_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.profile_id IS 'Amazon Ads profile that lists the campaign. Of a DSP campaign the advertiser. Added by the pipeline. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.currency_code; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.currency_code IS 'Currency of budget, spend and sales: the list''s, else the profile''s. Added by the pipeline. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';

-- Name: COLUMN campaigns.sync_note; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.sync_note IS 'Parts of Amazon''s list that fit no column. NULL where all fit. Added by the pipeline. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns, archive_unlisted_campaigns, archive_orphaned_campaigns).';

-- Name: COLUMN campaigns.performance_note; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.campaigns.performance_note IS 'Figures that are larger than their column. NULL where all fit. Added by the pipeline. Written by: recomamp_campaigns_sync: performance (sum_campaign_performance).';

-- Name: channel_deliveries; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.channel_deliveries (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    notification_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    status text DEFAULT 'PENDING'::text NOT NULL,
    next_try_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claim_id uuid,
    claimed_until timestamp with time zone,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chk_channel_deliveries_claimed_until_time CHECK ((((claimed_until AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((claimed_until AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_channel_deliveries_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_channel_deliveries_next_try_at_time CHECK ((((next_try_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((next_try_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_channel_delivery_status CHECK ((status = ANY (ARRAY['PENDING'::text, 'CLAIMED'::text, 'SENT'::text, 'FAILED'::text, 'WITHDRAWN'::text, 'EXPIRED'::text])))
);

-- Name: TABLE channel_deliveries; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.channel_deliveries IS 'An event that is sent to a webhook or to Slack. queue_notification() inserts the rows; recomamp_webhooks sends them. They go with their event. Table of the pipeline.';

-- Name: COLUMN channel_deliveries.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.id IS 'Primary key. Written by: default.';

-- Name: COLUMN channel_deliveries.notification_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.notification_id IS 'Event that is sent. Written by: queue_notification().';

-- Name: COLUMN channel_deliveries.channel_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.channel_id IS 'Channel that it is sent to. Written by: queue_notification().';

-- Name: COLUMN channel_deliveries.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.status IS 'PENDING, CLAIMED, SENT, FAILED, WITHDRAWN or EXPIRED. Written by: default; queue_notification(); withdraw_notifications(); recomamp_webhooks (claim_deliveries, end_delivery, expire_deliveries).';

-- Name: COLUMN channel_deliveries.next_try_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.next_try_at IS 'Earliest time of the next try. Written by: default; queue_notification(); recomamp_webhooks (end_delivery).';

-- Name: COLUMN channel_deliveries.attempts; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.attempts IS 'Number of tries. Written by: default; recomamp_webhooks (claim_deliveries).';

-- Name: COLUMN channel_deliveries.claim_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.claim_id IS 'Id of the sender that claimed the row. Written by: recomamp_webhooks (claim_deliveries).';

-- Name: COLUMN channel_deliveries.claimed_until; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.claimed_until IS 'Time when the claim ends. Written by: recomamp_webhooks (claim_deliveries).';

-- Name: COLUMN channel_deliveries.last_error; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.last_error IS 'Why the last try failed, without the address. Written by: queue_notification(); recomamp_webhooks (end_delivery).';

-- Name: COLUMN channel_deliveries.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.channel_deliveries.created_at IS 'Time of insertion, or when a withdrawn event became true again. Written by: default; queue_notification().';

-- Name: collection_progress; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.collection_progress AS
 SELECT collection_id,
    name,
    workflow_id,
    workflow_name,
    instance_id,
    status,
    start_date,
    end_date,
    weeks,
    pending_weeks,
    running_weeks,
    successful_weeks,
    failed_weeks,
    skipped_weeks,
    progress_percentage,
    first_open_week,
    last_open_week,
    result_rows,
    average_seconds,
    estimated_completion,
    next_due_week,
    next_due_at,
    failures
   FROM public.progress_of_collections() progress_of_collections(collection_id, name, workflow_id, workflow_name, instance_id, status, start_date, end_date, weeks, pending_weeks, running_weeks, successful_weeks, failed_weeks, skipped_weeks, progress_percentage, first_open_week, last_open_week, result_rows, average_seconds, estimated_completion, next_due_week, next_due_at, failures);

-- Name: VIEW collection_progress; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.collection_progress IS 'Of each collection: weeks by status, open weeks, rows, average duration, the forecast of its end, the next week that is due, and why weeks failed. Users read their own rows.';

-- Name: current_results; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.current_results AS
 SELECT execution_id,
    workflow_id,
    workflow_name,
    schedule_id,
    collection_id,
    instance_id,
    window_start,
    window_end,
    window_time_zone,
    window_type,
    result_rows,
    result_size_bytes,
    files,
    columns,
    document_truncated,
    files_deleted_at,
    completed_at,
    results_loaded_at,
    versions
   FROM public.results_as_of('infinity'::timestamp with time zone) results_as_of(execution_id, workflow_id, workflow_name, schedule_id, collection_id, instance_id, window_start, window_end, window_time_zone, window_type, result_rows, result_size_bytes, files, columns, document_truncated, files_deleted_at, completed_at, results_loaded_at, versions);

-- Name: VIEW current_results; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.current_results IS 'Of each workflow, schedule or collection, and window: the latest success that no rule of the user refuses. versions counts these. It stays current where its files are deleted: files_deleted_at says so. Users read their own rows.';

-- Name: database_logins; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.database_logins (
    login_name text NOT NULL,
    user_id uuid,
    reads_claims boolean DEFAULT false NOT NULL,
    CONSTRAINT chk_database_login_identity CHECK (((user_id IS NULL) = reads_claims))
);

-- Name: TABLE database_logins; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.database_logins IS 'The user behind an SQL login. Only the owner of the database writes it; no role reads it. Table of the pipeline.';

-- Name: COLUMN database_logins.login_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.database_logins.login_name IS 'Role that signs in to the server (session_user). Written by: application.';

-- Name: COLUMN database_logins.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.database_logins.user_id IS 'User that the login is. NULL where reads_claims is true. Written by: application.';

-- Name: COLUMN database_logins.reads_claims; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.database_logins.reads_claims IS 'True for a login that checks the claims of requests itself, such as Supabase''s authenticator. Written by: default; application.';

-- Name: deleted_ids; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.deleted_ids (
    table_name text NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    deleted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chk_deleted_ids_deleted_at_time CHECK ((((deleted_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((deleted_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE deleted_ids; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.deleted_ids IS 'The ids of deleted workflows, schedules and collections. Only the same user may use one again. Table of the pipeline.';

-- Name: COLUMN deleted_ids.table_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.deleted_ids.table_name IS 'Table of the deleted row. Written by: keep_deleted_id().';

-- Name: COLUMN deleted_ids.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.deleted_ids.id IS 'Id of the deleted row. Written by: keep_deleted_id().';

-- Name: COLUMN deleted_ids.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.deleted_ids.user_id IS 'User of the deleted row, who may be deleted too. Written by: keep_deleted_id().';

-- Name: COLUMN deleted_ids.deleted_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.deleted_ids.deleted_at IS 'Time of the latest deletion. Written by: default; keep_deleted_id().';

-- Name: execution_locks; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.execution_locks (
    execution_id uuid NOT NULL,
    purpose text NOT NULL,
    CONSTRAINT chk_execution_lock_purpose CHECK ((purpose = ANY (ARRAY['SUBMIT'::text, 'LOAD'::text])))
);

-- Name: TABLE execution_locks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.execution_locks IS 'A row that a process locks while it submits an execution or loads its results. The pipeline inserts the rows. Table of the pipeline.';

-- Name: COLUMN execution_locks.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.execution_locks.execution_id IS 'Execution that is locked. Written by: submit, wait, load (create_execution_lock).';

-- Name: COLUMN execution_locks.purpose; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.execution_locks.purpose IS 'SUBMIT or LOAD. Written by: submit, wait, load (create_execution_lock).';

-- Name: maintenance_findings; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.maintenance_findings (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    dag_run_id text NOT NULL,
    task_id text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT chk_maintenance_finding_kind CHECK ((kind = ANY (ARRAY['UNUSED_INDEX'::text, 'SLOW_QUERY'::text, 'TABLE_LOCKED'::text, 'RESULT_FILES'::text]))),
    CONSTRAINT chk_maintenance_findings_at_time CHECK ((((at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE maintenance_findings; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.maintenance_findings IS 'A finding of recomamp_maintenance that a person should look at. The pipeline inserts the rows and deletes them after 90 days; no analyst reads them. Table of the pipeline.';

-- Name: COLUMN maintenance_findings.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.maintenance_findings.id IS 'Primary key. Written by: default.';

-- Name: COLUMN maintenance_findings.at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.maintenance_findings.at IS 'Time of the finding. Written by: default; recomamp_maintenance (insert_finding).';

-- Name: COLUMN maintenance_findings.dag_run_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.maintenance_findings.dag_run_id IS 'Run id of the DAG run. Written by: recomamp_maintenance (insert_finding).';

-- Name: COLUMN maintenance_findings.task_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.maintenance_findings.task_id IS 'Task that made the finding. Written by: recomamp_maintenance (insert_finding).';

-- Name: COLUMN maintenance_findings.kind; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.maintenance_findings.kind IS 'UNUSED_INDEX, SLOW_QUERY, TABLE_LOCKED or RESULT_FILES. Written by: recomamp_maintenance (insert_finding).';

-- Name: COLUMN maintenance_findings.subject; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.maintenance_findings.subject IS 'Index, query, table or execution that the finding is about. Written by: recomamp_maintenance (insert_finding).';

-- Name: COLUMN maintenance_findings.detail; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.maintenance_findings.detail IS 'Finding in words. Written by: recomamp_maintenance (insert_finding).';

-- Name: maintenance_findings_id_seq; Type: SEQUENCE; Schema: public; Owner: -

ALTER TABLE public.maintenance_findings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.maintenance_findings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: notification_channels; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.notification_channels (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    url text,
    secret text,
    url_host text,
    is_active boolean DEFAULT true NOT NULL,
    kinds text[],
    quiet_from time without time zone,
    quiet_until time without time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chk_notification_channel_address CHECK (
CASE kind
    WHEN 'EMAIL'::text THEN ((url IS NULL) AND (secret IS NULL))
    WHEN 'SLACK'::text THEN ((url IS NOT NULL) AND (secret IS NULL))
    ELSE ((url IS NOT NULL) AND (secret IS NOT NULL))
END),
    CONSTRAINT chk_notification_channel_kind CHECK ((kind = ANY (ARRAY['EMAIL'::text, 'WEBHOOK'::text, 'SLACK'::text]))),
    CONSTRAINT chk_notification_channel_quiet_time CHECK (((num_nonnulls(quiet_from, quiet_until) <> 1) AND (quiet_from <> quiet_until) AND (((quiet_until - quiet_from) +
CASE
    WHEN (quiet_until < quiet_from) THEN '24:00:00'::interval
    ELSE '00:00:00'::interval
END) <= '16:00:00'::interval))),
    CONSTRAINT chk_notification_channels_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_notification_channels_kinds_elements CHECK (((COALESCE(array_ndims(kinds), 1) = 1) AND (kinds <@ ARRAY['SCHEDULE_RUN_FAILED'::text, 'COLLECTION_COMPLETED'::text, 'COLLECTION_FAILED'::text, 'CONSENT_REVOKED'::text, 'RESULT_CHECK_FAILED'::text, 'CONTRACT_CHANGED'::text, 'WINDOW_LATE'::text, 'RESULTS_LOADED'::text]) AND (cardinality(kinds) <= 8))),
    CONSTRAINT chk_notification_channels_secret_length CHECK (((char_length(secret) >= 16) AND (char_length(secret) <= 200))),
    CONSTRAINT chk_notification_channels_url_form CHECK (((char_length(url) <= 2000) AND (url ~ '^https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/[!-~]*$'::text)))
);

-- Name: TABLE notification_channels; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.notification_channels IS 'A way by which a user hears of events. The user inserts the rows. Table of the pipeline.';

-- Name: COLUMN notification_channels.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.id IS 'Primary key. Written by: default.';

-- Name: COLUMN notification_channels.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.user_id IS 'User whose events are sent. Written by: user.';

-- Name: COLUMN notification_channels.kind; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.kind IS 'EMAIL: the mails to users.email, which the row bounds. WEBHOOK: a signed POST of JSON. SLACK: a POST of {"text": …}. Written by: user.';

-- Name: COLUMN notification_channels.url; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.url IS 'Address of a WEBHOOK or SLACK, with https. People cannot read it. Written by: user.';

-- Name: COLUMN notification_channels.secret; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.secret IS 'Key of the signature of a WEBHOOK, from 16 to 200 characters. People cannot read it. Written by: user.';

-- Name: COLUMN notification_channels.url_host; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.url_host IS 'Host of url, for display. Written by: check_notification_channel().';

-- Name: COLUMN notification_channels.is_active; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.is_active IS 'False: nothing is sent by this channel. Written by: default; user.';

-- Name: COLUMN notification_channels.kinds; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.kinds IS 'Kinds of events that are sent, as in notifications.kind. NULL: all. Written by: user.';

-- Name: COLUMN notification_channels.quiet_from; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.quiet_from IS 'Start of the quiet time in users.timezone. Events wait until its end. Written by: user.';

-- Name: COLUMN notification_channels.quiet_until; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.quiet_until IS 'End of the quiet time, at most 16 hours after its start. Written by: user.';

-- Name: COLUMN notification_channels.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notification_channels.created_at IS 'Time of insertion. Written by: default.';

-- Name: notifications; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.notifications (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    event_key text NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    details jsonb NOT NULL,
    status text DEFAULT 'PENDING'::text NOT NULL,
    next_try_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claim_id uuid,
    claimed_until timestamp with time zone,
    message_id text,
    is_digest boolean DEFAULT false NOT NULL,
    sending_started_at timestamp with time zone,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chk_notification_attempts CHECK ((attempts >= 0)),
    CONSTRAINT chk_notification_kind CHECK ((kind = ANY (ARRAY['SCHEDULE_RUN_FAILED'::text, 'COLLECTION_COMPLETED'::text, 'COLLECTION_FAILED'::text, 'CONSENT_REVOKED'::text, 'RESULT_CHECK_FAILED'::text, 'CONTRACT_CHANGED'::text, 'WINDOW_LATE'::text, 'RESULTS_LOADED'::text]))),
    CONSTRAINT chk_notification_status CHECK ((status = ANY (ARRAY['PENDING'::text, 'CLAIMED'::text, 'SENDING'::text, 'SENT'::text, 'FAILED'::text, 'IN_DOUBT'::text, 'WITHDRAWN'::text, 'UNSUBSCRIBED'::text, 'EXPIRED'::text]))),
    CONSTRAINT chk_notifications_claimed_until_time CHECK ((((claimed_until AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((claimed_until AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_notifications_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_notifications_happened_at_time CHECK ((((happened_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((happened_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_notifications_next_try_at_time CHECK ((((next_try_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((next_try_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_notifications_sending_started_at_time CHECK ((((sending_started_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((sending_started_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE notifications; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.notifications IS 'A mail to a user about an event. Triggers and record_late_windows() insert the rows; recomamp_notifications sends them. Table of the pipeline.';

-- Name: COLUMN notifications.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.id IS 'Primary key. It is part of the mail''s Message-ID. Written by: default.';

-- Name: COLUMN notifications.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.user_id IS 'User who gets the mail. Written by: queue_notification().';

-- Name: COLUMN notifications.kind; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.kind IS 'SCHEDULE_RUN_FAILED, COLLECTION_COMPLETED, COLLECTION_FAILED, CONSENT_REVOKED, RESULT_CHECK_FAILED, CONTRACT_CHANGED, WINDOW_LATE or RESULTS_LOADED. Written by: queue_notification().';

-- Name: COLUMN notifications.event_key; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.event_key IS 'Name of the event. An event that is reported again to the same user adds no row. Written by: queue_notification().';

-- Name: COLUMN notifications.happened_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.happened_at IS 'Time of the event. Written by: queue_notification().';

-- Name: COLUMN notifications.details; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.details IS 'Content of the mail as of happened_at. Written by: queue_notification().';

-- Name: COLUMN notifications.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.status IS 'PENDING, CLAIMED, SENDING, SENT, FAILED, IN_DOUBT, WITHDRAWN, UNSUBSCRIBED or EXPIRED. Written by: default; queue_notification(); withdraw_notifications(); recomamp_notifications (claim_notifications, start_sending_notifications, end_sending_notifications, release_notifications, expire_notifications).';

-- Name: COLUMN notifications.next_try_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.next_try_at IS 'Earliest time of the next try. Written by: default; queue_notification(); recomamp_notifications (end_sending_notifications, release_notifications).';

-- Name: COLUMN notifications.attempts; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.attempts IS 'Number of times that a mail server was asked to take the mail. Written by: default; recomamp_notifications (start_sending_notifications).';

-- Name: COLUMN notifications.claim_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.claim_id IS 'Id of the task that claimed the row. Written by: recomamp_notifications (claim_notifications).';

-- Name: COLUMN notifications.claimed_until; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.claimed_until IS 'Time when the claim ends. Written by: recomamp_notifications (claim_notifications).';

-- Name: COLUMN notifications.message_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.message_id IS 'Message-ID of the mail. Several rows of one digest have the same. Written by: recomamp_notifications (start_sending_notifications).';

-- Name: COLUMN notifications.is_digest; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.is_digest IS 'True where the mail tells several events. Written by: default; recomamp_notifications (start_sending_notifications).';

-- Name: COLUMN notifications.sending_started_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.sending_started_at IS 'Time just before the mail server was asked. Written by: recomamp_notifications (start_sending_notifications).';

-- Name: COLUMN notifications.last_error; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.last_error IS 'Message of the mail server. Written by: recomamp_notifications (start_sending_notifications, end_sending_notifications, release_notifications, expire_notifications).';

-- Name: COLUMN notifications.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.notifications.created_at IS 'Time of insertion, or when a withdrawn event became true again. Written by: default; queue_notification().';

-- Name: public_asin_list_items; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.public_asin_list_items WITH (security_barrier='true') AS
 SELECT item.id,
    item.list_id,
    item."position",
    product.asin,
    item.added_at
   FROM ((public.asin_list_items item
     JOIN public.asin_lists list ON ((list.id = item.list_id)))
     JOIN public.asins product ON ((product.id = item.asin_id)))
  WHERE (list.is_public AND (( SELECT public.current_user_id() AS current_user_id) IS NOT NULL));

-- Name: VIEW public_asin_list_items; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.public_asin_list_items IS 'Items of public lists: the ASIN without its owner''s notes and tags. Every signed-in user reads it.';

-- Name: public_asin_lists; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.public_asin_lists WITH (security_barrier='true') AS
 SELECT id,
    name,
    description,
    category,
    tags,
    asin_count,
    created_at,
    updated_at
   FROM public.asin_lists list
  WHERE (is_public AND (( SELECT public.current_user_id() AS current_user_id) IS NOT NULL));

-- Name: VIEW public_asin_lists; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.public_asin_lists IS 'Public lists of products without their owner. Every signed-in user reads it.';

-- Name: query_templates; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.query_templates (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    description text,
    category text NOT NULL,
    sql_template text NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb,
    tags text[] DEFAULT '{}'::text[],
    difficulty_level text,
    estimated_runtime text,
    usage_count integer DEFAULT 0,
    last_used_at timestamp with time zone,
    author_id uuid,
    is_official boolean DEFAULT false,
    is_public boolean DEFAULT false,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT chk_query_templates_category_length CHECK ((char_length(category) <= 100)),
    CONSTRAINT chk_query_templates_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_query_templates_description_length CHECK ((char_length(description) <= 4000)),
    CONSTRAINT chk_query_templates_estimated_runtime_length CHECK ((char_length(estimated_runtime) <= 100)),
    CONSTRAINT chk_query_templates_last_used_at_time CHECK ((((last_used_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_used_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_query_templates_name_length CHECK ((char_length(name) <= 200)),
    CONSTRAINT chk_query_templates_parameters_depth CHECK ((NOT (parameters @? '$.**{21}'::jsonpath))),
    CONSTRAINT chk_query_templates_parameters_size CHECK ((octet_length((parameters)::text) <= 262144)),
    CONSTRAINT chk_query_templates_sql_template_length CHECK ((octet_length(sql_template) <= 262144)),
    CONSTRAINT chk_query_templates_tags_elements CHECK (((COALESCE(array_ndims(tags), 1) = 1) AND (cardinality(tags) <= 50) AND (NOT (to_jsonb(tags) @? '$[*]?(@ like_regex "^.{101}" flag "s")'::jsonpath)))),
    CONSTRAINT chk_query_templates_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_template_difficulty_level CHECK ((difficulty_level = ANY (ARRAY['BEGINNER'::text, 'INTERMEDIATE'::text, 'ADVANCED'::text])))
);

-- Name: TABLE query_templates; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.query_templates IS 'A query with parameters that workflows are made from. Authors insert their own rows.';

-- Name: COLUMN query_templates.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.id IS 'Primary key. Written by: default.';

-- Name: COLUMN query_templates.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.name IS 'Name for display. Written by: user; application.';

-- Name: COLUMN query_templates.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.description IS 'Text for display. Written by: user; application.';

-- Name: COLUMN query_templates.category; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.category IS 'Category for display. Written by: user; application.';

-- Name: COLUMN query_templates.sql_template; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.sql_template IS 'SQL with the parameters {{name}}. Written by: user; application.';

-- Name: COLUMN query_templates.parameters; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.parameters IS 'Definitions of the parameters by name: exactly those that sql_template uses. Written by: default; user; application; check_query_template().';

-- Name: COLUMN query_templates.tags; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.tags IS 'Labels for display, at most 50. Written by: default; user; application.';

-- Name: COLUMN query_templates.difficulty_level; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.difficulty_level IS 'BEGINNER, INTERMEDIATE or ADVANCED. Written by: user; application.';

-- Name: COLUMN query_templates.estimated_runtime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.estimated_runtime IS 'Expected run time for display. Written by: user; application.';

-- Name: COLUMN query_templates.usage_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.usage_count IS 'Number of workflows made from the template. Written by: default; count_children(); enforce_counter().';

-- Name: COLUMN query_templates.last_used_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.last_used_at IS 'Time when the latest of these workflows was made. Written by: set_template_last_used_at().';

-- Name: COLUMN query_templates.author_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.author_id IS 'User who wrote the template. NULL for templates of the application. Written by: user; application.';

-- Name: COLUMN query_templates.is_official; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.is_official IS 'True for a template that the application recommends. Analysts have no right to it. Written by: default; application.';

-- Name: COLUMN query_templates.is_public; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.is_public IS 'True for a template that all signed-in users read in public_query_templates. Written by: default; user; application.';

-- Name: COLUMN query_templates.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN query_templates.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.query_templates.updated_at IS 'Time of the last change. A use is not a change. Written by: default; touch_updated_at().';

-- Name: public_query_templates; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.public_query_templates WITH (security_barrier='true') AS
 SELECT id,
    name,
    description,
    category,
    sql_template,
    parameters,
    tags,
    difficulty_level,
    estimated_runtime,
    usage_count,
    last_used_at,
    is_official,
    created_at,
    updated_at
   FROM public.query_templates template
  WHERE (is_public AND (( SELECT public.current_user_id() AS current_user_id) IS NOT NULL));

-- Name: VIEW public_query_templates; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.public_query_templates IS 'Public query templates without their author. Every signed-in user reads it.';

-- Name: recomamp_migrations; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.recomamp_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

-- Name: TABLE recomamp_migrations; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.recomamp_migrations IS 'A migration that was applied to the database. The migration runner inserts the rows; no role reads them. Table of the pipeline.';

-- Name: COLUMN recomamp_migrations.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.recomamp_migrations.name IS 'Name of the file without its suffix. Written by: migration runner.';

-- Name: COLUMN recomamp_migrations.checksum; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.recomamp_migrations.checksum IS 'SHA-256 of the file. Written by: migration runner.';

-- Name: COLUMN recomamp_migrations.applied_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.recomamp_migrations.applied_at IS 'Time when the migration was applied. Written by: default.';

-- Name: reconciliations; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.reconciliations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    instance_id uuid NOT NULL,
    execution_id uuid,
    amc_execution_id text,
    action text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT chk_reconciliation_action CHECK ((action = ANY (ARRAY['ADOPT'::text, 'CANCEL_AT_AMC'::text, 'CLOSE'::text]))),
    CONSTRAINT chk_reconciliations_at_time CHECK ((((at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE reconciliations; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.reconciliations IS 'A change that recomamp_reconcile made where AMC''s list and the open executions disagreed. The pipeline inserts the rows and deletes them after 90 days. Table of the pipeline.';

-- Name: COLUMN reconciliations.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.reconciliations.id IS 'Primary key. Written by: default.';

-- Name: COLUMN reconciliations.at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.reconciliations.at IS 'Time of the change. Written by: default; recomamp_reconcile (insert_reconciliation).';

-- Name: COLUMN reconciliations.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.reconciliations.instance_id IS 'AMC instance that was compared. Written by: recomamp_reconcile (insert_reconciliation).';

-- Name: COLUMN reconciliations.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.reconciliations.execution_id IS 'Row of workflow_executions, which may be deleted since. Written by: recomamp_reconcile (insert_reconciliation).';

-- Name: COLUMN reconciliations.amc_execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.reconciliations.amc_execution_id IS 'AMC''s id of the execution. NULL where AMC knew none. Written by: recomamp_reconcile (insert_reconciliation).';

-- Name: COLUMN reconciliations.action; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.reconciliations.action IS 'ADOPT, CANCEL_AT_AMC or CLOSE. Written by: recomamp_reconcile (insert_reconciliation).';

-- Name: COLUMN reconciliations.detail; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.reconciliations.detail IS 'Reason in words. Written by: recomamp_reconcile (insert_reconciliation).';

-- Name: report_data_collections; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.report_data_collections (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    description text,
    workflow_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    user_id uuid NOT NULL,
    start_date date NOT NULL,
    end_date date NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb,
    status text DEFAULT 'ACTIVE'::text,
    total_weeks integer DEFAULT 0,
    completed_weeks integer DEFAULT 0,
    failed_weeks integer DEFAULT 0,
    progress_percentage numeric(5,2) DEFAULT 0,
    estimated_completion timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    late_after interval,
    watched_since timestamp with time zone,
    late_week_at timestamp with time zone,
    CONSTRAINT chk_collection_status CHECK ((status = ANY (ARRAY['ACTIVE'::text, 'PAUSED'::text, 'COMPLETED'::text, 'FAILED'::text]))),
    CONSTRAINT chk_progress_percentage CHECK (((progress_percentage >= (0)::numeric) AND (progress_percentage <= (100)::numeric))),
    CONSTRAINT chk_report_data_collections_completed_at_time CHECK ((((completed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((completed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_collections_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_collections_description_length CHECK ((char_length(description) <= 4000)),
    CONSTRAINT chk_report_data_collections_end_date_date CHECK (((end_date >= '2000-01-01'::date) AND (end_date <= '2100-01-01'::date))),
    CONSTRAINT chk_report_data_collections_estimated_completion_time CHECK ((((estimated_completion AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((estimated_completion AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_collections_late_after_range CHECK ((((late_after >= '00:05:00'::interval) AND (late_after <= '30 days'::interval)) AND (EXTRACT(year FROM late_after) = (0)::numeric) AND (EXTRACT(month FROM late_after) = (0)::numeric) AND ((EXTRACT(day FROM late_after) >= (0)::numeric) AND (EXTRACT(day FROM late_after) <= (30)::numeric)))),
    CONSTRAINT chk_report_data_collections_late_week_at_time CHECK ((((late_week_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((late_week_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_collections_name_length CHECK ((char_length(name) <= 200)),
    CONSTRAINT chk_report_data_collections_parameters_depth CHECK ((NOT (parameters @? '$.**{21}'::jsonpath))),
    CONSTRAINT chk_report_data_collections_parameters_size CHECK ((octet_length((parameters)::text) <= 262144)),
    CONSTRAINT chk_report_data_collections_start_date_date CHECK (((start_date >= '2000-01-01'::date) AND (start_date <= '2100-01-01'::date))),
    CONSTRAINT chk_report_data_collections_started_at_time CHECK ((((started_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((started_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_collections_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_report_data_collections_watched_since_time CHECK ((((watched_since AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((watched_since AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE report_data_collections; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.report_data_collections IS 'A workflow over a range of weeks; a DAG of Airflow each. The user inserts the rows.';

-- Name: COLUMN report_data_collections.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.id IS 'Primary key. The DAG is amc_collection_<id>. Written by: default.';

-- Name: COLUMN report_data_collections.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.name IS 'Name for display. Written by: user.';

-- Name: COLUMN report_data_collections.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.description IS 'Text for display. Written by: user.';

-- Name: COLUMN report_data_collections.workflow_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.workflow_id IS 'Workflow that runs. Written by: user.';

-- Name: COLUMN report_data_collections.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.instance_id IS 'AMC instance that runs the query. Written by: user.';

-- Name: COLUMN report_data_collections.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.user_id IS 'User that the collection belongs to. It follows a workflow that changes hands. Written by: user.';

-- Name: COLUMN report_data_collections.start_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.start_date IS 'First day of the first week. Written by: user.';

-- Name: COLUMN report_data_collections.end_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.end_date IS 'Last day of the last week, included. Written by: user.';

-- Name: COLUMN report_data_collections.parameters; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.parameters IS 'Values of parameters, which replace those of the workflow, and options: timezone and window. Written by: default; user; check_report_data_collection().';

-- Name: COLUMN report_data_collections.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.status IS 'ACTIVE, PAUSED, COMPLETED or FAILED. Users pause and resume; the weeks decide the rest. Written by: default; user; check_report_data_collection(); refresh_collection_progress().';

-- Name: COLUMN report_data_collections.total_weeks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.total_weeks IS 'Number of weeks. Written by: default; refresh_collection_progress().';

-- Name: COLUMN report_data_collections.completed_weeks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.completed_weeks IS 'Number of weeks with the status SUCCESS. Written by: default; refresh_collection_progress().';

-- Name: COLUMN report_data_collections.failed_weeks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.failed_weeks IS 'Number of weeks with the status FAILED. Written by: default; refresh_collection_progress().';

-- Name: COLUMN report_data_collections.progress_percentage; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.progress_percentage IS 'Share of weeks that are SUCCESS or SKIPPED, in percent, rounded down. Written by: default; refresh_collection_progress().';

-- Name: COLUMN report_data_collections.estimated_completion; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.estimated_completion IS 'Time when the last week is expected to end. NULL until a week has ended, and after all have. Written by: refresh_collection_progress().';

-- Name: COLUMN report_data_collections.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN report_data_collections.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.updated_at IS 'Time of the last change. Written by: default; touch_updated_at(); refresh_collection_progress().';

-- Name: COLUMN report_data_collections.started_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.started_at IS 'Time when the first week started. Written by: refresh_collection_progress().';

-- Name: COLUMN report_data_collections.completed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.completed_at IS 'Time when the last week ended. NULL while a week is open. Written by: refresh_collection_progress().';

-- Name: COLUMN report_data_collections.late_after; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.late_after IS 'Time after a week is due by which it must be loaded, from 5 minutes to 30 days. NULL: nobody is notified of late weeks. Added by the pipeline. Written by: user.';

-- Name: COLUMN report_data_collections.watched_since; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.watched_since IS 'Time since when late weeks are watched. Weeks of the past are due then. NULL where they are not watched. Added by the pipeline. Written by: set_late_week_at(); record_late_weeks().';

-- Name: COLUMN report_data_collections.late_week_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.report_data_collections.late_week_at IS 'Next time at which weeks are due, which are judged at late_after past it. NULL where none is. Added by the pipeline. Written by: set_late_week_at(); record_late_weeks().';

-- Name: result_check_outcomes; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.result_check_outcomes (
    execution_id uuid NOT NULL,
    check_id uuid NOT NULL,
    measured text NOT NULL,
    value numeric,
    reference_value numeric,
    passed boolean,
    note text NOT NULL,
    evaluated_at timestamp with time zone NOT NULL,
    CONSTRAINT chk_result_check_outcomes_evaluated_at_time CHECK ((((evaluated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((evaluated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE result_check_outcomes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.result_check_outcomes IS 'What a condition came to for one result. The pipeline inserts the rows and deletes them after 90 days. Table of the pipeline.';

-- Name: COLUMN result_check_outcomes.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_check_outcomes.execution_id IS 'Execution whose result was measured. Written by: load (insert_check_outcome).';

-- Name: COLUMN result_check_outcomes.check_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_check_outcomes.check_id IS 'Condition that was evaluated. Written by: load (insert_check_outcome).';

-- Name: COLUMN result_check_outcomes.measured; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_check_outcomes.measured IS 'Measure with its columns, such as SUM(clicks). Written by: load (insert_check_outcome).';

-- Name: COLUMN result_check_outcomes.value; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_check_outcomes.value IS 'Value of the measure. NULL where there was none. Written by: load (insert_check_outcome).';

-- Name: COLUMN result_check_outcomes.reference_value; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_check_outcomes.reference_value IS 'Value of the same measure in the result that was compared with. NULL where there was none. Written by: load (insert_check_outcome).';

-- Name: COLUMN result_check_outcomes.passed; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_check_outcomes.passed IS 'Whether the condition is met. NULL where it could not be evaluated: note says why. Written by: load (insert_check_outcome).';

-- Name: COLUMN result_check_outcomes.note; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_check_outcomes.note IS 'Outcome in words. Written by: load (insert_check_outcome).';

-- Name: COLUMN result_check_outcomes.evaluated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_check_outcomes.evaluated_at IS 'Time of the evaluation. Written by: load (insert_check_outcome).';

-- Name: result_checks; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.result_checks (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    workflow_id uuid,
    schedule_id uuid,
    name text NOT NULL,
    measure text NOT NULL,
    column_name text,
    key_columns text[],
    comparison text NOT NULL,
    threshold numeric NOT NULL,
    compared_with text DEFAULT 'CONSTANT'::text NOT NULL,
    severity text DEFAULT 'NOTIFY'::text NOT NULL,
    rearm_after interval DEFAULT '1 day'::interval NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    notified_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chk_result_check_columns CHECK (
CASE measure
    WHEN 'ROWS'::text THEN ((column_name IS NULL) AND (key_columns IS NULL))
    WHEN 'DUPLICATES'::text THEN ((column_name IS NULL) AND (key_columns IS NOT NULL))
    ELSE ((column_name IS NOT NULL) AND (key_columns IS NULL))
END),
    CONSTRAINT chk_result_check_compared_with CHECK ((compared_with = ANY (ARRAY['CONSTANT'::text, 'PREVIOUS_WINDOW'::text, 'SAME_WEEKDAY'::text]))),
    CONSTRAINT chk_result_check_comparison CHECK ((comparison = ANY (ARRAY['<'::text, '<='::text, '>'::text, '>='::text, '='::text, '<>'::text, 'WITHIN'::text]))),
    CONSTRAINT chk_result_check_measure CHECK ((measure = ANY (ARRAY['ROWS'::text, 'SUM'::text, 'MIN'::text, 'MAX'::text, 'AVG'::text, 'NULLS'::text, 'DUPLICATES'::text]))),
    CONSTRAINT chk_result_check_place CHECK ((num_nonnulls(workflow_id, schedule_id) = 1)),
    CONSTRAINT chk_result_check_severity CHECK ((severity = ANY (ARRAY['NOTIFY'::text, 'FAIL'::text]))),
    CONSTRAINT chk_result_check_within CHECK (((comparison <> 'WITHIN'::text) OR ((compared_with <> 'CONSTANT'::text) AND (threshold >= (0)::numeric)))),
    CONSTRAINT chk_result_checks_column_name_length CHECK ((char_length(column_name) <= 200)),
    CONSTRAINT chk_result_checks_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_result_checks_key_columns_elements CHECK (((COALESCE(array_ndims(key_columns), 1) = 1) AND ((cardinality(key_columns) >= 1) AND (cardinality(key_columns) <= 20)) AND (NOT (to_jsonb(key_columns) @? '$[*]?(@ like_regex "^.{201}" flag "s")'::jsonpath)))),
    CONSTRAINT chk_result_checks_name_length CHECK ((char_length(name) <= 200)),
    CONSTRAINT chk_result_checks_notified_at_time CHECK ((((notified_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((notified_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_result_checks_rearm_after_range CHECK ((((rearm_after >= '00:00:00'::interval) AND (rearm_after <= '90 days'::interval)) AND (EXTRACT(year FROM rearm_after) = (0)::numeric) AND (EXTRACT(month FROM rearm_after) = (0)::numeric) AND ((EXTRACT(day FROM rearm_after) >= (0)::numeric) AND (EXTRACT(day FROM rearm_after) <= (90)::numeric)))),
    CONSTRAINT chk_result_checks_threshold_range CHECK ((((threshold >= '-1000000000000000000000000000000'::numeric) AND (threshold <= '1000000000000000000000000000000'::numeric)) AND (scale(threshold) <= 20)))
);

-- Name: TABLE result_checks; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.result_checks IS 'A condition that each result of a workflow or of a schedule must meet. The user inserts the rows. Table of the pipeline.';

-- Name: COLUMN result_checks.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.id IS 'Primary key. Written by: default.';

-- Name: COLUMN result_checks.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.user_id IS 'User that the condition belongs to. It follows a workflow that changes hands. Written by: user.';

-- Name: COLUMN result_checks.workflow_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.workflow_id IS 'Workflow whose results are checked. NULL where it is a schedule. Written by: user.';

-- Name: COLUMN result_checks.schedule_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.schedule_id IS 'Schedule whose results are checked. NULL where it is a workflow. Written by: user.';

-- Name: COLUMN result_checks.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.name IS 'Name for display and mails. Written by: user.';

-- Name: COLUMN result_checks.measure; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.measure IS 'What is measured over all rows: ROWS, SUM, MIN, MAX, AVG, NULLS or DUPLICATES. Written by: user.';

-- Name: COLUMN result_checks.column_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.column_name IS 'Column that is measured. NULL for ROWS and DUPLICATES. Written by: user.';

-- Name: COLUMN result_checks.key_columns; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.key_columns IS 'Columns whose values together must differ in each row. DUPLICATES counts the rows that repeat an earlier one. Written by: user.';

-- Name: COLUMN result_checks.comparison; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.comparison IS 'How the measure compares with threshold in a good result. WITHIN: the change is at most so many percent, up or down. Written by: user.';

-- Name: COLUMN result_checks.threshold; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.threshold IS 'Number to compare with. In percent of change, unless compared_with is CONSTANT. Written by: user.';

-- Name: COLUMN result_checks.compared_with; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.compared_with IS 'CONSTANT: the measure itself. PREVIOUS_WINDOW and SAME_WEEKDAY: its change in percent against that window, or the one a week before. Written by: default; user.';

-- Name: COLUMN result_checks.severity; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.severity IS 'NOTIFY: a failure is sent as a notification. FAIL: it also fails the run. Written by: default; user.';

-- Name: COLUMN result_checks.rearm_after; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.rearm_after IS 'Time after which a condition that stays failed is sent again, at most 90 days. Written by: default; user.';

-- Name: COLUMN result_checks.is_active; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.is_active IS 'False: the condition is not evaluated. Written by: default; user.';

-- Name: COLUMN result_checks.notified_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.notified_at IS 'Time of the last notification. NULL after the latest window meets the condition. Written by: notify_check_outcome().';

-- Name: COLUMN result_checks.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_checks.created_at IS 'Time of insertion. Written by: default.';

-- Name: result_difference_columns; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.result_difference_columns (
    execution_id uuid NOT NULL,
    column_name text NOT NULL,
    rows_changed bigint,
    sum_before numeric,
    sum_after numeric,
    largest_change numeric,
    change_ratio numeric,
    CONSTRAINT chk_result_difference_columns_name_length CHECK ((char_length(column_name) <= 512)),
    CONSTRAINT chk_result_difference_columns_ratio CHECK (((change_ratio >= (0)::numeric) AND (change_ratio <= (2)::numeric)))
);

-- Name: TABLE result_difference_columns; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.result_difference_columns IS 'What a version of a window changed in one measure. The task load writes the rows. Table of the pipeline.';

-- Name: COLUMN result_difference_columns.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_columns.execution_id IS 'Execution that is the later version. Written by: load (insert_result_difference_columns).';

-- Name: COLUMN result_difference_columns.column_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_columns.column_name IS 'Column that AMC calls METRIC. Written by: load (insert_result_difference_columns).';

-- Name: COLUMN result_difference_columns.rows_changed; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_columns.rows_changed IS 'Keys whose value differs, new and gone ones included. NULL where sums alone were compared. Written by: load (insert_result_difference_columns).';

-- Name: COLUMN result_difference_columns.sum_before; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_columns.sum_before IS 'Sum of the earlier version. NULL where the column holds no numbers. Written by: load (insert_result_difference_columns).';

-- Name: COLUMN result_difference_columns.sum_after; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_columns.sum_after IS 'Sum of the later version. NULL likewise. Written by: load (insert_result_difference_columns).';

-- Name: COLUMN result_difference_columns.largest_change; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_columns.largest_change IS 'Largest change of one key, with its sign. NULL likewise. Written by: load (insert_result_difference_columns).';

-- Name: COLUMN result_difference_columns.change_ratio; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_columns.change_ratio IS 'Sum of the rows'' absolute differences, divided by the larger total. NULL likewise. Written by: load (insert_result_difference_columns).';

-- Name: result_difference_rows; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.result_difference_rows (
    execution_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    key jsonb NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT chk_result_difference_rows_kind CHECK ((kind = ANY (ARRAY['NEW'::text, 'GONE'::text, 'CHANGED'::text]))),
    CONSTRAINT chk_result_difference_rows_number CHECK (((number >= 1) AND (number <= 1000))),
    CONSTRAINT chk_result_difference_rows_size CHECK ((((octet_length((key)::text) + COALESCE(octet_length((before)::text), 0)) + COALESCE(octet_length((after)::text), 0)) <= 2097152))
);

-- Name: TABLE result_difference_rows; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.result_difference_rows IS 'The keys that a version of a window changed most, up to 1,000. The task load writes the rows. Table of the pipeline.';

-- Name: COLUMN result_difference_rows.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_rows.execution_id IS 'Execution that is the later version. Written by: load (insert_result_difference_rows).';

-- Name: COLUMN result_difference_rows.number; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_rows.number IS 'Place by the size of the change, from 1 on. Written by: load (insert_result_difference_rows).';

-- Name: COLUMN result_difference_rows.kind; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_rows.kind IS 'NEW, GONE or CHANGED. Written by: load (insert_result_difference_rows).';

-- Name: COLUMN result_difference_rows.key; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_rows.key IS 'Values of the key columns, long texts shortened. Written by: load (insert_result_difference_rows).';

-- Name: COLUMN result_difference_rows.before; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_rows.before IS 'Measures of the earlier version that differ, all of a key that is gone. NULL for a new key. Written by: load (insert_result_difference_rows).';

-- Name: COLUMN result_difference_rows.after; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_difference_rows.after IS 'Measures of the later version that differ, all of a new key. NULL for one that is gone. Written by: load (insert_result_difference_rows).';

-- Name: result_differences; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.result_differences (
    execution_id uuid NOT NULL,
    previous_execution_id uuid,
    compared_at timestamp with time zone NOT NULL,
    key_columns text[] NOT NULL,
    rows_before bigint,
    rows_after bigint,
    rows_new bigint,
    rows_gone bigint,
    rows_changed bigint,
    change_ratio numeric,
    note text,
    CONSTRAINT chk_result_differences_compared_at_time CHECK ((((compared_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((compared_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_result_differences_key_columns_length CHECK ((cardinality(key_columns) <= 2000)),
    CONSTRAINT chk_result_differences_note_length CHECK ((char_length(note) <= 2000)),
    CONSTRAINT chk_result_differences_ratio CHECK (((change_ratio >= (0)::numeric) AND (change_ratio <= (2)::numeric)))
);

-- Name: TABLE result_differences; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.result_differences IS 'What a version of a window changed against the version before. The task load writes the rows; they are deleted with their execution. Table of the pipeline.';

-- Name: COLUMN result_differences.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.execution_id IS 'Primary key. Execution that is the later version. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.previous_execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.previous_execution_id IS 'Execution that is the earlier version. NULL after it is deleted. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.compared_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.compared_at IS 'Time of the comparison. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.key_columns; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.key_columns IS 'Columns by which rows are found again: those that AMC calls DIMENSION. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.rows_before; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.rows_before IS 'Number of rows of the earlier version. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.rows_after; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.rows_after IS 'Number of rows of the later version. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.rows_new; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.rows_new IS 'Keys that only the later version has. NULL where sums alone were compared, or nothing. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.rows_gone; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.rows_gone IS 'Keys that only the earlier version has. NULL likewise. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.rows_changed; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.rows_changed IS 'Keys in both versions with another measure. NULL likewise. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.change_ratio; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.change_ratio IS 'Largest relative change of a measure: the sum of the rows'' absolute differences, divided by the larger total. NULL where nothing was compared. Written by: load (insert_result_difference).';

-- Name: COLUMN result_differences.note; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.result_differences.note IS 'Why the comparison is no full one. NULL where it is. Written by: load (insert_result_difference).';

-- Name: result_versions; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.result_versions AS
 SELECT workflow_id,
    schedule_id,
    collection_id,
    window_start,
    window_end,
    window_time_zone,
    window_type,
    version,
    is_latest,
    is_refused,
    execution_id,
    loaded_at,
    age_days,
    result_rows,
    files_deleted_at,
    change_ratio,
    rows_new,
    rows_gone,
    rows_changed,
    note,
    is_final
   FROM public.versions_of_results() versions_of_results(workflow_id, schedule_id, collection_id, window_start, window_end, window_time_zone, window_type, version, is_latest, is_refused, execution_id, loaded_at, age_days, result_rows, files_deleted_at, change_ratio, rows_new, rows_gone, rows_changed, note, is_final);

-- Name: VIEW result_versions; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.result_versions IS 'Each success of each window, numbered from 1, with its age in days and what it changed. is_refused: a contract or a condition refuses it. is_latest: the latest that none refuses. is_final: the pipeline reads the window no more; NULL without restate_days. Users read their own rows.';

-- Name: run_requests; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.run_requests (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid DEFAULT public.current_user_id() NOT NULL,
    action text NOT NULL,
    schedule_id uuid,
    collection_id uuid,
    execution_id uuid,
    dag_run_id text,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    from_date date,
    to_date date,
    reprocess_behavior text,
    parameters jsonb,
    status text DEFAULT 'PENDING'::text NOT NULL,
    reason text,
    dag_id text,
    backfill_id integer,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    accepted_at timestamp with time zone,
    completed_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    claim_id uuid,
    claimed_until timestamp with time zone,
    last_backfill_id integer,
    last_week integer,
    restate_age_days integer,
    CONSTRAINT chk_run_request_action CHECK ((action = ANY (ARRAY['RUN'::text, 'RETRY'::text, 'CANCEL'::text, 'BACKFILL'::text, 'LOAD'::text, 'RESTATE'::text]))),
    CONSTRAINT chk_run_request_attempts CHECK ((attempts >= 0)),
    CONSTRAINT chk_run_request_dates CHECK ((from_date <= to_date)),
    CONSTRAINT chk_run_request_reprocess_behavior CHECK ((reprocess_behavior = ANY (ARRAY['none'::text, 'failed'::text, 'completed'::text]))),
    CONSTRAINT chk_run_request_restate_age CHECK ((((action = 'RESTATE'::text) = (restate_age_days IS NOT NULL)) AND ((restate_age_days >= 1) AND (restate_age_days <= 90)))),
    CONSTRAINT chk_run_request_status CHECK ((status = ANY (ARRAY['PENDING'::text, 'ACCEPTED'::text, 'DONE'::text, 'REFUSED'::text]))),
    CONSTRAINT chk_run_request_window CHECK ((window_start < window_end)),
    CONSTRAINT chk_run_requests_accepted_at_time CHECK ((((accepted_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((accepted_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_run_requests_claimed_until_time CHECK ((((claimed_until AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((claimed_until AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_run_requests_completed_at_time CHECK ((((completed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((completed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_run_requests_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_run_requests_dag_id_length CHECK ((char_length(dag_id) <= 250)),
    CONSTRAINT chk_run_requests_dag_run_id_form CHECK ((dag_run_id ~ '^[A-Za-z0-9_][A-Za-z0-9_.~:+-]{0,249}$'::text)),
    CONSTRAINT chk_run_requests_from_date_date CHECK (((from_date >= '2000-01-01'::date) AND (from_date <= '2100-01-01'::date))),
    CONSTRAINT chk_run_requests_next_try_at_time CHECK ((((next_try_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((next_try_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_run_requests_parameters_depth CHECK ((NOT (parameters @? '$.**{21}'::jsonpath))),
    CONSTRAINT chk_run_requests_parameters_size CHECK ((octet_length((parameters)::text) <= 16384)),
    CONSTRAINT chk_run_requests_reason_length CHECK ((char_length(reason) <= 2000)),
    CONSTRAINT chk_run_requests_to_date_date CHECK (((to_date >= '2000-01-01'::date) AND (to_date <= '2100-01-01'::date))),
    CONSTRAINT chk_run_requests_window_end_time CHECK ((((window_end AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((window_end AT TIME ZONE 'UTC'::text) <= '2100-01-02 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_run_requests_window_start_time CHECK ((((window_start AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((window_start AT TIME ZONE 'UTC'::text) <= '2100-01-02 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE run_requests; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.run_requests IS 'A request about runs. People insert RUN, RETRY, CANCEL, BACKFILL and LOAD, the pipeline inserts RESTATE. The follower asks Airflow and ends them; they are deleted after 90 days. Table of the pipeline.';

-- Name: COLUMN run_requests.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.id IS 'Primary key. A run that RUN creates is request__<id>, one of RESTATE restate__<id>. Written by: default; user.';

-- Name: COLUMN run_requests.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.user_id IS 'User who asks, or whose schedule or collection is restated. It follows the named row to another user. Written by: default; user; recomamp_restatement (insert_restatement_requests).';

-- Name: COLUMN run_requests.action; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.action IS 'RUN, RETRY, CANCEL, BACKFILL, LOAD or RESTATE. Written by: user; recomamp_restatement (insert_restatement_requests).';

-- Name: COLUMN run_requests.schedule_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.schedule_id IS 'Schedule to run, to restate, to backfill, or of the run to cancel. NULL after it is deleted. Written by: user; recomamp_restatement (insert_restatement_requests).';

-- Name: COLUMN run_requests.collection_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.collection_id IS 'Collection to run, to restate, to backfill, to retry, or of the run to cancel. NULL after it is deleted. Written by: user; recomamp_restatement (insert_restatement_requests).';

-- Name: COLUMN run_requests.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.execution_id IS 'Execution to retry, to cancel or to load again. NULL after it is deleted. Written by: user.';

-- Name: COLUMN run_requests.dag_run_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.dag_run_id IS 'Run id of the DAG run. The user names the run to cancel, the follower writes the run of a request that is done. Written by: user; follower (end_run_request).';

-- Name: COLUMN run_requests.window_start; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.window_start IS 'Start of the window that a RUN or a RESTATE reads. NULL with window_end: the latest complete window. Written by: user; recomamp_restatement (insert_restatement_requests).';

-- Name: COLUMN run_requests.window_end; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.window_end IS 'End of the window that a RUN or a RESTATE reads, exclusive. Written by: user; recomamp_restatement (insert_restatement_requests).';

-- Name: COLUMN run_requests.from_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.from_date IS 'First day of a BACKFILL or of the window of a RUN, in the zone of the definition. Written by: user.';

-- Name: COLUMN run_requests.to_date; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.to_date IS 'Last day of a BACKFILL or of the window of a RUN, included. Written by: user.';

-- Name: COLUMN run_requests.reprocess_behavior; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.reprocess_behavior IS 'Which dates with a run a BACKFILL runs again: none, failed or completed. NULL means none. Written by: user.';

-- Name: COLUMN run_requests.parameters; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.parameters IS 'Values of the query''s parameters for a RUN or a BACKFILL, as a JSON object. Written by: user.';

-- Name: COLUMN run_requests.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.status IS 'PENDING, ACCEPTED, DONE (Airflow has taken it) or REFUSED. Written by: default; follower (accept_run_request, end_run_request).';

-- Name: COLUMN run_requests.reason; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.reason IS 'Why it was refused, why it waits, or what was done. Written by: follower (postpone_run_request, end_run_request).';

-- Name: COLUMN run_requests.dag_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.dag_id IS 'Airflow DAG that was asked. Written by: follower (end_run_request).';

-- Name: COLUMN run_requests.backfill_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.backfill_id IS 'Airflow''s number of the backfill that a BACKFILL created. Written by: follower (end_run_request).';

-- Name: COLUMN run_requests.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN run_requests.accepted_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.accepted_at IS 'Time when Airflow first answered. Written by: follower (accept_run_request).';

-- Name: COLUMN run_requests.completed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.completed_at IS 'Time when the request became DONE or REFUSED. Written by: follower (end_run_request).';

-- Name: COLUMN run_requests.attempts; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.attempts IS 'Number of times that a follower has taken the request. Written by: default; follower (claim_run_request).';

-- Name: COLUMN run_requests.next_try_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.next_try_at IS 'Earliest time of the next try. Written by: default; follower (postpone_run_request).';

-- Name: COLUMN run_requests.claim_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.claim_id IS 'Id of the claim by the follower that has the request. Written by: follower (claim_run_request).';

-- Name: COLUMN run_requests.claimed_until; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.claimed_until IS 'Time when the claim ends, or ended: the user last had a turn then. Written by: follower (claim_run_request, postpone_run_request, end_run_request).';

-- Name: COLUMN run_requests.last_backfill_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.last_backfill_id IS 'Airflow''s latest backfill of the DAG before this one was asked for. A later equal one is this request''s. Written by: follower (accept_run_request).';

-- Name: COLUMN run_requests.last_week; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.last_week IS 'Number of the last week that a RETRY of a collection has dealt with. Written by: follower (postpone_run_request).';

-- Name: COLUMN run_requests.restate_age_days; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.run_requests.restate_age_days IS 'Age in days after the window''s end at which a RESTATE reads it again. NULL for other actions. Written by: recomamp_restatement (insert_restatement_requests).';

-- Name: schedule_runs; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.schedule_runs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    schedule_id uuid NOT NULL,
    execution_id uuid,
    status text NOT NULL,
    error_message text,
    duration_seconds integer,
    created_at timestamp with time zone DEFAULT now(),
    dag_run_id text,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT chk_schedule_run_status CHECK ((status = ANY (ARRAY['SUCCESS'::text, 'FAILED'::text, 'SKIPPED'::text]))),
    CONSTRAINT chk_schedule_runs_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_schedule_runs_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_schedule_runs_window_end_time CHECK ((((window_end AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((window_end AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_schedule_runs_window_start_time CHECK ((((window_start AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((window_start AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE schedule_runs; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.schedule_runs IS 'A run of a schedule that ended. The pipeline inserts the rows.';

-- Name: COLUMN schedule_runs.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.id IS 'Primary key. Written by: default.';

-- Name: COLUMN schedule_runs.schedule_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.schedule_id IS 'Schedule that ran. Written by: submit, wait, record, recomamp_reconcile (record_schedule_run).';

-- Name: COLUMN schedule_runs.execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.execution_id IS 'Last execution of the run. NULL where there was none. Written by: submit, wait, record, recomamp_reconcile (record_schedule_run).';

-- Name: COLUMN schedule_runs.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.status IS 'SUCCESS, FAILED or SKIPPED. Only the application writes SKIPPED. Written by: submit, wait, record, recomamp_reconcile (record_schedule_run).';

-- Name: COLUMN schedule_runs.error_message; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.error_message IS 'Error of a failed run. Written by: submit, wait, record, recomamp_reconcile (record_schedule_run).';

-- Name: COLUMN schedule_runs.duration_seconds; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.duration_seconds IS 'Duration of the run in seconds. Written by: submit, wait, record, recomamp_reconcile (record_schedule_run).';

-- Name: COLUMN schedule_runs.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.created_at IS 'Time when the run was first recorded. Written by: default.';

-- Name: COLUMN schedule_runs.dag_run_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.dag_run_id IS 'Run id of the DAG run. A run that is cleared keeps its row. Added by the pipeline. Written by: submit, wait, record, recomamp_reconcile (record_schedule_run).';

-- Name: COLUMN schedule_runs.window_start; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.window_start IS 'Start of the window. Added by the pipeline. Written by: submit, wait, record, recomamp_reconcile (record_schedule_run).';

-- Name: COLUMN schedule_runs.window_end; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.window_end IS 'End of the window, exclusive. Added by the pipeline. Written by: submit, wait, record, recomamp_reconcile (record_schedule_run).';

-- Name: COLUMN schedule_runs.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.schedule_runs.updated_at IS 'Time of the last change. Added by the pipeline. Written by: default; touch_updated_at().';

-- Name: user_guide_favorites; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.user_guide_favorites (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    guide_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now(),
    CONSTRAINT chk_user_guide_favorites_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE user_guide_favorites; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.user_guide_favorites IS 'A guide that a user marked as a favorite. The user inserts the rows. Table of the pipeline.';

-- Name: COLUMN user_guide_favorites.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_favorites.id IS 'Primary key. Written by: default.';

-- Name: COLUMN user_guide_favorites.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_favorites.user_id IS 'User who marked the guide. Written by: user.';

-- Name: COLUMN user_guide_favorites.guide_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_favorites.guide_id IS 'Guide that is a favorite. Written by: user.';

-- Name: COLUMN user_guide_favorites.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_favorites.created_at IS 'Time of insertion. Written by: default.';

-- Name: user_guide_progress; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.user_guide_progress (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    guide_id uuid NOT NULL,
    current_section integer DEFAULT 1,
    completed_sections integer[] DEFAULT '{}'::integer[],
    progress_percentage numeric(5,2) DEFAULT 0,
    status text DEFAULT 'IN_PROGRESS'::text,
    started_at timestamp with time zone DEFAULT now(),
    completed_at timestamp with time zone,
    last_accessed_at timestamp with time zone DEFAULT now(),
    CONSTRAINT chk_guide_progress_percentage CHECK (((progress_percentage >= (0)::numeric) AND (progress_percentage <= (100)::numeric))),
    CONSTRAINT chk_guide_progress_status CHECK ((status = ANY (ARRAY['NOT_STARTED'::text, 'IN_PROGRESS'::text, 'COMPLETED'::text]))),
    CONSTRAINT chk_user_guide_progress_completed_at_time CHECK ((((completed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((completed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_user_guide_progress_completed_sections_elements CHECK (((COALESCE(array_ndims(completed_sections), 1) = 1) AND (cardinality(completed_sections) <= 1000) AND (NOT (to_jsonb(completed_sections) @? '$[*]?(@ like_regex "^.{101}" flag "s")'::jsonpath)))),
    CONSTRAINT chk_user_guide_progress_current_section_range CHECK (((current_section >= 0) AND (current_section <= 10000))),
    CONSTRAINT chk_user_guide_progress_last_accessed_at_time CHECK ((((last_accessed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_accessed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_user_guide_progress_started_at_time CHECK ((((started_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((started_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE user_guide_progress; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.user_guide_progress IS 'The progress of a user in a guide. The user inserts the rows.';

-- Name: COLUMN user_guide_progress.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.id IS 'Primary key. Written by: default.';

-- Name: COLUMN user_guide_progress.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.user_id IS 'User who reads the guide. Written by: user.';

-- Name: COLUMN user_guide_progress.guide_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.guide_id IS 'Guide that is read. Written by: user.';

-- Name: COLUMN user_guide_progress.current_section; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.current_section IS 'Section that the user reads now. NULL becomes 1. Written by: default; user; calculate_guide_progress().';

-- Name: COLUMN user_guide_progress.completed_sections; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.completed_sections IS 'Numbers of the sections that the user has completed. NULL becomes an empty array. Written by: default; user; calculate_guide_progress().';

-- Name: COLUMN user_guide_progress.progress_percentage; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.progress_percentage IS 'Share of completed sections in percent, rounded down. The user''s own value counts for a guide without sections. Written by: default; user; calculate_guide_progress().';

-- Name: COLUMN user_guide_progress.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.status IS 'NOT_STARTED, IN_PROGRESS or COMPLETED. The user''s own value counts for a guide without sections. Written by: default; user; calculate_guide_progress().';

-- Name: COLUMN user_guide_progress.started_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.started_at IS 'Time when the user started: the value given, else the time of the statement. Written by: default; user; calculate_guide_progress().';

-- Name: COLUMN user_guide_progress.completed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.completed_at IS 'Time when the user completed the guide. A new section makes it NULL again. Written by: user; calculate_guide_progress().';

-- Name: COLUMN user_guide_progress.last_accessed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.user_guide_progress.last_accessed_at IS 'Time when the user last read the guide: the value given, else the time of the statement. Written by: default; user; calculate_guide_progress().';

-- Name: users; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email text NOT NULL,
    full_name text,
    avatar_url text,
    amazon_user_id text,
    encrypted_access_token text,
    encrypted_refresh_token text,
    token_expires_at timestamp with time zone,
    timezone text DEFAULT 'UTC'::text,
    email_notifications boolean DEFAULT true,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    last_login_at timestamp with time zone,
    is_active boolean DEFAULT true,
    consent_revoked_at timestamp with time zone,
    consent_error text,
    CONSTRAINT chk_users_amazon_user_id_length CHECK ((char_length(amazon_user_id) <= 200)),
    CONSTRAINT chk_users_avatar_url_length CHECK ((char_length(avatar_url) <= 2000)),
    CONSTRAINT chk_users_consent_error_length CHECK ((char_length(consent_error) <= 20000)),
    CONSTRAINT chk_users_consent_revoked_at_time CHECK ((((consent_revoked_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((consent_revoked_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_users_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_users_email_length CHECK ((char_length(email) <= 254)),
    CONSTRAINT chk_users_encrypted_access_token_length CHECK ((octet_length(encrypted_access_token) <= 16384)),
    CONSTRAINT chk_users_encrypted_refresh_token_length CHECK ((octet_length(encrypted_refresh_token) <= 16384)),
    CONSTRAINT chk_users_full_name_length CHECK ((char_length(full_name) <= 200)),
    CONSTRAINT chk_users_last_login_at_time CHECK ((((last_login_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_login_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_users_timezone_length CHECK ((char_length(timezone) <= 64)),
    CONSTRAINT chk_users_token_expires_at_time CHECK ((((token_expires_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((token_expires_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_users_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE users; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.users IS 'A person who uses RecomAMP. The application inserts the rows.';

-- Name: COLUMN users.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.id IS 'Primary key. Written by: default.';

-- Name: COLUMN users.email; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.email IS 'Address for signing in and for mails. Written by: application.';

-- Name: COLUMN users.full_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.full_name IS 'Name for display, at most 200 characters. Written by: application; user.';

-- Name: COLUMN users.avatar_url; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.avatar_url IS 'Address of the picture for display. Written by: application; user.';

-- Name: COLUMN users.amazon_user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.amazon_user_id IS 'Amazon''s id of the person. Written by: application.';

-- Name: COLUMN users.encrypted_access_token; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.encrypted_access_token IS 'Access token of Login with Amazon, encrypted with Fernet. Written by: application; any Amazon call (update_user_tokens); make rotate (rotate_user_tokens).';

-- Name: COLUMN users.encrypted_refresh_token; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.encrypted_refresh_token IS 'Refresh token of Login with Amazon, encrypted with Fernet. The application stores the first one; the pipeline encrypts it again with each renewal. Written by: application; any Amazon call (update_user_tokens); make rotate (rotate_user_tokens).';

-- Name: COLUMN users.token_expires_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.token_expires_at IS 'Time when the access token expires. Written by: application; any Amazon call (update_user_tokens).';

-- Name: COLUMN users.timezone; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.timezone IS 'IANA time zone of the times in mails. Written by: default; user.';

-- Name: COLUMN users.email_notifications; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.email_notifications IS 'False: the user gets no mails. Written by: default; user.';

-- Name: COLUMN users.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN users.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN users.last_login_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.last_login_at IS 'Time of the last sign-in to the application. Written by: application.';

-- Name: COLUMN users.is_active; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.is_active IS 'False: nothing of the user starts by itself, is synced or sends mails. Written by: default; application.';

-- Name: COLUMN users.consent_revoked_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.consent_revoked_at IS 'Time when Amazon refused the refresh token. While it is set, the pipeline does not call Amazon in the user''s name. A new refresh token clears it. Added by the pipeline. Written by: any Amazon call (revoke_user_consent); clear_revoked_consent().';

-- Name: COLUMN users.consent_error; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.users.consent_error IS 'Amazon''s message when it refused the refresh token. Added by the pipeline. Written by: any Amazon call (revoke_user_consent); clear_revoked_consent().';

-- Name: workflow_dry_runs; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.workflow_dry_runs (
    workflow_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    definition_md5 text NOT NULL,
    status text NOT NULL,
    message text,
    checked_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    next_try_at timestamp with time zone,
    amc_execution_id text,
    CONSTRAINT chk_workflow_dry_run_next_try CHECK (((status = 'UNKNOWN'::text) = (next_try_at IS NOT NULL))),
    CONSTRAINT chk_workflow_dry_run_status CHECK ((status = ANY (ARRAY['ACCEPTED'::text, 'REFUSED'::text, 'INVALID'::text, 'UNKNOWN'::text]))),
    CONSTRAINT chk_workflow_dry_runs_checked_at_time CHECK ((((checked_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((checked_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_dry_runs_message_chars CHECK ((char_length(message) <= 2000)),
    CONSTRAINT chk_workflow_dry_runs_next_try_at_time CHECK ((((next_try_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((next_try_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE workflow_dry_runs; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.workflow_dry_runs IS 'AMC''s answer to the dry run of a workflow on an instance. It belongs to one version of the workflow. The owner reads it. Table of the pipeline.';

-- Name: COLUMN workflow_dry_runs.workflow_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.workflow_id IS 'Workflow with the query. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- Name: COLUMN workflow_dry_runs.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.instance_id IS 'AMC instance that was asked. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- Name: COLUMN workflow_dry_runs.definition_md5; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.definition_md5 IS 'MD5 of the query, the parameters and the options that were sent. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- Name: COLUMN workflow_dry_runs.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.status IS 'ACCEPTED or REFUSED is AMC''s answer. INVALID queries are not sent. UNKNOWN is tried again. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- Name: COLUMN workflow_dry_runs.message; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.message IS 'AMC''s words, or why there is no answer. NULL where AMC accepts the query. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- Name: COLUMN workflow_dry_runs.checked_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.checked_at IS 'Time when AMC was asked. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- Name: COLUMN workflow_dry_runs.attempts; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.attempts IS 'Dry runs of this version so far. Written by: default; recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- Name: COLUMN workflow_dry_runs.next_try_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.next_try_at IS 'Earliest time of the next dry run. NULL where AMC has answered. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- Name: COLUMN workflow_dry_runs.amc_execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_dry_runs.amc_execution_id IS 'AMC''s id of the latest dry run that was sent. The reconciliation counts it as none of the external executions. Written by: recomamp_dry_runs (mark_dry_run_sent).';

-- Name: workflow_executions; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.workflow_executions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    amc_execution_id text,
    workflow_id uuid NOT NULL,
    user_id uuid NOT NULL,
    status text DEFAULT 'PENDING'::text NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb,
    result_data jsonb,
    result_rows integer,
    result_size_bytes bigint,
    execution_duration integer,
    error_message text,
    error_type text,
    retry_count integer DEFAULT 0,
    next_retry_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    dag_id text,
    dag_run_id text,
    clear_number integer DEFAULT 0 NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    due_at timestamp with time zone,
    schedule_id uuid,
    collection_id uuid,
    instance_id uuid,
    window_type text DEFAULT 'EXPLICIT'::text NOT NULL,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    window_time_zone text,
    submitted_sql text,
    input_parameters jsonb DEFAULT '[]'::jsonb NOT NULL,
    slot_granted_at timestamp with time zone,
    submission_started_at timestamp with time zone,
    submitted_at timestamp with time zone,
    deadline_at timestamp with time zone,
    orphaned_at timestamp with time zone,
    amc_workflow_id text,
    amc_instance_id text,
    amc_status text,
    amazon_request_id text,
    results_loaded_at timestamp with time zone,
    result_data_trimmed_at timestamp with time zone,
    result_files_deleted_at timestamp with time zone,
    superseded_by uuid,
    column_changes text,
    amc_options jsonb DEFAULT '{}'::jsonb NOT NULL,
    hidden_rows integer,
    blanked_rows integer,
    hidden_reasons jsonb,
    CONSTRAINT chk_execution_attempt CHECK ((attempt > 0)),
    CONSTRAINT chk_execution_dag_id CHECK (((dag_id IS NULL) OR
CASE
    WHEN (schedule_id IS NOT NULL) THEN (dag_id = ('amc_schedule_'::text || schedule_id))
    WHEN (collection_id IS NOT NULL) THEN (dag_id = ('amc_collection_'::text || collection_id))
    ELSE (dag_id ~ '^amc_(schedule|collection)_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'::text)
END)),
    CONSTRAINT chk_execution_definition CHECK ((num_nonnulls(schedule_id, collection_id) <= 1)),
    CONSTRAINT chk_execution_status CHECK ((status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text, 'SUCCESS'::text, 'FAILED'::text, 'CANCELLED'::text, 'TIMEOUT'::text]))),
    CONSTRAINT chk_execution_window CHECK ((window_start < window_end)),
    CONSTRAINT chk_execution_window_type CHECK ((window_type = ANY (ARRAY['EXPLICIT'::text, 'MOST_RECENT_DAY'::text, 'MOST_RECENT_WEEK'::text, 'CURRENT_MONTH'::text, 'PREVIOUS_MONTH'::text, 'ALL'::text]))),
    CONSTRAINT chk_workflow_executions_amc_options_size CHECK ((octet_length((amc_options)::text) <= 4096)),
    CONSTRAINT chk_workflow_executions_completed_at_time CHECK ((((completed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((completed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_deadline_at_time CHECK ((((deadline_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((deadline_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_due_at_time CHECK ((((due_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((due_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_hidden_reasons_size CHECK ((octet_length((hidden_reasons)::text) <= 65536)),
    CONSTRAINT chk_workflow_executions_next_retry_at_time CHECK ((((next_retry_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((next_retry_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_orphaned_at_time CHECK ((((orphaned_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((orphaned_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_result_data_trimmed_at_time CHECK ((((result_data_trimmed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((result_data_trimmed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_result_files_deleted_at_time CHECK ((((result_files_deleted_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((result_files_deleted_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_results_loaded_at_time CHECK ((((results_loaded_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((results_loaded_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_slot_granted_at_time CHECK ((((slot_granted_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((slot_granted_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_started_at_time CHECK ((((started_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((started_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_submission_started_at_time CHECK ((((submission_started_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((submission_started_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_submitted_at_time CHECK ((((submitted_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((submitted_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_window_end_time CHECK ((((window_end AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((window_end AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_executions_window_start_time CHECK ((((window_start AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((window_start AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.05', autovacuum_analyze_scale_factor='0.02');

-- Name: TABLE workflow_executions; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.workflow_executions IS 'An execution of a query in AMC. The pipeline inserts the rows; older ones are the application''s.';

-- Name: COLUMN workflow_executions.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.id IS 'Primary key. It is part of the query''s name at AMC. Written by: default; submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.amc_execution_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.amc_execution_id IS 'AMC''s id of the execution. NULL until AMC has accepted it. Written by: submit, wait, recomamp_reconcile (mark_submitted).';

-- Name: COLUMN workflow_executions.workflow_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.workflow_id IS 'Workflow that runs. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.user_id IS 'User that the execution belongs to. It follows a workflow that changes hands. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.status IS 'PENDING, RUNNING, SUCCESS, FAILED, CANCELLED or TIMEOUT. Every change is compare-and-set. Written by: default; submit, wait (insert_execution); submit, wait, recomamp_reconcile (mark_submitted); load (mark_succeeded); submit, wait, record, recomamp_reconcile (end_execution).';

-- Name: COLUMN workflow_executions.parameters; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.parameters IS 'Values of the parameters as sent to AMC. Written by: default; submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.result_data; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.result_data IS 'JSON document: the schema, the first rows (at most 10,000 and 4 MiB) and the list of files. The maintenance shortens old ones where a setting says so. Written by: load (mark_succeeded); recomamp_maintenance: trim_documents (trim_document); recomamp_maintenance: delete_files (set_result_files_deleted).';

-- Name: COLUMN workflow_executions.result_rows; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.result_rows IS 'Number of rows of the whole result. Written by: load (mark_succeeded).';

-- Name: COLUMN workflow_executions.result_size_bytes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.result_size_bytes IS 'Size of the whole result in bytes. Written by: load (mark_succeeded).';

-- Name: COLUMN workflow_executions.execution_duration; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.execution_duration IS 'Duration in seconds: AMC''s own figure, else from started_at to completed_at. Written by: load (mark_succeeded); submit, wait, record, recomamp_reconcile (end_execution).';

-- Name: COLUMN workflow_executions.error_message; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.error_message IS 'Error of a failed execution. While it is open: error of the last try. Written by: submit, wait, load (set_try_error, clear_try_error, increment_retry_count); submit, wait, recomamp_reconcile (mark_submitted); load (mark_succeeded, set_load_error); submit, wait, record, recomamp_reconcile (end_execution).';

-- Name: COLUMN workflow_executions.error_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.error_type IS 'Type of the error, such as REJECTED or REQUEST_REJECTED. While it is open: set where a step failed for good. A success clears it. Written by: submit, wait, load (set_try_error, clear_try_error, increment_retry_count); load (mark_succeeded, set_load_error); submit, wait, record, recomamp_reconcile (end_execution).';

-- Name: COLUMN workflow_executions.retry_count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.retry_count IS 'Number of retries since the run was last cleared. An attempt after AMC''s FAILED goes on counting. Written by: default; submit, wait (insert_execution); submit, wait, load (increment_retry_count).';

-- Name: COLUMN workflow_executions.next_retry_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.next_retry_at IS 'Earliest time of Airflow''s next try or of the next attempt. NULL where there is none. Written by: submit, wait, load (set_try_error, clear_try_error, increment_retry_count); submit, wait (insert_execution); submit, wait, recomamp_reconcile (mark_submitted); load (mark_succeeded); submit, wait, record, recomamp_reconcile (end_execution); record (cancel_next_attempt).';

-- Name: COLUMN workflow_executions.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.created_at IS 'Time of insertion, before AMC is called. Written by: default.';

-- Name: COLUMN workflow_executions.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN workflow_executions.started_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.started_at IS 'Time when AMC accepted the execution. Written by: submit, wait, recomamp_reconcile (mark_submitted).';

-- Name: COLUMN workflow_executions.completed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.completed_at IS 'Time when the execution ended. Written by: load (mark_succeeded); submit, wait, record, recomamp_reconcile (end_execution).';

-- Name: COLUMN workflow_executions.dag_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.dag_id IS 'Airflow DAG. NULL for an execution of the application. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.dag_run_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.dag_run_id IS 'Run id of the DAG run. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.clear_number; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.clear_number IS 'Number of times that the DAG run had been cleared when a task last inserted or continued the row. Added by the pipeline. Written by: default; submit, wait (insert_execution); submit, wait, load (clear_try_error, increment_retry_count).';

-- Name: COLUMN workflow_executions.attempt; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.attempt IS 'Number of the attempt within the DAG run, from 1 on. Added by the pipeline. Written by: default; submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.due_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.due_at IS 'Time when the DAG run was due: of a schedule''s run the tick. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.schedule_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.schedule_id IS 'Schedule that the execution belongs to. NULL after the schedule is deleted. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.collection_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.collection_id IS 'Collection that the execution belongs to. NULL after the collection is deleted. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.instance_id IS 'AMC instance that runs the query. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.window_type; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.window_type IS 'AMC''s timeWindowType: EXPLICIT, or a window that AMC computes. Added by the pipeline. Written by: default; submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.window_start; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.window_start IS 'Start of the window. Where AMC computes the window: the interval that Airflow shows, which AMC does not get. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.window_end; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.window_end IS 'End of the window, exclusive. Where AMC computes the window: the interval that Airflow shows, which AMC does not get. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.window_time_zone; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.window_time_zone IS 'IANA time zone of the window. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.submitted_sql; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.submitted_sql IS 'SQL as sent to AMC, with the literals bound. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.input_parameters; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.input_parameters IS 'Declarations of parameters as sent to AMC. Added by the pipeline. Written by: default; submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.slot_granted_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.slot_granted_at IS 'Time when the execution got its slot. NULL while it waits for one. Added by the pipeline. Written by: submit, wait (grant_slots).';

-- Name: COLUMN workflow_executions.submission_started_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.submission_started_at IS 'Time just before AMC was first asked to run it. NULL until then. Added by the pipeline. Written by: submit, wait (mark_submitting).';

-- Name: COLUMN workflow_executions.submitted_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.submitted_at IS 'Time when AMC accepted the execution. Added by the pipeline. Written by: submit, wait, recomamp_reconcile (mark_submitted).';

-- Name: COLUMN workflow_executions.deadline_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.deadline_at IS 'Time when the pipeline gives the execution up: 24 hours after insertion, and again after AMC accepts it. Added by the pipeline. Written by: submit, wait (insert_execution); submit, wait, recomamp_reconcile (mark_submitted).';

-- Name: COLUMN workflow_executions.orphaned_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.orphaned_at IS 'Time since when no running DAG run belongs to the open execution. NULL while one does. Added by the pipeline. Written by: recomamp_reconcile (set_orphaned_at).';

-- Name: COLUMN workflow_executions.amc_workflow_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.amc_workflow_id IS 'Name of the query at AMC. The pipeline finds a lost execution by it. Added by the pipeline. Written by: submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.amc_instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.amc_instance_id IS 'AMC''s id of the instance that accepted the execution. Added by the pipeline. Written by: submit, wait, recomamp_reconcile (mark_submitted).';

-- Name: COLUMN workflow_executions.amc_status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.amc_status IS 'AMC''s own status, or UNKNOWN where AMC could not be asked. An ended execution keeps its slot until this is final or AMC is listed. Added by the pipeline. Written by: submit, wait, recomamp_reconcile (mark_submitted); submit, wait (set_amc_status); recomamp_reconcile (set_listed_amc_statuses); submit, wait, record, recomamp_reconcile (end_execution).';

-- Name: COLUMN workflow_executions.amazon_request_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.amazon_request_id IS 'Amazon''s request id of the accepted call, for their support. Added by the pipeline. Written by: submit, wait, recomamp_reconcile (mark_submitted).';

-- Name: COLUMN workflow_executions.results_loaded_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.results_loaded_at IS 'Time when the results were last loaded. Their age counts from it. Added by the pipeline. Written by: load (mark_succeeded).';

-- Name: COLUMN workflow_executions.result_data_trimmed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.result_data_trimmed_at IS 'Time when the maintenance deleted the rows of result_data. NULL after the results are loaded again. Added by the pipeline. Written by: recomamp_maintenance: trim_documents (trim_document); load (mark_succeeded).';

-- Name: COLUMN workflow_executions.result_files_deleted_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.result_files_deleted_at IS 'Time when the maintenance deleted the files. NULL after the results are loaded again. Added by the pipeline. Written by: recomamp_maintenance: delete_files (set_result_files_deleted); load (mark_succeeded).';

-- Name: COLUMN workflow_executions.superseded_by; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.superseded_by IS 'Later success of the same workflow and window, which has the files now. NULL where there is none. Added by the pipeline. Written by: recomamp_maintenance: delete_files (set_result_files_deleted); load (mark_succeeded).';

-- Name: COLUMN workflow_executions.column_changes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.column_changes IS 'Columns that differ from those of the result before: added, gone, or of another type. NULL where none does. Added by the pipeline. Written by: load (mark_succeeded).';

-- Name: COLUMN workflow_executions.amc_options; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.amc_options IS 'Options of the query in AMC''s own names. AMC''s defaults are left out. Added by the pipeline. Written by: default; submit, wait (insert_execution).';

-- Name: COLUMN workflow_executions.hidden_rows; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.hidden_rows IS 'Rows that privacy removed from the result. AMC adds up like rows first. NULL: not counted. Added by the pipeline. Written by: load (mark_succeeded).';

-- Name: COLUMN workflow_executions.blanked_rows; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.blanked_rows IS 'Rows of the result with values that privacy removed. NULL: not counted. Added by the pipeline. Written by: load (mark_succeeded).';

-- Name: COLUMN workflow_executions.hidden_reasons; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_executions.hidden_reasons IS 'Number of hidden and blanked rows by AMC''s reason, without its number of users. NULL: AMC gave no reasons. Added by the pipeline. Written by: load (mark_succeeded).';

-- Name: workflow_findings; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.workflow_findings (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    workflow_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    kind text NOT NULL,
    table_name text NOT NULL,
    column_name text DEFAULT ''::text NOT NULL,
    message text NOT NULL,
    query_md5 text NOT NULL,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chk_workflow_finding_kind CHECK ((kind = ANY (ARRAY['UNKNOWN_TABLE'::text, 'REMOVED_TABLE'::text, 'UNKNOWN_COLUMN'::text, 'REMOVED_COLUMN'::text, 'DATE_AGAINST_TIMESTAMP'::text, 'REFUSED_BY_AMC'::text]))),
    CONSTRAINT chk_workflow_findings_found_at_time CHECK ((((found_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((found_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE workflow_findings; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.workflow_findings IS 'A table or column that a query names and its instance does not offer, or AMC''s refusal of a dry run. The owner reads it; the pipeline inserts the rows and deletes them once they are not true any more. Table of the pipeline.';

-- Name: COLUMN workflow_findings.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.id IS 'Primary key. Written by: default.';

-- Name: COLUMN workflow_findings.workflow_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.workflow_id IS 'Workflow with the query. Written by: recomamp_schema_sync (merge_workflow_findings); recomamp_dry_runs (record_dry_run).';

-- Name: COLUMN workflow_findings.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.instance_id IS 'AMC instance of the workflow. Written by: recomamp_schema_sync (merge_workflow_findings); recomamp_dry_runs (record_dry_run).';

-- Name: COLUMN workflow_findings.kind; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.kind IS 'UNKNOWN_TABLE, REMOVED_TABLE, UNKNOWN_COLUMN, REMOVED_COLUMN, DATE_AGAINST_TIMESTAMP or REFUSED_BY_AMC. Written by: recomamp_schema_sync (merge_workflow_findings); recomamp_dry_runs (record_dry_run).';

-- Name: COLUMN workflow_findings.table_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.table_name IS 'Table that the query names. Several, separated by commas, where the column may be of any of them. Empty for a refusal. Written by: recomamp_schema_sync (merge_workflow_findings); recomamp_dry_runs (record_dry_run).';

-- Name: COLUMN workflow_findings.column_name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.column_name IS 'Column that the query names. Empty for a finding about a table. Written by: default; recomamp_schema_sync (merge_workflow_findings).';

-- Name: COLUMN workflow_findings.message; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.message IS 'Finding in words. Written by: recomamp_schema_sync (merge_workflow_findings); recomamp_dry_runs (record_dry_run).';

-- Name: COLUMN workflow_findings.query_md5; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.query_md5 IS 'MD5 of workflows.sql_query as it was checked. Written by: recomamp_schema_sync (merge_workflow_findings); recomamp_dry_runs (record_dry_run).';

-- Name: COLUMN workflow_findings.found_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_findings.found_at IS 'Time when the finding was first made. Written by: default; recomamp_schema_sync (merge_workflow_findings); recomamp_dry_runs (record_dry_run).';

-- Name: workflow_schedules; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.workflow_schedules (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    description text,
    cron_expression text NOT NULL,
    timezone text DEFAULT 'UTC'::text,
    workflow_id uuid NOT NULL,
    user_id uuid NOT NULL,
    is_active boolean DEFAULT true,
    next_run_at timestamp with time zone NOT NULL,
    parameters jsonb DEFAULT '{}'::jsonb,
    total_runs integer DEFAULT 0,
    successful_runs integer DEFAULT 0,
    failed_runs integer DEFAULT 0,
    last_run_at timestamp with time zone,
    last_run_status text,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    paused_at timestamp with time zone,
    last_run_due_at timestamp with time zone,
    late_after interval,
    late_tick_at timestamp with time zone,
    result_contract text,
    notify_on_success boolean DEFAULT false NOT NULL,
    attach_results boolean DEFAULT false NOT NULL,
    CONSTRAINT chk_schedule_last_run_status CHECK ((last_run_status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text, 'SUCCESS'::text, 'FAILED'::text, 'SKIPPED'::text, 'CANCELLED'::text, 'TIMEOUT'::text]))),
    CONSTRAINT chk_schedule_result_contract CHECK ((result_contract = ANY (ARRAY['EVOLVE'::text, 'REPORT'::text, 'FREEZE'::text]))),
    CONSTRAINT chk_workflow_schedules_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_schedules_cron_expression_length CHECK ((char_length(cron_expression) <= 200)),
    CONSTRAINT chk_workflow_schedules_description_length CHECK ((char_length(description) <= 4000)),
    CONSTRAINT chk_workflow_schedules_last_run_at_time CHECK ((((last_run_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_run_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_schedules_last_run_due_at_time CHECK ((((last_run_due_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_run_due_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_schedules_late_after_range CHECK ((((late_after >= '00:05:00'::interval) AND (late_after <= '30 days'::interval)) AND (EXTRACT(year FROM late_after) = (0)::numeric) AND (EXTRACT(month FROM late_after) = (0)::numeric) AND ((EXTRACT(day FROM late_after) >= (0)::numeric) AND (EXTRACT(day FROM late_after) <= (30)::numeric)))),
    CONSTRAINT chk_workflow_schedules_late_tick_at_time CHECK ((((late_tick_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((late_tick_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_schedules_name_length CHECK ((char_length(name) <= 200)),
    CONSTRAINT chk_workflow_schedules_next_run_at_time CHECK ((((next_run_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((next_run_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_schedules_parameters_depth CHECK ((NOT (parameters @? '$.**{21}'::jsonpath))),
    CONSTRAINT chk_workflow_schedules_parameters_size CHECK ((octet_length((parameters)::text) <= 262144)),
    CONSTRAINT chk_workflow_schedules_paused_at_time CHECK ((((paused_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((paused_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflow_schedules_timezone_length CHECK ((char_length(timezone) <= 64)),
    CONSTRAINT chk_workflow_schedules_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE workflow_schedules; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.workflow_schedules IS 'A workflow that runs by a cron expression; a DAG of Airflow each. The user inserts the rows.';

-- Name: COLUMN workflow_schedules.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.id IS 'Primary key. The DAG is amc_schedule_<id>. Written by: default.';

-- Name: COLUMN workflow_schedules.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.name IS 'Name for display. Written by: user.';

-- Name: COLUMN workflow_schedules.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.description IS 'Text for display. Written by: user.';

-- Name: COLUMN workflow_schedules.cron_expression; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.cron_expression IS 'Cron expression with five fields. Written by: user.';

-- Name: COLUMN workflow_schedules.timezone; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.timezone IS 'IANA time zone of cron_expression and of the windows. Written by: default; user; check_workflow_schedule().';

-- Name: COLUMN workflow_schedules.workflow_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.workflow_id IS 'Workflow that runs. Written by: user.';

-- Name: COLUMN workflow_schedules.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.user_id IS 'User that the schedule belongs to. It follows a workflow that changes hands. Written by: user.';

-- Name: COLUMN workflow_schedules.is_active; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.is_active IS 'False: the DAG is paused. Written by: default; user; check_workflow_schedule().';

-- Name: COLUMN workflow_schedules.next_run_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.next_run_at IS 'Next tick, for display. The DAG ticks by cron_expression. Written by: set_next_run_at(); user; submit, wait, record, recomamp_reconcile (update_schedule_after_run); record (show_next_run).';

-- Name: COLUMN workflow_schedules.parameters; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.parameters IS 'Values of parameters, which replace those of the workflow, and options of the window. Written by: default; user; check_workflow_schedule().';

-- Name: COLUMN workflow_schedules.total_runs; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.total_runs IS 'Number of rows in schedule_runs. Written by: default; add_to_schedule_counters().';

-- Name: COLUMN workflow_schedules.successful_runs; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.successful_runs IS 'Number of rows in schedule_runs with the status SUCCESS. Written by: default; add_to_schedule_counters().';

-- Name: COLUMN workflow_schedules.failed_runs; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.failed_runs IS 'Number of rows in schedule_runs with the status FAILED. Written by: default; add_to_schedule_counters().';

-- Name: COLUMN workflow_schedules.last_run_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.last_run_at IS 'Time when the last run ended. The last run is the one with the latest tick. Written by: submit, wait, record, recomamp_reconcile (update_schedule_after_run).';

-- Name: COLUMN workflow_schedules.last_run_status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.last_run_status IS 'Status of the last run. Written by: submit, wait, record, recomamp_reconcile (update_schedule_after_run).';

-- Name: COLUMN workflow_schedules.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.created_at IS 'Time of insertion. It decides the first tick. Written by: default.';

-- Name: COLUMN workflow_schedules.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN workflow_schedules.paused_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.paused_at IS 'Time since when is_active is false. NULL while it is true. Written by: set_next_run_at(); user.';

-- Name: COLUMN workflow_schedules.last_run_due_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.last_run_due_at IS 'Tick of the last run. Added by the pipeline. Written by: submit, wait, record, recomamp_reconcile (update_schedule_after_run).';

-- Name: COLUMN workflow_schedules.late_after; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.late_after IS 'Time after a tick by which its window must be loaded, from 5 minutes to 30 days. NULL: nobody is notified of late windows. Added by the pipeline. Written by: user.';

-- Name: COLUMN workflow_schedules.late_tick_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.late_tick_at IS 'Next tick whose window is judged, at late_after past it. NULL where none is. Added by the pipeline. Written by: set_late_tick_at(); record_late_windows().';

-- Name: COLUMN workflow_schedules.result_contract; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.result_contract IS 'Contract of the schedule: EVOLVE, REPORT or FREEZE. Its results are compared with its own. NULL: that of the workflow. Added by the pipeline. Written by: user.';

-- Name: COLUMN workflow_schedules.notify_on_success; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.notify_on_success IS 'True: each run with results is sent as a notification. Added by the pipeline. Written by: default; user.';

-- Name: COLUMN workflow_schedules.attach_results; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflow_schedules.attach_results IS 'True: the mail of notify_on_success has the first 100 rows as CSV. Added by the pipeline. Written by: default; user.';

-- Name: workflows; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.workflows (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    description text,
    sql_query text NOT NULL,
    user_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    template_id uuid,
    parameters jsonb DEFAULT '{}'::jsonb,
    tags text[] DEFAULT '{}'::text[],
    is_public boolean DEFAULT false,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    last_executed_at timestamp with time zone,
    result_contract text DEFAULT 'EVOLVE'::text NOT NULL,
    result_contract_accepted_at timestamp with time zone,
    privacy_filtering text DEFAULT 'REMOVE_ROWS'::text NOT NULL,
    counts_hidden_rows boolean DEFAULT false NOT NULL,
    disable_aggregation_controls boolean DEFAULT false NOT NULL,
    definition_md5 text,
    CONSTRAINT chk_workflow_privacy_filtering CHECK ((privacy_filtering = ANY (ARRAY['REMOVE_ROWS'::text, 'REMOVE_VALUES'::text]))),
    CONSTRAINT chk_workflow_result_contract CHECK ((result_contract = ANY (ARRAY['EVOLVE'::text, 'REPORT'::text, 'FREEZE'::text]))),
    CONSTRAINT chk_workflows_created_at_time CHECK ((((created_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((created_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflows_description_length CHECK ((char_length(description) <= 4000)),
    CONSTRAINT chk_workflows_last_executed_at_time CHECK ((((last_executed_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((last_executed_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflows_name_length CHECK ((char_length(name) <= 200)),
    CONSTRAINT chk_workflows_parameters_depth CHECK ((NOT (parameters @? '$.**{21}'::jsonpath))),
    CONSTRAINT chk_workflows_parameters_size CHECK ((octet_length((parameters)::text) <= 262144)),
    CONSTRAINT chk_workflows_result_contract_accepted_at_time CHECK ((((result_contract_accepted_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((result_contract_accepted_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone))),
    CONSTRAINT chk_workflows_sql_query_length CHECK ((octet_length(sql_query) <= 262144)),
    CONSTRAINT chk_workflows_tags_elements CHECK (((COALESCE(array_ndims(tags), 1) = 1) AND (cardinality(tags) <= 50) AND (NOT (to_jsonb(tags) @? '$[*]?(@ like_regex "^.{101}" flag "s")'::jsonpath)))),
    CONSTRAINT chk_workflows_updated_at_time CHECK ((((updated_at AT TIME ZONE 'UTC'::text) >= '2000-01-01 00:00:00'::timestamp without time zone) AND ((updated_at AT TIME ZONE 'UTC'::text) <= '9999-01-01 00:00:00'::timestamp without time zone)))
);

-- Name: TABLE workflows; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.workflows IS 'A query of a user on an AMC instance. The user inserts the rows.';

-- Name: COLUMN workflows.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.id IS 'Primary key. Written by: default.';

-- Name: COLUMN workflows.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.name IS 'Name for display. Written by: user.';

-- Name: COLUMN workflows.description; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.description IS 'Text for display. Written by: user.';

-- Name: COLUMN workflows.sql_query; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.sql_query IS 'SQL of AMC with the parameters {{name}}. Written by: user.';

-- Name: COLUMN workflows.user_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.user_id IS 'User that the workflow belongs to. It follows an instance that changes hands. Written by: user.';

-- Name: COLUMN workflows.instance_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.instance_id IS 'AMC instance that runs the query. Written by: user.';

-- Name: COLUMN workflows.template_id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.template_id IS 'Template that the workflow was made from. NULL where the user may not use it. Written by: user; check_workflow_template().';

-- Name: COLUMN workflows.parameters; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.parameters IS 'Values of the parameters by name. Written by: default; user; check_workflow().';

-- Name: COLUMN workflows.tags; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.tags IS 'Labels for display, at most 50. Written by: default; user.';

-- Name: COLUMN workflows.is_public; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.is_public IS 'Mark for display. No policy reads it: only the owner sees a workflow. Written by: default; user.';

-- Name: COLUMN workflows.created_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.created_at IS 'Time of insertion. Written by: default.';

-- Name: COLUMN workflows.updated_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.updated_at IS 'Time of the last change. Written by: default; touch_updated_at().';

-- Name: COLUMN workflows.last_executed_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.last_executed_at IS 'created_at of the latest execution. Written by: update_workflow_execution_count().';

-- Name: COLUMN workflows.result_contract; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.result_contract IS 'What a change of the columns of results does: EVOLVE nothing, REPORT sends a notification, FREEZE fails the run. Added by the pipeline. Written by: default; user.';

-- Name: COLUMN workflows.result_contract_accepted_at; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.result_contract_accepted_at IS 'Time since when results are compared: the columns of the next result are accepted whatever they are. NULL: all results are compared. Added by the pipeline. Written by: user.';

-- Name: COLUMN workflows.privacy_filtering; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.privacy_filtering IS 'What AMC does with a row of too few users. REMOVE_ROWS removes it, REMOVE_VALUES blanks its sensitive values. Added by the pipeline. Written by: default; user; application.';

-- Name: COLUMN workflows.counts_hidden_rows; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.counts_hidden_rows IS 'Whether the pipeline counts the rows that privacy removes or blanks. Added by the pipeline. Written by: default; user; application.';

-- Name: COLUMN workflows.disable_aggregation_controls; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.disable_aggregation_controls IS 'Whether AMC skips privacy on made-up data. It is sent for SANDBOX instances alone. Added by the pipeline. Written by: default; user; application.';

-- Name: COLUMN workflows.definition_md5; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.workflows.definition_md5 IS 'MD5 of the query, the parameters and the options. NULL where they are too long to be sent. Added by the pipeline. Written by: set_workflow_definition_md5().';

-- Name: amc_accounts amc_accounts_account_id_key; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_accounts
    ADD CONSTRAINT amc_accounts_account_id_key UNIQUE (account_id);

-- Name: amc_accounts amc_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_accounts
    ADD CONSTRAINT amc_accounts_pkey PRIMARY KEY (id);

-- Name: amc_api_errors amc_api_errors_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_api_errors
    ADD CONSTRAINT amc_api_errors_pkey PRIMARY KEY (id);

-- Name: amc_data_sources amc_data_sources_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_data_sources
    ADD CONSTRAINT amc_data_sources_pkey PRIMARY KEY (id);

-- Name: amc_instance_data_sources amc_instance_data_sources_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_instance_data_sources
    ADD CONSTRAINT amc_instance_data_sources_pkey PRIMARY KEY (instance_id, name);

-- Name: amc_instances amc_instances_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_instances
    ADD CONSTRAINT amc_instances_pkey PRIMARY KEY (id);

-- Name: amc_schema_fields amc_schema_fields_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_schema_fields
    ADD CONSTRAINT amc_schema_fields_pkey PRIMARY KEY (id);

-- Name: asin_list_items asin_list_items_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.asin_list_items
    ADD CONSTRAINT asin_list_items_pkey PRIMARY KEY (id);

-- Name: asin_lists asin_lists_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.asin_lists
    ADD CONSTRAINT asin_lists_pkey PRIMARY KEY (id);

-- Name: asins asins_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.asins
    ADD CONSTRAINT asins_pkey PRIMARY KEY (id);

-- Name: build_guide_queries build_guide_queries_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.build_guide_queries
    ADD CONSTRAINT build_guide_queries_pkey PRIMARY KEY (id);

-- Name: build_guide_sections build_guide_sections_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.build_guide_sections
    ADD CONSTRAINT build_guide_sections_pkey PRIMARY KEY (id);

-- Name: build_guides build_guides_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.build_guides
    ADD CONSTRAINT build_guides_pkey PRIMARY KEY (id);

-- Name: campaign_performance campaign_performance_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.campaign_performance
    ADD CONSTRAINT campaign_performance_pkey PRIMARY KEY (campaign_id, date);

-- Name: campaign_reports campaign_reports_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.campaign_reports
    ADD CONSTRAINT campaign_reports_pkey PRIMARY KEY (id);

-- Name: campaigns campaigns_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT campaigns_pkey PRIMARY KEY (id);

-- Name: channel_deliveries channel_deliveries_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.channel_deliveries
    ADD CONSTRAINT channel_deliveries_pkey PRIMARY KEY (id);

-- Name: database_logins database_logins_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.database_logins
    ADD CONSTRAINT database_logins_pkey PRIMARY KEY (login_name);

-- Name: deleted_ids deleted_ids_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.deleted_ids
    ADD CONSTRAINT deleted_ids_pkey PRIMARY KEY (table_name, id);

-- Name: maintenance_findings maintenance_findings_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.maintenance_findings
    ADD CONSTRAINT maintenance_findings_pkey PRIMARY KEY (id);

-- Name: notification_channels notification_channels_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.notification_channels
    ADD CONSTRAINT notification_channels_pkey PRIMARY KEY (id);

-- Name: notifications notifications_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);

-- Name: execution_locks pk_execution_locks; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.execution_locks
    ADD CONSTRAINT pk_execution_locks PRIMARY KEY (execution_id, purpose);

-- Name: result_check_outcomes pk_result_check_outcomes; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_check_outcomes
    ADD CONSTRAINT pk_result_check_outcomes PRIMARY KEY (execution_id, check_id);

-- Name: workflow_dry_runs pk_workflow_dry_runs; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_dry_runs
    ADD CONSTRAINT pk_workflow_dry_runs PRIMARY KEY (workflow_id, instance_id);

-- Name: query_templates query_templates_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.query_templates
    ADD CONSTRAINT query_templates_pkey PRIMARY KEY (id);

-- Name: recomamp_migrations recomamp_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.recomamp_migrations
    ADD CONSTRAINT recomamp_migrations_pkey PRIMARY KEY (name);

-- Name: reconciliations reconciliations_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);

-- Name: report_data_collections report_data_collections_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_collections
    ADD CONSTRAINT report_data_collections_pkey PRIMARY KEY (id);

-- Name: report_data_weeks report_data_weeks_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_weeks
    ADD CONSTRAINT report_data_weeks_pkey PRIMARY KEY (id);

-- Name: result_checks result_checks_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_checks
    ADD CONSTRAINT result_checks_pkey PRIMARY KEY (id);

-- Name: result_difference_columns result_difference_columns_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_difference_columns
    ADD CONSTRAINT result_difference_columns_pkey PRIMARY KEY (execution_id, column_name);

-- Name: result_difference_rows result_difference_rows_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_difference_rows
    ADD CONSTRAINT result_difference_rows_pkey PRIMARY KEY (execution_id, number);

-- Name: result_differences result_differences_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_differences
    ADD CONSTRAINT result_differences_pkey PRIMARY KEY (execution_id);

-- Name: run_requests run_requests_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT run_requests_pkey PRIMARY KEY (id);

-- Name: schedule_runs schedule_runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.schedule_runs
    ADD CONSTRAINT schedule_runs_pkey PRIMARY KEY (id);

-- Name: amc_instances uq_amc_instances_id_user; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_instances
    ADD CONSTRAINT uq_amc_instances_id_user UNIQUE (id, user_id);

-- Name: build_guide_sections uq_build_guide_sections_number; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.build_guide_sections
    ADD CONSTRAINT uq_build_guide_sections_number UNIQUE (guide_id, section_number) DEFERRABLE;

-- Name: channel_deliveries uq_channel_deliveries_event; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.channel_deliveries
    ADD CONSTRAINT uq_channel_deliveries_event UNIQUE (notification_id, channel_id);

-- Name: notifications uq_notifications_event; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT uq_notifications_event UNIQUE (user_id, event_key);

-- Name: report_data_collections uq_report_data_collections_id_user; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_collections
    ADD CONSTRAINT uq_report_data_collections_id_user UNIQUE (id, user_id);

-- Name: report_data_weeks uq_report_data_weeks_start; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_weeks
    ADD CONSTRAINT uq_report_data_weeks_start UNIQUE (collection_id, week_start_date);

-- Name: schedule_runs uq_schedule_runs_dag_run; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.schedule_runs
    ADD CONSTRAINT uq_schedule_runs_dag_run UNIQUE (schedule_id, dag_run_id);

-- Name: user_guide_favorites uq_user_guide_favorites_user_guide; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_guide_favorites
    ADD CONSTRAINT uq_user_guide_favorites_user_guide UNIQUE (user_id, guide_id);

-- Name: workflow_executions uq_workflow_executions_id_collection; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT uq_workflow_executions_id_collection UNIQUE (id, collection_id);

-- Name: workflow_executions uq_workflow_executions_id_schedule; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT uq_workflow_executions_id_schedule UNIQUE (id, schedule_id);

-- Name: workflow_executions uq_workflow_executions_id_user; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT uq_workflow_executions_id_user UNIQUE (id, user_id);

-- Name: workflow_findings uq_workflow_findings; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_findings
    ADD CONSTRAINT uq_workflow_findings UNIQUE (workflow_id, instance_id, table_name, column_name);

-- Name: workflow_schedules uq_workflow_schedules_id_user; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_schedules
    ADD CONSTRAINT uq_workflow_schedules_id_user UNIQUE (id, user_id);

-- Name: workflows uq_workflows_id_user; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflows
    ADD CONSTRAINT uq_workflows_id_user UNIQUE (id, user_id);

-- Name: user_guide_favorites user_guide_favorites_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_guide_favorites
    ADD CONSTRAINT user_guide_favorites_pkey PRIMARY KEY (id);

-- Name: user_guide_progress user_guide_progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_guide_progress
    ADD CONSTRAINT user_guide_progress_pkey PRIMARY KEY (id);

-- Name: user_quotas user_quotas_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_quotas
    ADD CONSTRAINT user_quotas_pkey PRIMARY KEY (user_id);

-- Name: users users_amazon_user_id_key; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_amazon_user_id_key UNIQUE (amazon_user_id);

-- Name: users users_email_key; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

-- Name: workflow_executions workflow_executions_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT workflow_executions_pkey PRIMARY KEY (id);

-- Name: workflow_findings workflow_findings_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_findings
    ADD CONSTRAINT workflow_findings_pkey PRIMARY KEY (id);

-- Name: workflow_schedules workflow_schedules_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_schedules
    ADD CONSTRAINT workflow_schedules_pkey PRIMARY KEY (id);

-- Name: workflows workflows_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflows
    ADD CONSTRAINT workflows_pkey PRIMARY KEY (id);

-- Name: idx_amc_accounts_account_id; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX idx_amc_accounts_account_id ON public.amc_accounts USING btree (account_id);

-- Name: idx_amc_api_errors_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_api_errors_at ON public.amc_api_errors USING btree (at);

-- Name: idx_amc_api_errors_execution_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_api_errors_execution_id ON public.amc_api_errors USING btree (execution_id) WHERE (execution_id IS NOT NULL);

-- Name: idx_amc_api_errors_instance_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_api_errors_instance_at ON public.amc_api_errors USING btree (instance_id, at DESC);

-- Name: idx_amc_api_errors_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_api_errors_user_id ON public.amc_api_errors USING btree (user_id);

-- Name: idx_amc_data_sources_active; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_data_sources_active ON public.amc_data_sources USING btree (is_active) WHERE (is_active = true);

-- Name: idx_amc_data_sources_category; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_data_sources_category ON public.amc_data_sources USING btree (category);

-- Name: idx_amc_data_sources_name; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX idx_amc_data_sources_name ON public.amc_data_sources USING btree (name);

-- Name: idx_amc_instances_account_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_instances_account_id ON public.amc_instances USING btree (account_id);

-- Name: idx_amc_instances_active; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_instances_active ON public.amc_instances USING btree (is_active) WHERE (is_active = true);

-- Name: idx_amc_instances_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX idx_amc_instances_instance_id ON public.amc_instances USING btree (instance_id, user_id);

-- Name: idx_amc_instances_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_instances_user_id ON public.amc_instances USING btree (user_id);

-- Name: idx_amc_schema_fields_data_source; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_schema_fields_data_source ON public.amc_schema_fields USING btree (data_source_id);

-- Name: idx_amc_schema_fields_name; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_amc_schema_fields_name ON public.amc_schema_fields USING btree (field_name);

-- Name: idx_amc_schema_fields_unique; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX idx_amc_schema_fields_unique ON public.amc_schema_fields USING btree (data_source_id, field_name);

-- Name: idx_asin_list_items_list_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asin_list_items_list_id ON public.asin_list_items USING btree (list_id, "position");

-- Name: idx_asin_list_items_unique; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX idx_asin_list_items_unique ON public.asin_list_items USING btree (list_id, asin_id);

-- Name: idx_asin_lists_category; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asin_lists_category ON public.asin_lists USING btree (category) WHERE (category IS NOT NULL);

-- Name: idx_asin_lists_public; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asin_lists_public ON public.asin_lists USING btree (is_public) WHERE (is_public = true);

-- Name: idx_asin_lists_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asin_lists_user_id ON public.asin_lists USING btree (user_id);

-- Name: idx_asins_active; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asins_active ON public.asins USING btree (is_active) WHERE (is_active = true);

-- Name: idx_asins_asin_user; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX idx_asins_asin_user ON public.asins USING btree (asin, user_id);

-- Name: idx_asins_brand; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asins_brand ON public.asins USING btree (brand) WHERE (brand IS NOT NULL);

-- Name: idx_asins_category; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asins_category ON public.asins USING btree (category) WHERE (category IS NOT NULL);

-- Name: idx_asins_tags; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asins_tags ON public.asins USING gin (tags);

-- Name: idx_asins_to_validate; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asins_to_validate ON public.asins USING btree (user_id, validation_checked_at) WHERE (is_active = true);

-- Name: idx_asins_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_asins_user_id ON public.asins USING btree (user_id);

-- Name: idx_build_guide_queries_guide_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_build_guide_queries_guide_id ON public.build_guide_queries USING btree (guide_id);

-- Name: idx_build_guides_category; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_build_guides_category ON public.build_guides USING btree (category);

-- Name: idx_build_guides_difficulty; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_build_guides_difficulty ON public.build_guides USING btree (difficulty_level);

-- Name: idx_build_guides_published; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_build_guides_published ON public.build_guides USING btree (is_published) WHERE (is_published = true);

-- Name: idx_campaign_reports_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_campaign_reports_instance_id ON public.campaign_reports USING btree (instance_id, requested_at DESC);

-- Name: idx_campaigns_campaign_id_instance; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX idx_campaigns_campaign_id_instance ON public.campaigns USING btree (campaign_id, instance_id);

-- Name: idx_campaigns_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_campaigns_instance_id ON public.campaigns USING btree (instance_id);

-- Name: idx_campaigns_instance_type; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_campaigns_instance_type ON public.campaigns USING btree (instance_id, campaign_type);

-- Name: idx_campaigns_state; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_campaigns_state ON public.campaigns USING btree (state);

-- Name: idx_campaigns_type; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_campaigns_type ON public.campaigns USING btree (campaign_type);

-- Name: idx_campaigns_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_campaigns_user_id ON public.campaigns USING btree (user_id);

-- Name: idx_channel_deliveries_channel_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_channel_deliveries_channel_id ON public.channel_deliveries USING btree (channel_id);

-- Name: idx_channel_deliveries_open; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_channel_deliveries_open ON public.channel_deliveries USING btree (channel_id, created_at) WHERE (status = ANY (ARRAY['PENDING'::text, 'CLAIMED'::text]));

-- Name: idx_data_collections_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_collections_instance_id ON public.report_data_collections USING btree (instance_id);

-- Name: idx_data_collections_status; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_collections_status ON public.report_data_collections USING btree (status);

-- Name: idx_data_collections_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_collections_user_id ON public.report_data_collections USING btree (user_id);

-- Name: idx_data_collections_workflow_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_collections_workflow_id ON public.report_data_collections USING btree (workflow_id);

-- Name: idx_data_weeks_collection_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_weeks_collection_id ON public.report_data_weeks USING btree (collection_id);

-- Name: idx_data_weeks_collection_status; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_weeks_collection_status ON public.report_data_weeks USING btree (collection_id, status);

-- Name: idx_data_weeks_completed_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_weeks_completed_at ON public.report_data_weeks USING btree (completed_at) WHERE (completed_at IS NOT NULL);

-- Name: idx_data_weeks_dates; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_weeks_dates ON public.report_data_weeks USING btree (week_start_date, week_end_date);

-- Name: idx_data_weeks_execution_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_weeks_execution_id ON public.report_data_weeks USING btree (execution_id);

-- Name: idx_data_weeks_status; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_data_weeks_status ON public.report_data_weeks USING btree (status);

-- Name: idx_database_logins_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_database_logins_user_id ON public.database_logins USING btree (user_id) WHERE (user_id IS NOT NULL);

-- Name: idx_executions_result_data; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_executions_result_data ON public.workflow_executions USING gin (result_data jsonb_path_ops);

-- Name: idx_maintenance_findings_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_maintenance_findings_at ON public.maintenance_findings USING btree (at);

-- Name: idx_maintenance_findings_run; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_maintenance_findings_run ON public.maintenance_findings USING btree (dag_run_id, task_id);

-- Name: idx_notification_channels_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_notification_channels_user_id ON public.notification_channels USING btree (user_id);

-- Name: idx_notifications_created_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_notifications_created_at ON public.notifications USING btree (created_at);

-- Name: idx_notifications_open; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_notifications_open ON public.notifications USING btree (created_at, id) WHERE (status = ANY (ARRAY['PENDING'::text, 'CLAIMED'::text, 'SENDING'::text]));

-- Name: idx_notifications_user_sending; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_notifications_user_sending ON public.notifications USING btree (user_id, sending_started_at);

-- Name: idx_query_templates_category; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_query_templates_category ON public.query_templates USING btree (category);

-- Name: idx_query_templates_public; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_query_templates_public ON public.query_templates USING btree (is_public) WHERE (is_public = true);

-- Name: idx_query_templates_tags; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_query_templates_tags ON public.query_templates USING gin (tags);

-- Name: idx_query_templates_usage; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_query_templates_usage ON public.query_templates USING btree (usage_count DESC);

-- Name: idx_reconciliations_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_reconciliations_at ON public.reconciliations USING btree (at);

-- Name: idx_reconciliations_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_reconciliations_instance_id ON public.reconciliations USING btree (instance_id, at DESC);

-- Name: idx_report_data_collections_late; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_report_data_collections_late ON public.report_data_collections USING btree (late_week_at) WHERE (late_week_at IS NOT NULL);

-- Name: idx_report_data_collections_restated; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_report_data_collections_restated ON public.report_data_collections USING btree (user_id) WHERE ((status <> 'PAUSED'::text) AND ((parameters #> '{window,restate_days}'::text[]) IS NOT NULL));

-- Name: idx_result_check_outcomes_check_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_result_check_outcomes_check_id ON public.result_check_outcomes USING btree (check_id, evaluated_at);

-- Name: idx_result_check_outcomes_evaluated_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_result_check_outcomes_evaluated_at ON public.result_check_outcomes USING btree (evaluated_at);

-- Name: idx_result_checks_schedule_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_result_checks_schedule_id ON public.result_checks USING btree (schedule_id, user_id) WHERE (schedule_id IS NOT NULL);

-- Name: idx_result_checks_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_result_checks_user_id ON public.result_checks USING btree (user_id);

-- Name: idx_result_checks_workflow_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_result_checks_workflow_id ON public.result_checks USING btree (workflow_id, user_id) WHERE (workflow_id IS NOT NULL);

-- Name: idx_result_differences_previous; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_result_differences_previous ON public.result_differences USING btree (previous_execution_id) WHERE (previous_execution_id IS NOT NULL);

-- Name: idx_run_requests_collection_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_run_requests_collection_id ON public.run_requests USING btree (collection_id) WHERE (collection_id IS NOT NULL);

-- Name: idx_run_requests_created_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_run_requests_created_at ON public.run_requests USING btree (created_at);

-- Name: idx_run_requests_execution_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_run_requests_execution_id ON public.run_requests USING btree (execution_id) WHERE (execution_id IS NOT NULL);

-- Name: idx_run_requests_open; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_run_requests_open ON public.run_requests USING btree (next_try_at) WHERE (status = ANY (ARRAY['PENDING'::text, 'ACCEPTED'::text]));

-- Name: idx_run_requests_schedule_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_run_requests_schedule_id ON public.run_requests USING btree (schedule_id) WHERE (schedule_id IS NOT NULL);

-- Name: idx_run_requests_user_claimed; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_run_requests_user_claimed ON public.run_requests USING btree (user_id, claimed_until);

-- Name: idx_run_requests_user_created; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_run_requests_user_created ON public.run_requests USING btree (user_id, created_at);

-- Name: idx_schedule_runs_created_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_schedule_runs_created_at ON public.schedule_runs USING btree (created_at DESC);

-- Name: idx_schedule_runs_execution_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_schedule_runs_execution_id ON public.schedule_runs USING btree (execution_id) WHERE (execution_id IS NOT NULL);

-- Name: idx_schedule_runs_schedule_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_schedule_runs_schedule_id ON public.schedule_runs USING btree (schedule_id);

-- Name: idx_schedule_runs_windows; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_schedule_runs_windows ON public.schedule_runs USING btree (schedule_id, window_end);

-- Name: idx_schedules_active_next_run; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_schedules_active_next_run ON public.workflow_schedules USING btree (next_run_at) WHERE (is_active = true);

-- Name: idx_user_guide_favorites_guide_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_user_guide_favorites_guide_id ON public.user_guide_favorites USING btree (guide_id);

-- Name: idx_user_guide_progress_guide; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_user_guide_progress_guide ON public.user_guide_progress USING btree (guide_id);

-- Name: idx_user_guide_progress_unique; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX idx_user_guide_progress_unique ON public.user_guide_progress USING btree (user_id, guide_id);

-- Name: idx_user_guide_progress_user; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_user_guide_progress_user ON public.user_guide_progress USING btree (user_id);

-- Name: idx_users_active; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_users_active ON public.users USING btree (is_active) WHERE (is_active = true);

-- Name: idx_users_amazon_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_users_amazon_user_id ON public.users USING btree (amazon_user_id);

-- Name: idx_users_email; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_users_email ON public.users USING btree (email);

-- Name: idx_workflow_dry_runs_amc_execution_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_dry_runs_amc_execution_id ON public.workflow_dry_runs USING btree (amc_execution_id) WHERE (amc_execution_id IS NOT NULL);

-- Name: idx_workflow_dry_runs_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_dry_runs_instance_id ON public.workflow_dry_runs USING btree (instance_id);

-- Name: idx_workflow_executions_amc_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_amc_id ON public.workflow_executions USING btree (amc_execution_id) WHERE (amc_execution_id IS NOT NULL);

-- Name: idx_workflow_executions_closed_in_flight; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_closed_in_flight ON public.workflow_executions USING btree (instance_id, completed_at) WHERE ((dag_id IS NOT NULL) AND (amc_execution_id IS NOT NULL) AND (status = ANY (ARRAY['FAILED'::text, 'CANCELLED'::text, 'TIMEOUT'::text])) AND (COALESCE(amc_status, ''::text) <> ALL (ARRAY['SUCCEEDED'::text, 'FAILED'::text, 'REJECTED'::text, 'CANCELLED'::text, 'TIMED_OUT'::text])));

-- Name: idx_workflow_executions_collection_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_collection_id ON public.workflow_executions USING btree (collection_id) WHERE (collection_id IS NOT NULL);

-- Name: idx_workflow_executions_collection_windows; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_collection_windows ON public.workflow_executions USING btree (collection_id, window_end) WHERE ((status = 'SUCCESS'::text) AND (collection_id IS NOT NULL));

-- Name: idx_workflow_executions_created_at; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_created_at ON public.workflow_executions USING btree (created_at DESC);

-- Name: idx_workflow_executions_held; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_held ON public.workflow_executions USING btree (instance_id) WHERE ((dag_id IS NOT NULL) AND ((NOT (status IS DISTINCT FROM 'RUNNING'::text)) OR ((NOT (status IS DISTINCT FROM 'PENDING'::text)) AND (slot_granted_at IS NOT NULL))));

-- Name: idx_workflow_executions_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_instance_id ON public.workflow_executions USING btree (instance_id) WHERE (instance_id IS NOT NULL);

-- Name: idx_workflow_executions_kept_files; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_kept_files ON public.workflow_executions USING btree (completed_at, id) WHERE ((status = 'SUCCESS'::text) AND (window_type = 'EXPLICIT'::text) AND (result_files_deleted_at IS NULL));

-- Name: idx_workflow_executions_open_instance; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_open_instance ON public.workflow_executions USING btree (instance_id) WHERE (status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text]));

-- Name: idx_workflow_executions_queued_collections; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_queued_collections ON public.workflow_executions USING btree (instance_id, created_at, id) WHERE ((NOT (status IS DISTINCT FROM 'PENDING'::text)) AND (dag_id IS NOT NULL) AND (slot_granted_at IS NULL) AND (collection_id IS NOT NULL));

-- Name: idx_workflow_executions_queued_schedules; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_queued_schedules ON public.workflow_executions USING btree (instance_id, created_at, id) WHERE ((NOT (status IS DISTINCT FROM 'PENDING'::text)) AND (dag_id IS NOT NULL) AND (slot_granted_at IS NULL) AND (collection_id IS NULL));

-- Name: idx_workflow_executions_schedule_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_schedule_id ON public.workflow_executions USING btree (schedule_id) WHERE (schedule_id IS NOT NULL);

-- Name: idx_workflow_executions_schedule_ticks; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_schedule_ticks ON public.workflow_executions USING btree (schedule_id, due_at) WHERE (status = 'SUCCESS'::text);

-- Name: idx_workflow_executions_schedule_windows; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_schedule_windows ON public.workflow_executions USING btree (schedule_id, window_end) WHERE ((status = 'SUCCESS'::text) AND (schedule_id IS NOT NULL));

-- Name: idx_workflow_executions_status; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_status ON public.workflow_executions USING btree (status);

-- Name: idx_workflow_executions_success_window; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_success_window ON public.workflow_executions USING btree (workflow_id, window_start, window_end) WHERE (status = 'SUCCESS'::text);

-- Name: idx_workflow_executions_superseded_by; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_superseded_by ON public.workflow_executions USING btree (superseded_by) WHERE (superseded_by IS NOT NULL);

-- Name: idx_workflow_executions_untrimmed; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_untrimmed ON public.workflow_executions USING btree (completed_at, id) WHERE ((status = 'SUCCESS'::text) AND (result_data_trimmed_at IS NULL));

-- Name: idx_workflow_executions_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_user_id ON public.workflow_executions USING btree (user_id);

-- Name: idx_workflow_executions_user_status; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_user_status ON public.workflow_executions USING btree (user_id, status);

-- Name: idx_workflow_executions_workflow_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_executions_workflow_id ON public.workflow_executions USING btree (workflow_id);

-- Name: idx_workflow_findings_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_findings_instance_id ON public.workflow_findings USING btree (instance_id);

-- Name: idx_workflow_schedules_late; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_schedules_late ON public.workflow_schedules USING btree (late_tick_at) WHERE (late_tick_at IS NOT NULL);

-- Name: idx_workflow_schedules_next_run; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_schedules_next_run ON public.workflow_schedules USING btree (is_active, next_run_at) WHERE (is_active = true);

-- Name: idx_workflow_schedules_restated; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_schedules_restated ON public.workflow_schedules USING btree (user_id) WHERE (is_active AND ((parameters #> '{window,restate_days}'::text[]) IS NOT NULL));

-- Name: idx_workflow_schedules_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_schedules_user_id ON public.workflow_schedules USING btree (user_id);

-- Name: idx_workflow_schedules_workflow_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflow_schedules_workflow_id ON public.workflow_schedules USING btree (workflow_id);

-- Name: idx_workflows_definition_md5; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflows_definition_md5 ON public.workflows USING btree (id) INCLUDE (instance_id, user_id, definition_md5);

-- Name: idx_workflows_instance_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflows_instance_id ON public.workflows USING btree (instance_id);

-- Name: idx_workflows_last_executed; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflows_last_executed ON public.workflows USING btree (last_executed_at);

-- Name: idx_workflows_parameters; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflows_parameters ON public.workflows USING gin (parameters);

-- Name: idx_workflows_tags; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflows_tags ON public.workflows USING gin (tags);

-- Name: idx_workflows_user_id; Type: INDEX; Schema: public; Owner: -

CREATE INDEX idx_workflows_user_id ON public.workflows USING btree (user_id);

-- Name: uq_campaign_reports_open; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX uq_campaign_reports_open ON public.campaign_reports USING btree (instance_id, profile_id, campaign_type, start_date, end_date) WHERE (status = 'REQUESTED'::text);

-- Name: uq_notification_channels_email; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX uq_notification_channels_email ON public.notification_channels USING btree (user_id) WHERE (kind = 'EMAIL'::text);

-- Name: uq_run_requests_collection_restatement; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX uq_run_requests_collection_restatement ON public.run_requests USING btree (user_id, collection_id, window_start, window_end, restate_age_days) WHERE ((action = 'RESTATE'::text) AND (collection_id IS NOT NULL));

-- Name: uq_run_requests_restatement; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX uq_run_requests_restatement ON public.run_requests USING btree (user_id, schedule_id, window_start, window_end, restate_age_days) WHERE (action = 'RESTATE'::text);

-- Name: uq_workflow_executions_amc_execution; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX uq_workflow_executions_amc_execution ON public.workflow_executions USING btree (amc_instance_id, amc_execution_id) WHERE ((amc_instance_id IS NOT NULL) AND (amc_execution_id IS NOT NULL));

-- Name: uq_workflow_executions_dag_run_attempt; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX uq_workflow_executions_dag_run_attempt ON public.workflow_executions USING btree (dag_id, dag_run_id, attempt, user_id) WHERE (dag_id IS NOT NULL);

-- Name: uq_workflow_executions_open_dag_run; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX uq_workflow_executions_open_dag_run ON public.workflow_executions USING btree (dag_id, dag_run_id, user_id) WHERE ((dag_id IS NOT NULL) AND (status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text])));

-- Name: report_data_collections trigger_admit_changed_collections; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_changed_collections AFTER UPDATE ON public.report_data_collections REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_changed_collections();

-- Name: workflow_schedules trigger_admit_changed_schedules; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_changed_schedules AFTER UPDATE ON public.workflow_schedules REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_changed_schedules();

-- Name: workflows trigger_admit_changed_workflows; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_changed_workflows AFTER UPDATE ON public.workflows REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_changed_workflows();

-- Name: asin_lists trigger_admit_new_asin_lists; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_asin_lists AFTER INSERT ON public.asin_lists REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_asin_lists();

-- Name: asins trigger_admit_new_asins; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_asins AFTER INSERT ON public.asins REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_asins();

-- Name: report_data_collections trigger_admit_new_collections; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_collections AFTER INSERT ON public.report_data_collections REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_collections();

-- Name: notification_channels trigger_admit_new_notification_channels; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_notification_channels AFTER INSERT ON public.notification_channels REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_notification_channels();

-- Name: query_templates trigger_admit_new_query_templates; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_query_templates AFTER INSERT ON public.query_templates REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_query_templates();

-- Name: result_checks trigger_admit_new_result_checks; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_result_checks AFTER INSERT ON public.result_checks REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_result_checks();

-- Name: run_requests trigger_admit_new_run_requests; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_run_requests AFTER INSERT ON public.run_requests REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_run_requests();

-- Name: workflow_schedules trigger_admit_new_schedules; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_schedules AFTER INSERT ON public.workflow_schedules REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_schedules();

-- Name: workflows trigger_admit_new_workflows; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_admit_new_workflows AFTER INSERT ON public.workflows REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_workflows();

-- Name: workflows trigger_apply_template_use_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_apply_template_use_insert AFTER INSERT ON public.workflows REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.set_template_last_used_at();

-- Name: workflows trigger_apply_template_use_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_apply_template_use_update AFTER UPDATE ON public.workflows REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.set_template_last_used_at();

-- Name: asin_list_items trigger_assign_moved_list_position; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_assign_moved_list_position BEFORE UPDATE OF list_id ON public.asin_list_items FOR EACH ROW WHEN ((old.list_id IS DISTINCT FROM new.list_id)) EXECUTE FUNCTION public.assign_list_position();

-- Name: asin_list_items trigger_assign_new_list_position; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_assign_new_list_position BEFORE INSERT ON public.asin_list_items FOR EACH ROW EXECUTE FUNCTION public.assign_list_position();

-- Name: workflow_schedules trigger_bound_cron_expression; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_bound_cron_expression BEFORE INSERT OR UPDATE OF cron_expression ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.refuse_long_text('cron_expression', 'characters', '200');

-- Name: query_templates trigger_bound_sql_template; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_bound_sql_template BEFORE INSERT OR UPDATE OF sql_template ON public.query_templates FOR EACH ROW EXECUTE FUNCTION public.refuse_long_text('sql_template', 'bytes', '262144');

-- Name: workflow_schedules trigger_bound_timezone; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_bound_timezone BEFORE INSERT OR UPDATE OF timezone ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.refuse_long_text('timezone', 'characters', '64');

-- Name: report_data_weeks trigger_calculate_collection_progress; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_calculate_collection_progress AFTER INSERT OR DELETE OR UPDATE ON public.report_data_weeks FOR EACH ROW EXECUTE FUNCTION public.calculate_collection_progress();

-- Name: user_guide_progress trigger_calculate_guide_progress; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_calculate_guide_progress BEFORE INSERT OR UPDATE ON public.user_guide_progress FOR EACH ROW EXECUTE FUNCTION public.calculate_guide_progress();

-- Name: build_guide_sections trigger_calculate_progress_delete; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_calculate_progress_delete AFTER DELETE ON public.build_guide_sections REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.recalculate_guide_progress();

-- Name: build_guide_sections trigger_calculate_progress_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_calculate_progress_insert AFTER INSERT ON public.build_guide_sections REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.recalculate_guide_progress();

-- Name: build_guide_sections trigger_calculate_progress_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_calculate_progress_update AFTER UPDATE ON public.build_guide_sections REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.recalculate_guide_progress();

-- Name: report_data_collections trigger_check_collection_status; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_collection_status BEFORE INSERT OR UPDATE OF status ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.check_collection_status();

-- Name: report_data_collections trigger_check_collection_time_zone; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_collection_time_zone AFTER UPDATE OF parameters ON public.report_data_collections FOR EACH ROW WHEN ((COALESCE((old.parameters ->> 'timezone'::text), 'UTC'::text) IS DISTINCT FROM COALESCE((new.parameters ->> 'timezone'::text), 'UTC'::text))) EXECUTE FUNCTION public.check_collection_time_zone();

-- Name: report_data_collections trigger_check_deleted_id; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_deleted_id AFTER INSERT ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.check_deleted_id();

-- Name: workflow_schedules trigger_check_deleted_id; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_deleted_id AFTER INSERT ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.check_deleted_id();

-- Name: workflows trigger_check_deleted_id; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_deleted_id AFTER INSERT ON public.workflows FOR EACH ROW EXECUTE FUNCTION public.check_deleted_id();

-- Name: workflows trigger_check_new_workflow_template; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_new_workflow_template BEFORE INSERT ON public.workflows FOR EACH ROW WHEN ((new.template_id IS NOT NULL)) EXECUTE FUNCTION public.check_workflow_template();

-- Name: notification_channels trigger_check_notification_channel; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_notification_channel BEFORE INSERT OR UPDATE OF kind, url, secret, url_host ON public.notification_channels FOR EACH ROW EXECUTE FUNCTION public.check_notification_channel();

-- Name: result_checks trigger_check_owner_of_result_check; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_owner_of_result_check BEFORE INSERT OR UPDATE OF workflow_id, schedule_id, user_id ON public.result_checks FOR EACH ROW EXECUTE FUNCTION public.check_owner_of_result_check();

-- Name: query_templates trigger_check_query_template; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_query_template BEFORE INSERT OR UPDATE OF sql_template, parameters ON public.query_templates FOR EACH ROW EXECUTE FUNCTION public.check_query_template();

-- Name: report_data_collections trigger_check_report_data_collection; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_report_data_collection BEFORE INSERT OR UPDATE OF parameters, status, workflow_id, instance_id, user_id, start_date, end_date ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.check_report_data_collection();

-- Name: result_checks trigger_check_result_check; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_result_check BEFORE INSERT OR UPDATE OF workflow_id, schedule_id, measure, column_name, key_columns, comparison, threshold, compared_with, rearm_after ON public.result_checks FOR EACH ROW EXECUTE FUNCTION public.check_result_check();

-- Name: run_requests trigger_check_run_request; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_run_request BEFORE INSERT ON public.run_requests FOR EACH ROW EXECUTE FUNCTION public.check_run_request();

-- Name: users trigger_check_user_time_zone; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_user_time_zone BEFORE INSERT OR UPDATE OF timezone ON public.users FOR EACH ROW EXECUTE FUNCTION public.check_user_time_zone();

-- Name: report_data_collections trigger_check_window; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_window BEFORE INSERT OR UPDATE OF parameters ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.check_window();

-- Name: workflow_schedules trigger_check_window; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_window BEFORE INSERT OR UPDATE OF parameters ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.check_window();

-- Name: workflows trigger_check_workflow; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_workflow BEFORE INSERT OR UPDATE OF parameters, instance_id, user_id, sql_query ON public.workflows FOR EACH ROW EXECUTE FUNCTION public.check_workflow();

-- Name: workflows trigger_check_workflow_owner; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_workflow_owner BEFORE UPDATE OF user_id ON public.workflows FOR EACH ROW WHEN ((old.user_id IS DISTINCT FROM new.user_id)) EXECUTE FUNCTION public.check_workflow_owner();

-- Name: workflow_schedules trigger_check_workflow_schedule; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_workflow_schedule BEFORE INSERT OR UPDATE OF timezone, parameters, is_active, workflow_id, user_id ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.check_workflow_schedule();

-- Name: workflows trigger_check_workflow_template; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_check_workflow_template BEFORE UPDATE OF template_id, user_id ON public.workflows FOR EACH ROW WHEN (((new.template_id IS NOT NULL) AND ((old.template_id IS DISTINCT FROM new.template_id) OR (old.user_id IS DISTINCT FROM new.user_id)))) EXECUTE FUNCTION public.check_workflow_template();

-- Name: users trigger_clear_revoked_consent; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_clear_revoked_consent BEFORE UPDATE OF encrypted_refresh_token ON public.users FOR EACH ROW WHEN ((old.encrypted_refresh_token IS DISTINCT FROM new.encrypted_refresh_token)) EXECUTE FUNCTION public.clear_revoked_consent();

-- Name: asin_list_items trigger_count_asin_count_delete; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_asin_count_delete AFTER DELETE ON public.asin_list_items REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('asin_count');

-- Name: asin_list_items trigger_count_asin_count_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_asin_count_insert AFTER INSERT ON public.asin_list_items REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('asin_count');

-- Name: asin_list_items trigger_count_asin_count_truncate; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_asin_count_truncate AFTER TRUNCATE ON public.asin_list_items FOR EACH STATEMENT EXECUTE FUNCTION public.reset_counter('asin_count');

-- Name: asin_list_items trigger_count_asin_count_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_asin_count_update AFTER UPDATE ON public.asin_list_items REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('asin_count');

-- Name: user_guide_progress trigger_count_completion_count_delete; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_completion_count_delete AFTER DELETE ON public.user_guide_progress REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('completion_count');

-- Name: user_guide_progress trigger_count_completion_count_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_completion_count_insert AFTER INSERT ON public.user_guide_progress REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('completion_count');

-- Name: user_guide_progress trigger_count_completion_count_truncate; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_completion_count_truncate AFTER TRUNCATE ON public.user_guide_progress FOR EACH STATEMENT EXECUTE FUNCTION public.reset_counter('completion_count');

-- Name: user_guide_progress trigger_count_completion_count_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_completion_count_update AFTER UPDATE ON public.user_guide_progress REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('completion_count');

-- Name: user_guide_favorites trigger_count_favorite_count_delete; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_favorite_count_delete AFTER DELETE ON public.user_guide_favorites REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('favorite_count');

-- Name: user_guide_favorites trigger_count_favorite_count_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_favorite_count_insert AFTER INSERT ON public.user_guide_favorites REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('favorite_count');

-- Name: user_guide_favorites trigger_count_favorite_count_truncate; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_favorite_count_truncate AFTER TRUNCATE ON public.user_guide_favorites FOR EACH STATEMENT EXECUTE FUNCTION public.reset_counter('favorite_count');

-- Name: user_guide_favorites trigger_count_favorite_count_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_favorite_count_update AFTER UPDATE ON public.user_guide_favorites REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('favorite_count');

-- Name: build_guide_queries trigger_count_query_count_delete; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_query_count_delete AFTER DELETE ON public.build_guide_queries REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('query_count');

-- Name: build_guide_queries trigger_count_query_count_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_query_count_insert AFTER INSERT ON public.build_guide_queries REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('query_count');

-- Name: build_guide_queries trigger_count_query_count_truncate; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_query_count_truncate AFTER TRUNCATE ON public.build_guide_queries FOR EACH STATEMENT EXECUTE FUNCTION public.reset_counter('query_count');

-- Name: build_guide_queries trigger_count_query_count_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_query_count_update AFTER UPDATE ON public.build_guide_queries REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('query_count');

-- Name: schedule_runs trigger_count_schedule_runs; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_schedule_runs AFTER INSERT OR DELETE OR UPDATE OF status, schedule_id ON public.schedule_runs FOR EACH ROW EXECUTE FUNCTION public.count_schedule_runs();

-- Name: build_guide_sections trigger_count_section_count_delete; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_section_count_delete AFTER DELETE ON public.build_guide_sections REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('section_count');

-- Name: build_guide_sections trigger_count_section_count_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_section_count_insert AFTER INSERT ON public.build_guide_sections REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('section_count');

-- Name: build_guide_sections trigger_count_section_count_truncate; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_section_count_truncate AFTER TRUNCATE ON public.build_guide_sections FOR EACH STATEMENT EXECUTE FUNCTION public.reset_counter('section_count');

-- Name: build_guide_sections trigger_count_section_count_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_section_count_update AFTER UPDATE ON public.build_guide_sections REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('section_count');

-- Name: workflows trigger_count_usage_count_delete; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_usage_count_delete AFTER DELETE ON public.workflows REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('usage_count');

-- Name: workflows trigger_count_usage_count_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_usage_count_insert AFTER INSERT ON public.workflows REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('usage_count');

-- Name: workflows trigger_count_usage_count_truncate; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_usage_count_truncate AFTER TRUNCATE ON public.workflows FOR EACH STATEMENT EXECUTE FUNCTION public.reset_counter('usage_count');

-- Name: workflows trigger_count_usage_count_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_count_usage_count_update AFTER UPDATE ON public.workflows REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_children('usage_count');

-- Name: report_data_collections trigger_create_collection_weeks; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_create_collection_weeks AFTER INSERT ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.create_weeks_of_new_collection();

-- Name: asin_lists trigger_enforce_asin_count; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_enforce_asin_count BEFORE INSERT OR UPDATE OF asin_count ON public.asin_lists FOR EACH ROW WHEN ((pg_trigger_depth() = 0)) EXECUTE FUNCTION public.enforce_counter('asin_count');

-- Name: build_guides trigger_enforce_completion_count; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_enforce_completion_count BEFORE INSERT OR UPDATE OF completion_count ON public.build_guides FOR EACH ROW WHEN ((pg_trigger_depth() = 0)) EXECUTE FUNCTION public.enforce_counter('completion_count');

-- Name: build_guides trigger_enforce_favorite_count; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_enforce_favorite_count BEFORE INSERT OR UPDATE OF favorite_count ON public.build_guides FOR EACH ROW WHEN ((pg_trigger_depth() = 0)) EXECUTE FUNCTION public.enforce_counter('favorite_count');

-- Name: build_guides trigger_enforce_query_count; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_enforce_query_count BEFORE INSERT OR UPDATE OF query_count ON public.build_guides FOR EACH ROW WHEN ((pg_trigger_depth() = 0)) EXECUTE FUNCTION public.enforce_counter('query_count');

-- Name: build_guides trigger_enforce_section_count; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_enforce_section_count BEFORE INSERT OR UPDATE OF section_count ON public.build_guides FOR EACH ROW WHEN ((pg_trigger_depth() = 0)) EXECUTE FUNCTION public.enforce_counter('section_count');

-- Name: query_templates trigger_enforce_usage_count; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_enforce_usage_count BEFORE INSERT OR UPDATE OF usage_count ON public.query_templates FOR EACH ROW WHEN ((pg_trigger_depth() = 0)) EXECUTE FUNCTION public.enforce_counter('usage_count');

-- Name: report_data_collections trigger_keep_deleted_id; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_keep_deleted_id AFTER DELETE ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.keep_deleted_id();

-- Name: workflow_schedules trigger_keep_deleted_id; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_keep_deleted_id AFTER DELETE ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.keep_deleted_id();

-- Name: workflows trigger_keep_deleted_id; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_keep_deleted_id AFTER DELETE ON public.workflows FOR EACH ROW EXECUTE FUNCTION public.keep_deleted_id();

-- Name: asin_list_items trigger_limit_asin_list_items; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_limit_asin_list_items AFTER INSERT ON public.asin_list_items REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.admit_new_asin_list_items();

-- Name: result_check_outcomes trigger_notify_check_outcome; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_notify_check_outcome AFTER INSERT OR UPDATE OF passed ON public.result_check_outcomes FOR EACH ROW EXECUTE FUNCTION public.notify_check_outcome();

-- Name: report_data_collections trigger_notify_collection; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_notify_collection AFTER UPDATE OF status ON public.report_data_collections FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.notify_collection();

-- Name: workflow_executions trigger_notify_column_changes; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_notify_column_changes AFTER UPDATE OF column_changes ON public.workflow_executions FOR EACH ROW WHEN (((new.column_changes IS NOT NULL) AND (new.column_changes IS DISTINCT FROM old.column_changes))) EXECUTE FUNCTION public.notify_column_changes();

-- Name: users trigger_notify_consent; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_notify_consent AFTER UPDATE ON public.users FOR EACH ROW WHEN (((old.consent_revoked_at IS NULL) IS DISTINCT FROM (new.consent_revoked_at IS NULL))) EXECUTE FUNCTION public.notify_consent();

-- Name: schedule_runs trigger_notify_results_loaded; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_notify_results_loaded AFTER INSERT OR UPDATE OF status ON public.schedule_runs FOR EACH ROW EXECUTE FUNCTION public.notify_results_loaded();

-- Name: schedule_runs trigger_notify_schedule_run; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_notify_schedule_run AFTER INSERT OR UPDATE OF status ON public.schedule_runs FOR EACH ROW EXECUTE FUNCTION public.notify_schedule_run();

-- Name: amc_accounts trigger_publish_changed_amc_accounts; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_changed_amc_accounts AFTER UPDATE OF country_code, marketplace_id ON public.amc_accounts FOR EACH ROW WHEN (((old.country_code IS DISTINCT FROM new.country_code) OR (old.marketplace_id IS DISTINCT FROM new.marketplace_id))) EXECUTE FUNCTION public.publish_definition_change();

-- Name: amc_instances trigger_publish_changed_amc_instances; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_changed_amc_instances AFTER UPDATE OF instance_id, name, region, is_active, account_id ON public.amc_instances FOR EACH ROW WHEN ((((((old.instance_id IS DISTINCT FROM new.instance_id) OR (old.name IS DISTINCT FROM new.name)) OR (old.region IS DISTINCT FROM new.region)) OR (old.is_active IS DISTINCT FROM new.is_active)) OR (old.account_id IS DISTINCT FROM new.account_id))) EXECUTE FUNCTION public.publish_definition_change();

-- Name: report_data_collections trigger_publish_changed_report_data_collections; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_changed_report_data_collections AFTER UPDATE OF name, description, start_date, end_date, status, parameters, workflow_id, instance_id, user_id ON public.report_data_collections FOR EACH ROW WHEN ((((((((((old.name IS DISTINCT FROM new.name) OR (old.description IS DISTINCT FROM new.description)) OR (old.start_date IS DISTINCT FROM new.start_date)) OR (old.end_date IS DISTINCT FROM new.end_date)) OR (old.status IS DISTINCT FROM new.status)) OR (old.parameters IS DISTINCT FROM new.parameters)) OR (old.workflow_id IS DISTINCT FROM new.workflow_id)) OR (old.instance_id IS DISTINCT FROM new.instance_id)) OR (old.user_id IS DISTINCT FROM new.user_id))) EXECUTE FUNCTION public.publish_definition_change();

-- Name: users trigger_publish_changed_users; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_changed_users AFTER UPDATE OF full_name, email, is_active ON public.users FOR EACH ROW WHEN ((((old.full_name IS DISTINCT FROM new.full_name) OR (old.email IS DISTINCT FROM new.email)) OR (old.is_active IS DISTINCT FROM new.is_active))) EXECUTE FUNCTION public.publish_definition_change();

-- Name: workflow_schedules trigger_publish_changed_workflow_schedules; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_changed_workflow_schedules AFTER UPDATE OF name, description, cron_expression, timezone, is_active, created_at, parameters, workflow_id, user_id ON public.workflow_schedules FOR EACH ROW WHEN ((((((((((old.name IS DISTINCT FROM new.name) OR (old.description IS DISTINCT FROM new.description)) OR (old.cron_expression IS DISTINCT FROM new.cron_expression)) OR (old.timezone IS DISTINCT FROM new.timezone)) OR (old.is_active IS DISTINCT FROM new.is_active)) OR (old.created_at IS DISTINCT FROM new.created_at)) OR (old.parameters IS DISTINCT FROM new.parameters)) OR (old.workflow_id IS DISTINCT FROM new.workflow_id)) OR (old.user_id IS DISTINCT FROM new.user_id))) EXECUTE FUNCTION public.publish_definition_change();

-- Name: workflows trigger_publish_changed_workflows; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_changed_workflows AFTER UPDATE OF name, description, sql_query, parameters, user_id, instance_id ON public.workflows FOR EACH ROW WHEN (((((((old.name IS DISTINCT FROM new.name) OR (old.description IS DISTINCT FROM new.description)) OR (old.sql_query IS DISTINCT FROM new.sql_query)) OR (old.parameters IS DISTINCT FROM new.parameters)) OR (old.user_id IS DISTINCT FROM new.user_id)) OR (old.instance_id IS DISTINCT FROM new.instance_id))) EXECUTE FUNCTION public.publish_definition_change();

-- Name: amc_instances trigger_publish_health_amc_instances; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_health_amc_instances AFTER UPDATE OF health_status ON public.amc_instances FOR EACH ROW WHEN (((NOT (old.health_status IS DISTINCT FROM 'ERROR'::text)) <> (NOT (new.health_status IS DISTINCT FROM 'ERROR'::text)))) EXECUTE FUNCTION public.publish_definition_change();

-- Name: workflows trigger_publish_new_workflows; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_new_workflows AFTER INSERT ON public.workflows FOR EACH ROW EXECUTE FUNCTION public.publish_definition_change();

-- Name: workflows trigger_publish_options_workflows; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_options_workflows AFTER UPDATE OF privacy_filtering, counts_hidden_rows, disable_aggregation_controls ON public.workflows FOR EACH ROW WHEN ((((old.privacy_filtering IS DISTINCT FROM new.privacy_filtering) OR (old.counts_hidden_rows IS DISTINCT FROM new.counts_hidden_rows)) OR (old.disable_aggregation_controls IS DISTINCT FROM new.disable_aggregation_controls))) EXECUTE FUNCTION public.publish_definition_change();

-- Name: report_data_collections trigger_publish_report_data_collections; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_report_data_collections AFTER INSERT OR DELETE ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.publish_definition_change();

-- Name: run_requests trigger_publish_run_requests; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_run_requests AFTER INSERT ON public.run_requests FOR EACH ROW EXECUTE FUNCTION public.publish_definition_change();

-- Name: amc_instances trigger_publish_type_amc_instances; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_type_amc_instances AFTER UPDATE OF instance_type ON public.amc_instances FOR EACH ROW WHEN ((old.instance_type IS DISTINCT FROM new.instance_type)) EXECUTE FUNCTION public.publish_definition_change();

-- Name: workflow_findings trigger_publish_workflow_findings; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_workflow_findings AFTER INSERT OR DELETE OR UPDATE ON public.workflow_findings FOR EACH ROW EXECUTE FUNCTION public.publish_refused_workflow();

-- Name: workflow_schedules trigger_publish_workflow_schedules; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_publish_workflow_schedules AFTER INSERT OR DELETE ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.publish_definition_change();

-- Name: workflow_executions trigger_refuse_deleting_open_execution; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_refuse_deleting_open_execution BEFORE DELETE ON public.workflow_executions FOR EACH ROW WHEN ((old.status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text]))) EXECUTE FUNCTION public.refuse_deleting_open_execution();

-- Name: query_templates trigger_refuse_deleting_used_template; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_refuse_deleting_used_template BEFORE DELETE ON public.query_templates FOR EACH ROW WHEN (row_security_active('public.query_templates'::text)) EXECUTE FUNCTION public.refuse_deleting_used_template();

-- Name: asins trigger_reset_validation; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_reset_validation BEFORE UPDATE OF asin ON public.asins FOR EACH ROW WHEN ((old.asin IS DISTINCT FROM new.asin)) EXECUTE FUNCTION public.reset_validation();

-- Name: workflow_schedules trigger_set_next_run_at; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_set_next_run_at BEFORE INSERT OR UPDATE OF cron_expression, timezone, is_active, next_run_at ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.set_next_run_at();

-- Name: workflows trigger_set_workflow_definition_md5; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_set_workflow_definition_md5 BEFORE INSERT OR UPDATE OF sql_query, parameters, privacy_filtering, counts_hidden_rows, disable_aggregation_controls, definition_md5 ON public.workflows FOR EACH ROW EXECUTE FUNCTION public.set_workflow_definition_md5();

-- Name: report_data_collections trigger_sync_collection_weeks; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_sync_collection_weeks AFTER UPDATE OF start_date, end_date ON public.report_data_collections FOR EACH ROW WHEN (((old.start_date IS DISTINCT FROM new.start_date) OR (old.end_date IS DISTINCT FROM new.end_date))) EXECUTE FUNCTION public.sync_collection_weeks();

-- Name: report_data_collections trigger_sync_resumed_collection; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_sync_resumed_collection AFTER UPDATE OF status ON public.report_data_collections FOR EACH ROW WHEN (((old.status = 'PAUSED'::text) AND (new.status = 'ACTIVE'::text))) EXECUTE FUNCTION public.refresh_resumed_collection();

-- Name: amc_accounts trigger_touch_amc_accounts; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_amc_accounts BEFORE UPDATE ON public.amc_accounts FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: amc_data_sources trigger_touch_amc_data_sources; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_amc_data_sources BEFORE UPDATE ON public.amc_data_sources FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: amc_instance_data_sources trigger_touch_amc_instance_data_sources; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_amc_instance_data_sources BEFORE UPDATE ON public.amc_instance_data_sources FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: amc_instances trigger_touch_amc_instances; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_amc_instances BEFORE UPDATE ON public.amc_instances FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: amc_schema_fields trigger_touch_amc_schema_fields; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_amc_schema_fields BEFORE UPDATE ON public.amc_schema_fields FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: asin_lists trigger_touch_asin_lists; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_asin_lists BEFORE UPDATE ON public.asin_lists FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: asins trigger_touch_asins; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_asins BEFORE UPDATE ON public.asins FOR EACH ROW WHEN ((((to_jsonb(old.*) - 'last_validated_at'::text) - 'validation_checked_at'::text) IS DISTINCT FROM ((to_jsonb(new.*) - 'last_validated_at'::text) - 'validation_checked_at'::text))) EXECUTE FUNCTION public.touch_updated_at();

-- Name: build_guide_queries trigger_touch_build_guide_queries; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_build_guide_queries BEFORE UPDATE ON public.build_guide_queries FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: build_guide_sections trigger_touch_build_guide_sections; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_build_guide_sections BEFORE UPDATE ON public.build_guide_sections FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: build_guides trigger_touch_build_guides; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_build_guides BEFORE UPDATE ON public.build_guides FOR EACH ROW WHEN ((((to_jsonb(old.*) - 'completion_count'::text) - 'favorite_count'::text) IS DISTINCT FROM ((to_jsonb(new.*) - 'completion_count'::text) - 'favorite_count'::text))) EXECUTE FUNCTION public.touch_updated_at();

-- Name: campaigns trigger_touch_campaigns; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_campaigns BEFORE UPDATE ON public.campaigns FOR EACH ROW WHEN ((((to_jsonb(old.*) - 'last_sync_at'::text) - 'performance_updated_at'::text) IS DISTINCT FROM ((to_jsonb(new.*) - 'last_sync_at'::text) - 'performance_updated_at'::text))) EXECUTE FUNCTION public.touch_updated_at();

-- Name: query_templates trigger_touch_query_templates; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_query_templates BEFORE UPDATE ON public.query_templates FOR EACH ROW WHEN ((((to_jsonb(old.*) - 'usage_count'::text) - 'last_used_at'::text) IS DISTINCT FROM ((to_jsonb(new.*) - 'usage_count'::text) - 'last_used_at'::text))) EXECUTE FUNCTION public.touch_updated_at();

-- Name: report_data_collections trigger_touch_report_data_collections; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_report_data_collections BEFORE UPDATE ON public.report_data_collections FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: report_data_weeks trigger_touch_report_data_weeks; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_report_data_weeks BEFORE UPDATE ON public.report_data_weeks FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: schedule_runs trigger_touch_schedule_runs; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_schedule_runs BEFORE UPDATE ON public.schedule_runs FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: users trigger_touch_users; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_users BEFORE UPDATE ON public.users FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: workflow_executions trigger_touch_workflow_executions; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_workflow_executions BEFORE UPDATE ON public.workflow_executions FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: workflow_schedules trigger_touch_workflow_schedules; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_workflow_schedules BEFORE UPDATE ON public.workflow_schedules FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: workflows trigger_touch_workflows; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_touch_workflows BEFORE UPDATE ON public.workflows FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION public.touch_updated_at();

-- Name: workflow_executions trigger_update_workflow_execution_count; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_update_workflow_execution_count AFTER INSERT ON public.workflow_executions FOR EACH ROW EXECUTE FUNCTION public.update_workflow_execution_count();

-- Name: asin_list_items trigger_verify_unique_list_positions; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_verify_unique_list_positions AFTER UPDATE ON public.asin_list_items REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.check_unique_list_positions();

-- Name: report_data_collections trigger_watch_late_weeks; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_watch_late_weeks BEFORE INSERT OR UPDATE OF late_after, status, start_date, end_date, parameters ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.set_late_week_at();

-- Name: workflow_schedules trigger_watch_late_windows; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_watch_late_windows BEFORE INSERT OR UPDATE OF late_after, cron_expression, timezone, is_active ON public.workflow_schedules FOR EACH ROW EXECUTE FUNCTION public.set_late_tick_at();

-- Name: report_data_collections trigger_withdraw_collection_notifications; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_withdraw_collection_notifications AFTER DELETE ON public.report_data_collections FOR EACH ROW EXECUTE FUNCTION public.withdraw_collection_notifications();

-- Name: workflow_executions trigger_withdraw_late_window; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER trigger_withdraw_late_window AFTER UPDATE OF status ON public.workflow_executions FOR EACH ROW WHEN (((new.status = 'SUCCESS'::text) AND (old.status IS DISTINCT FROM 'SUCCESS'::text) AND (new.schedule_id IS NOT NULL) AND (new.due_at IS NOT NULL))) EXECUTE FUNCTION public.withdraw_late_window();

-- Name: amc_api_errors amc_api_errors_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_api_errors
    ADD CONSTRAINT amc_api_errors_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.workflow_executions(id) ON DELETE SET NULL;

-- Name: amc_api_errors amc_api_errors_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_api_errors
    ADD CONSTRAINT amc_api_errors_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: amc_api_errors amc_api_errors_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_api_errors
    ADD CONSTRAINT amc_api_errors_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: amc_instance_data_sources amc_instance_data_sources_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_instance_data_sources
    ADD CONSTRAINT amc_instance_data_sources_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: amc_instances amc_instances_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_instances
    ADD CONSTRAINT amc_instances_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.amc_accounts(id) ON DELETE CASCADE;

-- Name: amc_instances amc_instances_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_instances
    ADD CONSTRAINT amc_instances_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: amc_schema_fields amc_schema_fields_data_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.amc_schema_fields
    ADD CONSTRAINT amc_schema_fields_data_source_id_fkey FOREIGN KEY (data_source_id) REFERENCES public.amc_data_sources(id) ON DELETE CASCADE;

-- Name: asin_list_items asin_list_items_added_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.asin_list_items
    ADD CONSTRAINT asin_list_items_added_by_fkey FOREIGN KEY (added_by) REFERENCES public.users(id) ON DELETE SET NULL;

-- Name: asin_list_items asin_list_items_asin_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.asin_list_items
    ADD CONSTRAINT asin_list_items_asin_id_fkey FOREIGN KEY (asin_id) REFERENCES public.asins(id) ON DELETE CASCADE;

-- Name: asin_list_items asin_list_items_list_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.asin_list_items
    ADD CONSTRAINT asin_list_items_list_id_fkey FOREIGN KEY (list_id) REFERENCES public.asin_lists(id) ON DELETE CASCADE;

-- Name: asin_lists asin_lists_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.asin_lists
    ADD CONSTRAINT asin_lists_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: asins asins_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.asins
    ADD CONSTRAINT asins_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: build_guide_queries build_guide_queries_guide_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.build_guide_queries
    ADD CONSTRAINT build_guide_queries_guide_id_fkey FOREIGN KEY (guide_id) REFERENCES public.build_guides(id) ON DELETE CASCADE;

-- Name: build_guide_sections build_guide_sections_guide_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.build_guide_sections
    ADD CONSTRAINT build_guide_sections_guide_id_fkey FOREIGN KEY (guide_id) REFERENCES public.build_guides(id) ON DELETE CASCADE;

-- Name: campaign_performance campaign_performance_campaign_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.campaign_performance
    ADD CONSTRAINT campaign_performance_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;

-- Name: campaign_reports campaign_reports_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.campaign_reports
    ADD CONSTRAINT campaign_reports_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: campaigns campaigns_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT campaigns_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: campaigns campaigns_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT campaigns_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: channel_deliveries channel_deliveries_channel_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.channel_deliveries
    ADD CONSTRAINT channel_deliveries_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.notification_channels(id) ON DELETE CASCADE;

-- Name: channel_deliveries channel_deliveries_notification_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.channel_deliveries
    ADD CONSTRAINT channel_deliveries_notification_id_fkey FOREIGN KEY (notification_id) REFERENCES public.notifications(id) ON DELETE CASCADE;

-- Name: database_logins database_logins_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.database_logins
    ADD CONSTRAINT database_logins_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: execution_locks execution_locks_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.execution_locks
    ADD CONSTRAINT execution_locks_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.workflow_executions(id) ON DELETE CASCADE;

-- Name: campaigns fk_campaign_user_instance; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT fk_campaign_user_instance FOREIGN KEY (instance_id, user_id) REFERENCES public.amc_instances(id, user_id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;

-- Name: report_data_collections fk_collection_user_instance; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_collections
    ADD CONSTRAINT fk_collection_user_instance FOREIGN KEY (instance_id, user_id) REFERENCES public.amc_instances(id, user_id) DEFERRABLE INITIALLY DEFERRED;

-- Name: report_data_collections fk_collection_user_workflow; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_collections
    ADD CONSTRAINT fk_collection_user_workflow FOREIGN KEY (workflow_id, user_id) REFERENCES public.workflows(id, user_id) ON UPDATE CASCADE ON DELETE CASCADE;

-- Name: workflow_executions fk_execution_user_collection; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT fk_execution_user_collection FOREIGN KEY (collection_id, user_id) REFERENCES public.report_data_collections(id, user_id) DEFERRABLE INITIALLY DEFERRED;

-- Name: workflow_executions fk_execution_user_instance; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT fk_execution_user_instance FOREIGN KEY (instance_id, user_id) REFERENCES public.amc_instances(id, user_id) DEFERRABLE INITIALLY DEFERRED;

-- Name: workflow_executions fk_execution_user_schedule; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT fk_execution_user_schedule FOREIGN KEY (schedule_id, user_id) REFERENCES public.workflow_schedules(id, user_id) DEFERRABLE INITIALLY DEFERRED;

-- Name: workflow_executions fk_execution_user_workflow; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT fk_execution_user_workflow FOREIGN KEY (workflow_id, user_id) REFERENCES public.workflows(id, user_id) ON UPDATE CASCADE ON DELETE CASCADE;

-- Name: result_checks fk_result_check_user_schedule; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_checks
    ADD CONSTRAINT fk_result_check_user_schedule FOREIGN KEY (schedule_id, user_id) REFERENCES public.workflow_schedules(id, user_id) ON UPDATE CASCADE ON DELETE CASCADE;

-- Name: result_checks fk_result_check_user_workflow; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_checks
    ADD CONSTRAINT fk_result_check_user_workflow FOREIGN KEY (workflow_id, user_id) REFERENCES public.workflows(id, user_id) ON UPDATE CASCADE ON DELETE CASCADE;

-- Name: run_requests fk_run_request_user_collection; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT fk_run_request_user_collection FOREIGN KEY (collection_id, user_id) REFERENCES public.report_data_collections(id, user_id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;

-- Name: run_requests fk_run_request_user_execution; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT fk_run_request_user_execution FOREIGN KEY (execution_id, user_id) REFERENCES public.workflow_executions(id, user_id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;

-- Name: run_requests fk_run_request_user_schedule; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT fk_run_request_user_schedule FOREIGN KEY (schedule_id, user_id) REFERENCES public.workflow_schedules(id, user_id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;

-- Name: schedule_runs fk_schedule_run_execution; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.schedule_runs
    ADD CONSTRAINT fk_schedule_run_execution FOREIGN KEY (execution_id, schedule_id) REFERENCES public.workflow_executions(id, schedule_id) DEFERRABLE INITIALLY DEFERRED;

-- Name: workflow_schedules fk_schedule_user_workflow; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_schedules
    ADD CONSTRAINT fk_schedule_user_workflow FOREIGN KEY (workflow_id, user_id) REFERENCES public.workflows(id, user_id) ON UPDATE CASCADE ON DELETE CASCADE;

-- Name: report_data_weeks fk_week_execution; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_weeks
    ADD CONSTRAINT fk_week_execution FOREIGN KEY (execution_id, collection_id) REFERENCES public.workflow_executions(id, collection_id) DEFERRABLE INITIALLY DEFERRED;

-- Name: workflows fk_workflow_user_instance; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflows
    ADD CONSTRAINT fk_workflow_user_instance FOREIGN KEY (instance_id, user_id) REFERENCES public.amc_instances(id, user_id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;

-- Name: notification_channels notification_channels_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.notification_channels
    ADD CONSTRAINT notification_channels_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: notifications notifications_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: query_templates query_templates_author_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.query_templates
    ADD CONSTRAINT query_templates_author_id_fkey FOREIGN KEY (author_id) REFERENCES public.users(id) ON DELETE SET NULL;

-- Name: reconciliations reconciliations_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.reconciliations
    ADD CONSTRAINT reconciliations_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: report_data_collections report_data_collections_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_collections
    ADD CONSTRAINT report_data_collections_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: report_data_collections report_data_collections_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_collections
    ADD CONSTRAINT report_data_collections_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: report_data_collections report_data_collections_workflow_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_collections
    ADD CONSTRAINT report_data_collections_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflows(id) ON DELETE CASCADE;

-- Name: report_data_weeks report_data_weeks_collection_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_weeks
    ADD CONSTRAINT report_data_weeks_collection_id_fkey FOREIGN KEY (collection_id) REFERENCES public.report_data_collections(id) ON DELETE CASCADE;

-- Name: report_data_weeks report_data_weeks_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.report_data_weeks
    ADD CONSTRAINT report_data_weeks_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.workflow_executions(id) ON DELETE SET NULL;

-- Name: result_check_outcomes result_check_outcomes_check_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_check_outcomes
    ADD CONSTRAINT result_check_outcomes_check_id_fkey FOREIGN KEY (check_id) REFERENCES public.result_checks(id) ON DELETE CASCADE;

-- Name: result_check_outcomes result_check_outcomes_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_check_outcomes
    ADD CONSTRAINT result_check_outcomes_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.workflow_executions(id) ON DELETE CASCADE;

-- Name: result_checks result_checks_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_checks
    ADD CONSTRAINT result_checks_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: result_difference_columns result_difference_columns_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_difference_columns
    ADD CONSTRAINT result_difference_columns_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.result_differences(execution_id) ON DELETE CASCADE;

-- Name: result_difference_rows result_difference_rows_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_difference_rows
    ADD CONSTRAINT result_difference_rows_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.result_differences(execution_id) ON DELETE CASCADE;

-- Name: result_differences result_differences_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_differences
    ADD CONSTRAINT result_differences_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.workflow_executions(id) ON DELETE CASCADE;

-- Name: result_differences result_differences_previous_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.result_differences
    ADD CONSTRAINT result_differences_previous_execution_id_fkey FOREIGN KEY (previous_execution_id) REFERENCES public.workflow_executions(id) ON DELETE SET NULL;

-- Name: run_requests run_requests_collection_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT run_requests_collection_id_fkey FOREIGN KEY (collection_id) REFERENCES public.report_data_collections(id) ON DELETE SET NULL;

-- Name: run_requests run_requests_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT run_requests_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.workflow_executions(id) ON DELETE SET NULL;

-- Name: run_requests run_requests_schedule_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT run_requests_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES public.workflow_schedules(id) ON DELETE SET NULL;

-- Name: run_requests run_requests_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT run_requests_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: schedule_runs schedule_runs_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.schedule_runs
    ADD CONSTRAINT schedule_runs_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES public.workflow_executions(id) ON DELETE SET NULL;

-- Name: schedule_runs schedule_runs_schedule_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.schedule_runs
    ADD CONSTRAINT schedule_runs_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES public.workflow_schedules(id) ON DELETE CASCADE;

-- Name: user_guide_favorites user_guide_favorites_guide_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_guide_favorites
    ADD CONSTRAINT user_guide_favorites_guide_id_fkey FOREIGN KEY (guide_id) REFERENCES public.build_guides(id) ON DELETE CASCADE;

-- Name: user_guide_favorites user_guide_favorites_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_guide_favorites
    ADD CONSTRAINT user_guide_favorites_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: user_guide_progress user_guide_progress_guide_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_guide_progress
    ADD CONSTRAINT user_guide_progress_guide_id_fkey FOREIGN KEY (guide_id) REFERENCES public.build_guides(id) ON DELETE CASCADE;

-- Name: user_guide_progress user_guide_progress_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_guide_progress
    ADD CONSTRAINT user_guide_progress_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: user_quotas user_quotas_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.user_quotas
    ADD CONSTRAINT user_quotas_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: workflow_dry_runs workflow_dry_runs_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_dry_runs
    ADD CONSTRAINT workflow_dry_runs_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: workflow_dry_runs workflow_dry_runs_workflow_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_dry_runs
    ADD CONSTRAINT workflow_dry_runs_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflows(id) ON DELETE CASCADE;

-- Name: workflow_executions workflow_executions_collection_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT workflow_executions_collection_id_fkey FOREIGN KEY (collection_id) REFERENCES public.report_data_collections(id) ON DELETE SET NULL;

-- Name: workflow_executions workflow_executions_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT workflow_executions_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: workflow_executions workflow_executions_schedule_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT workflow_executions_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES public.workflow_schedules(id) ON DELETE SET NULL;

-- Name: workflow_executions workflow_executions_superseded_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT workflow_executions_superseded_by_fkey FOREIGN KEY (superseded_by) REFERENCES public.workflow_executions(id) ON DELETE SET NULL;

-- Name: workflow_executions workflow_executions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT workflow_executions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: workflow_executions workflow_executions_workflow_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_executions
    ADD CONSTRAINT workflow_executions_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflows(id) ON DELETE CASCADE;

-- Name: workflow_findings workflow_findings_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_findings
    ADD CONSTRAINT workflow_findings_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: workflow_findings workflow_findings_workflow_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_findings
    ADD CONSTRAINT workflow_findings_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflows(id) ON DELETE CASCADE;

-- Name: workflow_schedules workflow_schedules_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_schedules
    ADD CONSTRAINT workflow_schedules_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: workflow_schedules workflow_schedules_workflow_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflow_schedules
    ADD CONSTRAINT workflow_schedules_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflows(id) ON DELETE CASCADE;

-- Name: workflows workflows_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflows
    ADD CONSTRAINT workflows_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.amc_instances(id) ON DELETE CASCADE;

-- Name: workflows workflows_template_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflows
    ADD CONSTRAINT workflows_template_id_fkey FOREIGN KEY (template_id) REFERENCES public.query_templates(id) ON DELETE SET NULL;

-- Name: workflows workflows_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.workflows
    ADD CONSTRAINT workflows_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

-- Name: amc_accounts accounts_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY accounts_user_read ON public.amc_accounts FOR SELECT USING ((EXISTS ( SELECT
   FROM public.amc_instances instance
  WHERE ((instance.account_id = amc_accounts.id) AND (instance.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: amc_accounts; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.amc_accounts ENABLE ROW LEVEL SECURITY;

-- Name: amc_accounts amc_accounts_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_accounts_console_read ON public.amc_accounts FOR SELECT TO recomamp_console USING (true);

-- Name: amc_accounts amc_accounts_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_accounts_pipeline_access ON public.amc_accounts TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: amc_api_errors; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.amc_api_errors ENABLE ROW LEVEL SECURITY;

-- Name: amc_api_errors amc_api_errors_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_api_errors_console_read ON public.amc_api_errors FOR SELECT TO recomamp_console USING (true);

-- Name: amc_api_errors amc_api_errors_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_api_errors_pipeline_access ON public.amc_api_errors TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: amc_data_sources; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.amc_data_sources ENABLE ROW LEVEL SECURITY;

-- Name: amc_data_sources amc_data_sources_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_data_sources_pipeline_access ON public.amc_data_sources TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: amc_instance_data_sources; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.amc_instance_data_sources ENABLE ROW LEVEL SECURITY;

-- Name: amc_instance_data_sources amc_instance_data_sources_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_instance_data_sources_pipeline_access ON public.amc_instance_data_sources TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: amc_instances; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.amc_instances ENABLE ROW LEVEL SECURITY;

-- Name: amc_instances amc_instances_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_instances_console_read ON public.amc_instances FOR SELECT TO recomamp_console USING (true);

-- Name: amc_instances amc_instances_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_instances_pipeline_access ON public.amc_instances TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: amc_schema_fields; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.amc_schema_fields ENABLE ROW LEVEL SECURITY;

-- Name: amc_schema_fields amc_schema_fields_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY amc_schema_fields_pipeline_access ON public.amc_schema_fields TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: amc_api_errors api_errors_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY api_errors_user_read ON public.amc_api_errors FOR SELECT USING ((EXISTS ( SELECT
   FROM public.amc_instances parent
  WHERE ((parent.id = amc_api_errors.instance_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: asin_list_items; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.asin_list_items ENABLE ROW LEVEL SECURITY;

-- Name: asin_list_items asin_list_items_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY asin_list_items_user_access ON public.asin_list_items USING ((EXISTS ( SELECT
   FROM public.asin_lists list
  WHERE ((list.id = asin_list_items.list_id) AND (list.user_id = ( SELECT public.current_user_id() AS current_user_id)))))) WITH CHECK (((EXISTS ( SELECT
   FROM public.asin_lists list
  WHERE ((list.id = asin_list_items.list_id) AND (list.user_id = ( SELECT public.current_user_id() AS current_user_id))))) AND (EXISTS ( SELECT
   FROM public.asins product
  WHERE ((product.id = asin_list_items.asin_id) AND (product.user_id = ( SELECT public.current_user_id() AS current_user_id))))) AND ((added_by IS NULL) OR (added_by = ( SELECT public.current_user_id() AS current_user_id)))));

-- Name: asin_lists; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.asin_lists ENABLE ROW LEVEL SECURITY;

-- Name: asin_lists asin_lists_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY asin_lists_user_access ON public.asin_lists USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: asins; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.asins ENABLE ROW LEVEL SECURITY;

-- Name: asins asins_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY asins_pipeline_access ON public.asins TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: asins asins_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY asins_user_access ON public.asins USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: build_guide_queries; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.build_guide_queries ENABLE ROW LEVEL SECURITY;

-- Name: build_guide_queries build_guide_queries_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY build_guide_queries_read ON public.build_guide_queries FOR SELECT USING (((( SELECT public.current_user_id() AS current_user_id) IS NOT NULL) AND (EXISTS ( SELECT
   FROM public.build_guides guide
  WHERE ((guide.id = build_guide_queries.guide_id) AND guide.is_published)))));

-- Name: build_guide_sections; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.build_guide_sections ENABLE ROW LEVEL SECURITY;

-- Name: build_guide_sections build_guide_sections_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY build_guide_sections_read ON public.build_guide_sections FOR SELECT USING (((( SELECT public.current_user_id() AS current_user_id) IS NOT NULL) AND (EXISTS ( SELECT
   FROM public.build_guides guide
  WHERE ((guide.id = build_guide_sections.guide_id) AND guide.is_published)))));

-- Name: build_guides; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.build_guides ENABLE ROW LEVEL SECURITY;

-- Name: build_guides build_guides_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY build_guides_read ON public.build_guides FOR SELECT USING ((is_published AND (( SELECT public.current_user_id() AS current_user_id) IS NOT NULL)));

-- Name: campaign_performance; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.campaign_performance ENABLE ROW LEVEL SECURITY;

-- Name: campaign_performance campaign_performance_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY campaign_performance_pipeline_access ON public.campaign_performance TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: campaign_performance campaign_performance_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY campaign_performance_user_access ON public.campaign_performance FOR SELECT USING ((EXISTS ( SELECT
   FROM public.campaigns parent
  WHERE ((parent.id = campaign_performance.campaign_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: campaign_reports; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.campaign_reports ENABLE ROW LEVEL SECURITY;

-- Name: campaign_reports campaign_reports_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY campaign_reports_pipeline_access ON public.campaign_reports TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: campaign_reports campaign_reports_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY campaign_reports_user_access ON public.campaign_reports FOR SELECT USING ((EXISTS ( SELECT
   FROM public.amc_instances parent
  WHERE ((parent.id = campaign_reports.instance_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: campaigns; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.campaigns ENABLE ROW LEVEL SECURITY;

-- Name: campaigns campaigns_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY campaigns_pipeline_access ON public.campaigns TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: campaigns campaigns_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY campaigns_user_access ON public.campaigns FOR SELECT USING ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: channel_deliveries; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.channel_deliveries ENABLE ROW LEVEL SECURITY;

-- Name: channel_deliveries channel_deliveries_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY channel_deliveries_pipeline_access ON public.channel_deliveries TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: channel_deliveries channel_deliveries_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY channel_deliveries_user_read ON public.channel_deliveries FOR SELECT USING ((EXISTS ( SELECT
   FROM public.notification_channels parent
  WHERE ((parent.id = channel_deliveries.channel_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: report_data_collections collections_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY collections_user_access ON public.report_data_collections USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: amc_data_sources data_sources_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY data_sources_read ON public.amc_data_sources FOR SELECT USING ((( SELECT public.current_user_id() AS current_user_id) IS NOT NULL));

-- Name: database_logins; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.database_logins ENABLE ROW LEVEL SECURITY;

-- Name: deleted_ids; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.deleted_ids ENABLE ROW LEVEL SECURITY;

-- Name: execution_locks; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.execution_locks ENABLE ROW LEVEL SECURITY;

-- Name: execution_locks execution_locks_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY execution_locks_pipeline_access ON public.execution_locks TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: workflow_executions executions_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY executions_user_access ON public.workflow_executions FOR SELECT USING ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: user_guide_favorites guide_favorites_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY guide_favorites_user_access ON public.user_guide_favorites USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: user_guide_progress guide_progress_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY guide_progress_user_access ON public.user_guide_progress USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: amc_instance_data_sources instance_data_sources_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY instance_data_sources_user_read ON public.amc_instance_data_sources FOR SELECT USING ((EXISTS ( SELECT
   FROM public.amc_instances parent
  WHERE ((parent.id = amc_instance_data_sources.instance_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: amc_instances instances_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY instances_user_access ON public.amc_instances FOR SELECT USING ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: amc_instances instances_user_update; Type: POLICY; Schema: public; Owner: -

CREATE POLICY instances_user_update ON public.amc_instances FOR UPDATE USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: maintenance_findings; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.maintenance_findings ENABLE ROW LEVEL SECURITY;

-- Name: maintenance_findings maintenance_findings_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY maintenance_findings_pipeline_access ON public.maintenance_findings TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: notification_channels; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.notification_channels ENABLE ROW LEVEL SECURITY;

-- Name: notification_channels notification_channels_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY notification_channels_pipeline_access ON public.notification_channels TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: notification_channels notification_channels_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY notification_channels_user_access ON public.notification_channels USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: notifications; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.notifications ENABLE ROW LEVEL SECURITY;

-- Name: notifications notifications_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY notifications_pipeline_access ON public.notifications TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: notifications notifications_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY notifications_user_read ON public.notifications FOR SELECT USING ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: query_templates; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.query_templates ENABLE ROW LEVEL SECURITY;

-- Name: query_templates query_templates_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY query_templates_user_access ON public.query_templates USING ((author_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((author_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: recomamp_migrations; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.recomamp_migrations ENABLE ROW LEVEL SECURITY;

-- Name: reconciliations; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.reconciliations ENABLE ROW LEVEL SECURITY;

-- Name: reconciliations reconciliations_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY reconciliations_pipeline_access ON public.reconciliations TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: reconciliations reconciliations_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY reconciliations_user_access ON public.reconciliations FOR SELECT USING ((EXISTS ( SELECT
   FROM public.amc_instances parent
  WHERE ((parent.id = reconciliations.instance_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: report_data_collections; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.report_data_collections ENABLE ROW LEVEL SECURITY;

-- Name: report_data_collections report_data_collections_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY report_data_collections_console_read ON public.report_data_collections FOR SELECT TO recomamp_console USING (true);

-- Name: report_data_collections report_data_collections_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY report_data_collections_pipeline_access ON public.report_data_collections TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: report_data_weeks; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.report_data_weeks ENABLE ROW LEVEL SECURITY;

-- Name: report_data_weeks report_data_weeks_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY report_data_weeks_console_read ON public.report_data_weeks FOR SELECT TO recomamp_console USING (true);

-- Name: report_data_weeks report_data_weeks_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY report_data_weeks_pipeline_access ON public.report_data_weeks TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: result_check_outcomes; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.result_check_outcomes ENABLE ROW LEVEL SECURITY;

-- Name: result_check_outcomes result_check_outcomes_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_check_outcomes_console_read ON public.result_check_outcomes FOR SELECT TO recomamp_console USING (true);

-- Name: result_check_outcomes result_check_outcomes_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_check_outcomes_pipeline_access ON public.result_check_outcomes TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: result_check_outcomes result_check_outcomes_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_check_outcomes_user_read ON public.result_check_outcomes FOR SELECT USING ((EXISTS ( SELECT
   FROM public.workflow_executions parent
  WHERE ((parent.id = result_check_outcomes.execution_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: result_checks; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.result_checks ENABLE ROW LEVEL SECURITY;

-- Name: result_checks result_checks_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_checks_console_read ON public.result_checks FOR SELECT TO recomamp_console USING (true);

-- Name: result_checks result_checks_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_checks_pipeline_access ON public.result_checks TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: result_checks result_checks_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_checks_user_access ON public.result_checks USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: result_difference_columns; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.result_difference_columns ENABLE ROW LEVEL SECURITY;

-- Name: result_difference_columns result_difference_columns_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_difference_columns_console_read ON public.result_difference_columns FOR SELECT TO recomamp_console USING (true);

-- Name: result_difference_columns result_difference_columns_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_difference_columns_pipeline_access ON public.result_difference_columns TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: result_difference_columns result_difference_columns_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_difference_columns_user_read ON public.result_difference_columns FOR SELECT USING ((EXISTS ( SELECT
   FROM public.workflow_executions parent
  WHERE ((parent.id = result_difference_columns.execution_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: result_difference_rows; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.result_difference_rows ENABLE ROW LEVEL SECURITY;

-- Name: result_difference_rows result_difference_rows_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_difference_rows_console_read ON public.result_difference_rows FOR SELECT TO recomamp_console USING (true);

-- Name: result_difference_rows result_difference_rows_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_difference_rows_pipeline_access ON public.result_difference_rows TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: result_difference_rows result_difference_rows_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_difference_rows_user_read ON public.result_difference_rows FOR SELECT USING ((EXISTS ( SELECT
   FROM public.workflow_executions parent
  WHERE ((parent.id = result_difference_rows.execution_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: result_differences; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.result_differences ENABLE ROW LEVEL SECURITY;

-- Name: result_differences result_differences_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_differences_console_read ON public.result_differences FOR SELECT TO recomamp_console USING (true);

-- Name: result_differences result_differences_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_differences_pipeline_access ON public.result_differences TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: result_differences result_differences_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY result_differences_user_read ON public.result_differences FOR SELECT USING ((EXISTS ( SELECT
   FROM public.workflow_executions parent
  WHERE ((parent.id = result_differences.execution_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: run_requests; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.run_requests ENABLE ROW LEVEL SECURITY;

-- Name: run_requests run_requests_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY run_requests_console_read ON public.run_requests FOR SELECT TO recomamp_console USING (true);

-- Name: run_requests run_requests_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY run_requests_pipeline_access ON public.run_requests TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: run_requests run_requests_pipeline_insert; Type: POLICY; Schema: public; Owner: -

CREATE POLICY run_requests_pipeline_insert ON public.run_requests AS RESTRICTIVE FOR INSERT TO recomamp_pipeline WITH CHECK ((action = 'RESTATE'::text));

-- Name: run_requests run_requests_user_insert; Type: POLICY; Schema: public; Owner: -

CREATE POLICY run_requests_user_insert ON public.run_requests FOR INSERT WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: run_requests run_requests_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY run_requests_user_read ON public.run_requests FOR SELECT USING ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: schedule_runs; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.schedule_runs ENABLE ROW LEVEL SECURITY;

-- Name: schedule_runs schedule_runs_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY schedule_runs_console_read ON public.schedule_runs FOR SELECT TO recomamp_console USING (true);

-- Name: schedule_runs schedule_runs_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY schedule_runs_pipeline_access ON public.schedule_runs TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: schedule_runs schedule_runs_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY schedule_runs_user_access ON public.schedule_runs FOR SELECT USING ((EXISTS ( SELECT
   FROM public.workflow_schedules parent
  WHERE ((parent.id = schedule_runs.schedule_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: workflow_schedules schedules_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY schedules_user_access ON public.workflow_schedules USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: amc_schema_fields schema_fields_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY schema_fields_read ON public.amc_schema_fields FOR SELECT USING ((( SELECT public.current_user_id() AS current_user_id) IS NOT NULL));

-- Name: user_guide_favorites; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.user_guide_favorites ENABLE ROW LEVEL SECURITY;

-- Name: user_guide_progress; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.user_guide_progress ENABLE ROW LEVEL SECURITY;

-- Name: user_quotas; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.user_quotas ENABLE ROW LEVEL SECURITY;

-- Name: user_quotas user_quotas_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY user_quotas_pipeline_access ON public.user_quotas TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: user_quotas user_quotas_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY user_quotas_user_read ON public.user_quotas FOR SELECT USING ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: users; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

-- Name: users users_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY users_console_read ON public.users FOR SELECT TO recomamp_console USING (true);

-- Name: users users_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY users_pipeline_access ON public.users TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: users users_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY users_user_access ON public.users FOR SELECT USING ((id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: users users_user_update; Type: POLICY; Schema: public; Owner: -

CREATE POLICY users_user_update ON public.users FOR UPDATE USING ((id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: report_data_weeks weeks_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY weeks_user_access ON public.report_data_weeks FOR SELECT USING ((EXISTS ( SELECT
   FROM public.report_data_collections parent
  WHERE ((parent.id = report_data_weeks.collection_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: workflow_dry_runs; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.workflow_dry_runs ENABLE ROW LEVEL SECURITY;

-- Name: workflow_dry_runs workflow_dry_runs_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_dry_runs_console_read ON public.workflow_dry_runs FOR SELECT TO recomamp_console USING (true);

-- Name: workflow_dry_runs workflow_dry_runs_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_dry_runs_pipeline_access ON public.workflow_dry_runs TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: workflow_dry_runs workflow_dry_runs_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_dry_runs_user_read ON public.workflow_dry_runs FOR SELECT USING ((EXISTS ( SELECT
   FROM public.workflows parent
  WHERE ((parent.id = workflow_dry_runs.workflow_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: workflow_executions; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.workflow_executions ENABLE ROW LEVEL SECURITY;

-- Name: workflow_executions workflow_executions_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_executions_console_read ON public.workflow_executions FOR SELECT TO recomamp_console USING (true);

-- Name: workflow_executions workflow_executions_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_executions_pipeline_access ON public.workflow_executions TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: workflow_findings; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.workflow_findings ENABLE ROW LEVEL SECURITY;

-- Name: workflow_findings workflow_findings_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_findings_console_read ON public.workflow_findings FOR SELECT TO recomamp_console USING (true);

-- Name: workflow_findings workflow_findings_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_findings_pipeline_access ON public.workflow_findings TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: workflow_findings workflow_findings_user_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_findings_user_read ON public.workflow_findings FOR SELECT USING ((EXISTS ( SELECT
   FROM public.workflows parent
  WHERE ((parent.id = workflow_findings.workflow_id) AND (parent.user_id = ( SELECT public.current_user_id() AS current_user_id))))));

-- Name: workflow_schedules; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.workflow_schedules ENABLE ROW LEVEL SECURITY;

-- Name: workflow_schedules workflow_schedules_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_schedules_console_read ON public.workflow_schedules FOR SELECT TO recomamp_console USING (true);

-- Name: workflow_schedules workflow_schedules_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflow_schedules_pipeline_access ON public.workflow_schedules TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: workflows; Type: ROW SECURITY; Schema: public; Owner: -

ALTER TABLE public.workflows ENABLE ROW LEVEL SECURITY;

-- Name: workflows workflows_console_read; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflows_console_read ON public.workflows FOR SELECT TO recomamp_console USING (true);

-- Name: workflows workflows_pipeline_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflows_pipeline_access ON public.workflows TO recomamp_pipeline USING (true) WITH CHECK (true);

-- Name: workflows workflows_user_access; Type: POLICY; Schema: public; Owner: -

CREATE POLICY workflows_user_access ON public.workflows USING ((user_id = ( SELECT public.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT public.current_user_id() AS current_user_id)));

-- Name: SCHEMA auth; Type: ACL; Schema: -; Owner: -

GRANT USAGE ON SCHEMA auth TO recomamp_analyst;
GRANT USAGE ON SCHEMA auth TO recomamp_console;
GRANT USAGE ON SCHEMA auth TO recomamp_pipeline;

-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: -

GRANT USAGE ON SCHEMA public TO recomamp_analyst;
GRANT USAGE ON SCHEMA public TO recomamp_console;
GRANT USAGE ON SCHEMA public TO recomamp_pipeline;

-- Name: TYPE cron_ticks; Type: ACL; Schema: public; Owner: -

REVOKE ALL ON TYPE public.cron_ticks FROM PUBLIC;

-- Name: FUNCTION add_to_schedule_counters(counted_id uuid, runs integer, successful integer, failed integer); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.add_to_schedule_counters(counted_id uuid, runs integer, successful integer, failed integer) FROM PUBLIC;

-- Name: FUNCTION admit_changed_collections(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_changed_collections() FROM PUBLIC;

-- Name: FUNCTION admit_changed_schedules(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_changed_schedules() FROM PUBLIC;

-- Name: FUNCTION admit_changed_workflows(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_changed_workflows() FROM PUBLIC;

-- Name: FUNCTION admit_new_asin_list_items(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_asin_list_items() FROM PUBLIC;

-- Name: FUNCTION admit_new_asin_lists(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_asin_lists() FROM PUBLIC;

-- Name: FUNCTION admit_new_asins(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_asins() FROM PUBLIC;

-- Name: FUNCTION admit_new_collections(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_collections() FROM PUBLIC;

-- Name: FUNCTION admit_new_notification_channels(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_notification_channels() FROM PUBLIC;

-- Name: FUNCTION admit_new_query_templates(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_query_templates() FROM PUBLIC;

-- Name: FUNCTION admit_new_result_checks(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_result_checks() FROM PUBLIC;

-- Name: FUNCTION admit_new_run_requests(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_run_requests() FROM PUBLIC;

-- Name: FUNCTION admit_new_schedules(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_schedules() FROM PUBLIC;

-- Name: FUNCTION admit_new_workflows(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.admit_new_workflows() FROM PUBLIC;

-- Name: FUNCTION analyze_table(analyzed text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.analyze_table(analyzed text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.analyze_table(analyzed text) TO recomamp_pipeline;

-- Name: FUNCTION assign_list_position(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.assign_list_position() FROM PUBLIC;

-- Name: FUNCTION calculate_collection_progress(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.calculate_collection_progress() FROM PUBLIC;

-- Name: FUNCTION calculate_guide_progress(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.calculate_guide_progress() FROM PUBLIC;

-- Name: FUNCTION check_collection_quotas(owner uuid, has_more_rows boolean, has_more_weeks boolean, has_more_bytes boolean); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_collection_quotas(owner uuid, has_more_rows boolean, has_more_weeks boolean, has_more_bytes boolean) FROM PUBLIC;

-- Name: FUNCTION check_collection_status(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_collection_status() FROM PUBLIC;

-- Name: FUNCTION check_collection_time_zone(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_collection_time_zone() FROM PUBLIC;

-- Name: FUNCTION check_definition_bytes(owner uuid, most integer); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_definition_bytes(owner uuid, most integer) FROM PUBLIC;

-- Name: FUNCTION check_deleted_id(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_deleted_id() FROM PUBLIC;

-- Name: FUNCTION check_notification_channel(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_notification_channel() FROM PUBLIC;

-- Name: FUNCTION check_owner_of_result_check(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_owner_of_result_check() FROM PUBLIC;

-- Name: FUNCTION check_query_template(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_query_template() FROM PUBLIC;

-- Name: FUNCTION check_report_data_collection(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_report_data_collection() FROM PUBLIC;

-- Name: FUNCTION check_result_check(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_result_check() FROM PUBLIC;

-- Name: FUNCTION check_run_request(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_run_request() FROM PUBLIC;

-- Name: FUNCTION check_schedule_quotas(owner uuid, expressions text[], has_more_rows boolean, has_more_bytes boolean); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_schedule_quotas(owner uuid, expressions text[], has_more_rows boolean, has_more_bytes boolean) FROM PUBLIC;

-- Name: FUNCTION check_unique_list_positions(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_unique_list_positions() FROM PUBLIC;

-- Name: FUNCTION check_user_time_zone(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_user_time_zone() FROM PUBLIC;

-- Name: FUNCTION check_window(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_window() FROM PUBLIC;

-- Name: FUNCTION check_workflow(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_workflow() FROM PUBLIC;

-- Name: FUNCTION check_workflow_owner(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_workflow_owner() FROM PUBLIC;

-- Name: FUNCTION check_workflow_schedule(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_workflow_schedule() FROM PUBLIC;

-- Name: FUNCTION check_workflow_template(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.check_workflow_template() FROM PUBLIC;

-- Name: FUNCTION clear_revoked_consent(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.clear_revoked_consent() FROM PUBLIC;

-- Name: FUNCTION collection_week_due_at(week_end date, parameters jsonb); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.collection_week_due_at(week_end date, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.collection_week_due_at(week_end date, parameters jsonb) TO recomamp_analyst;
GRANT ALL ON FUNCTION public.collection_week_due_at(week_end date, parameters jsonb) TO recomamp_console;

-- Name: FUNCTION count_children(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.count_children() FROM PUBLIC;

-- Name: FUNCTION count_schedule_runs(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.count_schedule_runs() FROM PUBLIC;

-- Name: FUNCTION counter(counter_name text, OUT parent_table text, OUT parent_counter text, OUT child_table text, OUT parent_column text, OUT condition text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.counter(counter_name text, OUT parent_table text, OUT parent_counter text, OUT child_table text, OUT parent_column text, OUT condition text) FROM PUBLIC;

-- Name: FUNCTION create_collection_weeks(target_id uuid, first_date date, last_date date); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.create_collection_weeks(target_id uuid, first_date date, last_date date) FROM PUBLIC;

-- Name: FUNCTION create_weeks_of_new_collection(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.create_weeks_of_new_collection() FROM PUBLIC;

-- Name: FUNCTION cron_date_matches(ticks public.cron_ticks, local_date date); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_date_matches(ticks public.cron_ticks, local_date date) FROM PUBLIC;

-- Name: FUNCTION cron_field(field text, field_name text, lowest integer, highest integer, names text[]); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_field(field text, field_name text, lowest integer, highest integer, names text[]) FROM PUBLIC;

-- Name: FUNCTION cron_first_date(ticks public.cron_ticks, earliest date); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_first_date(ticks public.cron_ticks, earliest date) FROM PUBLIC;

-- Name: FUNCTION cron_last(expression text, time_zone text, until timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_last(expression text, time_zone text, until timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION cron_matches(expression text, time_zone text, instant timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_matches(expression text, time_zone text, instant timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION cron_next(expression text, time_zone text, after timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_next(expression text, time_zone text, after timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION cron_next_day(ticks public.cron_ticks, time_zone text, after timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_next_day(ticks public.cron_ticks, time_zone text, after timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION cron_next_minute(ticks public.cron_ticks, time_zone text, after timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_next_minute(ticks public.cron_ticks, time_zone text, after timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION cron_parse(expression text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_parse(expression text) FROM PUBLIC;

-- Name: FUNCTION cron_shortest_interval(expression text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_shortest_interval(expression text) FROM PUBLIC;

-- Name: FUNCTION cron_value(word text, lowest integer, names text[]); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.cron_value(word text, lowest integer, names text[]) FROM PUBLIC;

-- Name: FUNCTION current_user_id(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.current_user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION public.current_user_id() TO recomamp_analyst;
GRANT ALL ON FUNCTION public.current_user_id() TO recomamp_console;
GRANT ALL ON FUNCTION public.current_user_id() TO recomamp_pipeline;

-- Name: FUNCTION days_before(instant timestamp with time zone, days integer, time_zone text, once_a_day boolean); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.days_before(instant timestamp with time zone, days integer, time_zone text, once_a_day boolean) FROM PUBLIC;

-- Name: FUNCTION delete_own_row(table_name text, row_id uuid); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.delete_own_row(table_name text, row_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.delete_own_row(table_name text, row_id uuid) TO recomamp_analyst;

-- Name: FUNCTION enforce_counter(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.enforce_counter() FROM PUBLIC;

-- Name: FUNCTION is_quiet_time(quiet_from time without time zone, quiet_until time without time zone, time_zone text, instant timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.is_quiet_time(quiet_from time without time zone, quiet_until time without time zone, time_zone text, instant timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_quiet_time(quiet_from time without time zone, quiet_until time without time zone, time_zone text, instant timestamp with time zone) TO recomamp_pipeline;

-- Name: FUNCTION is_restatement_stopped(ages integer[], threshold numeric, window_end timestamp with time zone, previous_created_at timestamp with time zone, created_at timestamp with time zone, change_ratio numeric); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.is_restatement_stopped(ages integer[], threshold numeric, window_end timestamp with time zone, previous_created_at timestamp with time zone, created_at timestamp with time zone, change_ratio numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_restatement_stopped(ages integer[], threshold numeric, window_end timestamp with time zone, previous_created_at timestamp with time zone, created_at timestamp with time zone, change_ratio numeric) TO recomamp_analyst;
GRANT ALL ON FUNCTION public.is_restatement_stopped(ages integer[], threshold numeric, window_end timestamp with time zone, previous_created_at timestamp with time zone, created_at timestamp with time zone, change_ratio numeric) TO recomamp_pipeline;

-- Name: FUNCTION is_time_zone(zone text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.is_time_zone(zone text) FROM PUBLIC;

-- Name: FUNCTION is_window_loaded(loaded_schedule_id uuid, tick timestamp with time zone, tick_window_end timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.is_window_loaded(loaded_schedule_id uuid, tick timestamp with time zone, tick_window_end timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION keep_deleted_id(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.keep_deleted_id() FROM PUBLIC;

-- Name: TABLE user_quotas; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.user_quotas TO recomamp_analyst;

-- Name: COLUMN user_quotas.user_id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(user_id) ON TABLE public.user_quotas TO recomamp_pipeline;

-- Name: COLUMN user_quotas.max_open_restatements; Type: ACL; Schema: public; Owner: -

GRANT SELECT(max_open_restatements) ON TABLE public.user_quotas TO recomamp_pipeline;

-- Name: FUNCTION lock_user_quotas(owner uuid); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.lock_user_quotas(owner uuid) FROM PUBLIC;

-- Name: FUNCTION notify_check_outcome(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.notify_check_outcome() FROM PUBLIC;

-- Name: FUNCTION notify_collection(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.notify_collection() FROM PUBLIC;

-- Name: FUNCTION notify_column_changes(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.notify_column_changes() FROM PUBLIC;

-- Name: FUNCTION notify_consent(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.notify_consent() FROM PUBLIC;

-- Name: FUNCTION notify_results_loaded(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.notify_results_loaded() FROM PUBLIC;

-- Name: FUNCTION notify_schedule_run(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.notify_schedule_run() FROM PUBLIC;

-- Name: FUNCTION progress_of_collections(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.progress_of_collections() FROM PUBLIC;
GRANT ALL ON FUNCTION public.progress_of_collections() TO recomamp_analyst;

-- Name: FUNCTION publish_definition_change(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.publish_definition_change() FROM PUBLIC;

-- Name: FUNCTION publish_refused_workflow(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.publish_refused_workflow() FROM PUBLIC;

-- Name: FUNCTION query_parameter_names(query text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.query_parameter_names(query text) FROM PUBLIC;

-- Name: FUNCTION queue_notification(recipient_id uuid, event_kind text, event_name text, event_at timestamp with time zone, event_details jsonb); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.queue_notification(recipient_id uuid, event_kind text, event_name text, event_at timestamp with time zone, event_details jsonb) FROM PUBLIC;

-- Name: FUNCTION raise_invalid_row(table_name text, column_name text, problem text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.raise_invalid_row(table_name text, column_name text, problem text) FROM PUBLIC;

-- Name: FUNCTION raise_quota_exceeded(table_name text, column_name text, quota text, most integer); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.raise_quota_exceeded(table_name text, column_name text, quota text, most integer) FROM PUBLIC;

-- Name: FUNCTION recalculate_guide_progress(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.recalculate_guide_progress() FROM PUBLIC;

-- Name: FUNCTION record_late_weeks(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.record_late_weeks() FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_late_weeks() TO recomamp_pipeline;

-- Name: FUNCTION record_late_windows(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.record_late_windows() FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_late_windows() TO recomamp_pipeline;

-- Name: FUNCTION refresh_collection_progress(refreshed_id uuid); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.refresh_collection_progress(refreshed_id uuid) FROM PUBLIC;

-- Name: FUNCTION refresh_guide_progress(guides uuid[]); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.refresh_guide_progress(guides uuid[]) FROM PUBLIC;

-- Name: FUNCTION refresh_resumed_collection(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.refresh_resumed_collection() FROM PUBLIC;

-- Name: FUNCTION refuse_deleting_open_execution(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.refuse_deleting_open_execution() FROM PUBLIC;

-- Name: FUNCTION refuse_deleting_used_template(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.refuse_deleting_used_template() FROM PUBLIC;

-- Name: FUNCTION refuse_long_text(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.refuse_long_text() FROM PUBLIC;

-- Name: FUNCTION refuse_used_template(template uuid, author uuid); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.refuse_used_template(template uuid, author uuid) FROM PUBLIC;

-- Name: FUNCTION require_duration(table_name text, column_name text, duration interval, shortest interval, longest interval); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.require_duration(table_name text, column_name text, duration interval, shortest interval, longest interval) FROM PUBLIC;

-- Name: FUNCTION require_object(table_name text, column_name text, document jsonb); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.require_object(table_name text, column_name text, document jsonb) FROM PUBLIC;

-- Name: FUNCTION require_own_instance(table_name text, instance uuid, owner uuid); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.require_own_instance(table_name text, instance uuid, owner uuid) FROM PUBLIC;

-- Name: FUNCTION require_own_workflow(table_name text, workflow uuid, owner uuid); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.require_own_workflow(table_name text, workflow uuid, owner uuid) FROM PUBLIC;

-- Name: FUNCTION require_time_zone(table_name text, column_name text, zone text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.require_time_zone(table_name text, column_name text, zone text) FROM PUBLIC;

-- Name: FUNCTION require_window_days(table_name text, window_options jsonb); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.require_window_days(table_name text, window_options jsonb) FROM PUBLIC;

-- Name: FUNCTION reset_counter(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.reset_counter() FROM PUBLIC;

-- Name: FUNCTION reset_validation(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.reset_validation() FROM PUBLIC;

-- Name: FUNCTION restatement_plan(parameters jsonb, default_lag_days integer); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.restatement_plan(parameters jsonb, default_lag_days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.restatement_plan(parameters jsonb, default_lag_days integer) TO recomamp_analyst;
GRANT ALL ON FUNCTION public.restatement_plan(parameters jsonb, default_lag_days integer) TO recomamp_pipeline;

-- Name: FUNCTION restatement_problem(window_options jsonb, default_lag_days integer); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.restatement_problem(window_options jsonb, default_lag_days integer) FROM PUBLIC;

-- Name: FUNCTION result_rows(execution_id uuid, row_limit integer, row_offset integer); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.result_rows(execution_id uuid, row_limit integer, row_offset integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.result_rows(execution_id uuid, row_limit integer, row_offset integer) TO recomamp_analyst;
GRANT ALL ON FUNCTION public.result_rows(execution_id uuid, row_limit integer, row_offset integer) TO recomamp_console;

-- Name: FUNCTION results_as_of(loaded_until timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.results_as_of(loaded_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.results_as_of(loaded_until timestamp with time zone) TO recomamp_analyst;
GRANT ALL ON FUNCTION public.results_as_of(loaded_until timestamp with time zone) TO recomamp_pipeline;

-- Name: FUNCTION schedule_preview(schedule_id uuid, ticks integer); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.schedule_preview(schedule_id uuid, ticks integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.schedule_preview(schedule_id uuid, ticks integer) TO recomamp_analyst;

-- Name: FUNCTION schedule_preview_for(cron_expression text, time_zone text, parameters jsonb, ticks integer, after timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.schedule_preview_for(cron_expression text, time_zone text, parameters jsonb, ticks integer, after timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.schedule_preview_for(cron_expression text, time_zone text, parameters jsonb, ticks integer, after timestamp with time zone) TO recomamp_analyst;
GRANT ALL ON FUNCTION public.schedule_preview_for(cron_expression text, time_zone text, parameters jsonb, ticks integer, after timestamp with time zone) TO recomamp_console;

-- Name: FUNCTION schedule_window_end(cron_expression text, time_zone text, parameters jsonb, tick timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.schedule_window_end(cron_expression text, time_zone text, parameters jsonb, tick timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION set_late_tick_at(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.set_late_tick_at() FROM PUBLIC;

-- Name: FUNCTION set_late_week_at(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.set_late_week_at() FROM PUBLIC;

-- Name: FUNCTION set_next_run_at(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.set_next_run_at() FROM PUBLIC;

-- Name: FUNCTION set_template_last_used_at(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.set_template_last_used_at() FROM PUBLIC;

-- Name: FUNCTION set_workflow_definition_md5(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.set_workflow_definition_md5() FROM PUBLIC;

-- Name: FUNCTION slow_queries(longer_than_ms double precision); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.slow_queries(longer_than_ms double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION public.slow_queries(longer_than_ms double precision) TO recomamp_pipeline;

-- Name: FUNCTION split_into_weeks(first_date date, last_date date); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.split_into_weeks(first_date date, last_date date) FROM PUBLIC;

-- Name: FUNCTION strip_comments(query text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.strip_comments(query text) FROM PUBLIC;

-- Name: FUNCTION sync_collection_weeks(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.sync_collection_weeks() FROM PUBLIC;

-- Name: FUNCTION touch_updated_at(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.touch_updated_at() FROM PUBLIC;

-- Name: FUNCTION unused_indexes(larger_than_bytes bigint); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.unused_indexes(larger_than_bytes bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.unused_indexes(larger_than_bytes bigint) TO recomamp_pipeline;

-- Name: FUNCTION update_workflow_execution_count(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.update_workflow_execution_count() FROM PUBLIC;

-- Name: FUNCTION versions_of_results(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.versions_of_results() FROM PUBLIC;
GRANT ALL ON FUNCTION public.versions_of_results() TO recomamp_analyst;

-- Name: FUNCTION wall_time_instant(wall_time timestamp without time zone, time_zone text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.wall_time_instant(wall_time timestamp without time zone, time_zone text) FROM PUBLIC;

-- Name: TABLE report_data_weeks; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.report_data_weeks TO recomamp_analyst;
GRANT SELECT ON TABLE public.report_data_weeks TO recomamp_pipeline;
GRANT SELECT ON TABLE public.report_data_weeks TO recomamp_console;

-- Name: COLUMN report_data_weeks.execution_id; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(execution_id) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.status; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(status) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.error_message; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(error_message) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.retry_count; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(retry_count) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.execution_duration; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(execution_duration) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.result_rows; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(result_rows) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.result_size_bytes; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(result_size_bytes) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.updated_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(updated_at) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.started_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(started_at) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: COLUMN report_data_weeks.completed_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(completed_at) ON TABLE public.report_data_weeks TO recomamp_pipeline;

-- Name: FUNCTION weeks_without_results(of_collection_id uuid); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.weeks_without_results(of_collection_id uuid) FROM PUBLIC;

-- Name: FUNCTION withdraw_collection_notifications(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.withdraw_collection_notifications() FROM PUBLIC;

-- Name: FUNCTION withdraw_late_window(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.withdraw_late_window() FROM PUBLIC;

-- Name: FUNCTION withdraw_loaded_windows(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.withdraw_loaded_windows() FROM PUBLIC;
GRANT ALL ON FUNCTION public.withdraw_loaded_windows() TO recomamp_pipeline;

-- Name: FUNCTION withdraw_notifications(recipient_id uuid, key_prefix text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.withdraw_notifications(recipient_id uuid, key_prefix text) FROM PUBLIC;

-- Name: TABLE amc_accounts; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.amc_accounts TO recomamp_analyst;
GRANT SELECT ON TABLE public.amc_accounts TO recomamp_pipeline;
GRANT SELECT ON TABLE public.amc_accounts TO recomamp_console;

-- Name: COLUMN amc_accounts.updated_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(updated_at) ON TABLE public.amc_accounts TO recomamp_pipeline;

-- Name: TABLE amc_api_errors; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.amc_api_errors TO recomamp_analyst;
GRANT INSERT,DELETE ON TABLE public.amc_api_errors TO recomamp_pipeline;
GRANT SELECT ON TABLE public.amc_api_errors TO recomamp_console;

-- Name: COLUMN amc_api_errors.id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(id) ON TABLE public.amc_api_errors TO recomamp_pipeline;

-- Name: COLUMN amc_api_errors.at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(at),UPDATE(at) ON TABLE public.amc_api_errors TO recomamp_pipeline;

-- Name: TABLE amc_data_sources; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.amc_data_sources TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.amc_data_sources TO recomamp_pipeline;

-- Name: TABLE amc_instance_data_sources; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.amc_instance_data_sources TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.amc_instance_data_sources TO recomamp_pipeline;

-- Name: TABLE amc_instances; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.amc_instances TO recomamp_analyst;
GRANT SELECT ON TABLE public.amc_instances TO recomamp_pipeline;
GRANT SELECT ON TABLE public.amc_instances TO recomamp_console;

-- Name: COLUMN amc_instances.name; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(name) ON TABLE public.amc_instances TO recomamp_analyst;

-- Name: COLUMN amc_instances.description; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(description) ON TABLE public.amc_instances TO recomamp_analyst;

-- Name: COLUMN amc_instances.is_active; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(is_active) ON TABLE public.amc_instances TO recomamp_analyst;

-- Name: COLUMN amc_instances.health_status; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(health_status) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.health_error; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(health_error) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.last_health_check; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(last_health_check) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.campaigns_last_sync; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(campaigns_last_sync) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.schema_last_sync; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(schema_last_sync) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.updated_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(updated_at) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.external_executions; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(external_executions) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.external_counted_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(external_counted_at) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.reconcile_attempted_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(reconcile_attempted_at) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.instance_type; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(instance_type) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.dry_runs_since; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(dry_runs_since) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: COLUMN amc_instances.dry_runs; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(dry_runs) ON TABLE public.amc_instances TO recomamp_pipeline;

-- Name: TABLE amc_schema_fields; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.amc_schema_fields TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.amc_schema_fields TO recomamp_pipeline;

-- Name: TABLE asin_list_items; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.asin_list_items TO recomamp_analyst;

-- Name: COLUMN asin_list_items.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.asin_list_items TO recomamp_analyst;

-- Name: COLUMN asin_list_items.list_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(list_id),UPDATE(list_id) ON TABLE public.asin_list_items TO recomamp_analyst;

-- Name: COLUMN asin_list_items.asin_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(asin_id),UPDATE(asin_id) ON TABLE public.asin_list_items TO recomamp_analyst;

-- Name: COLUMN asin_list_items."position"; Type: ACL; Schema: public; Owner: -

GRANT INSERT("position"),UPDATE("position") ON TABLE public.asin_list_items TO recomamp_analyst;

-- Name: COLUMN asin_list_items.notes; Type: ACL; Schema: public; Owner: -

GRANT INSERT(notes),UPDATE(notes) ON TABLE public.asin_list_items TO recomamp_analyst;

-- Name: COLUMN asin_list_items.added_by; Type: ACL; Schema: public; Owner: -

GRANT INSERT(added_by) ON TABLE public.asin_list_items TO recomamp_analyst;

-- Name: TABLE asin_lists; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.asin_lists TO recomamp_analyst;

-- Name: COLUMN asin_lists.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.asin_lists TO recomamp_analyst;

-- Name: COLUMN asin_lists.name; Type: ACL; Schema: public; Owner: -

GRANT INSERT(name),UPDATE(name) ON TABLE public.asin_lists TO recomamp_analyst;

-- Name: COLUMN asin_lists.description; Type: ACL; Schema: public; Owner: -

GRANT INSERT(description),UPDATE(description) ON TABLE public.asin_lists TO recomamp_analyst;

-- Name: COLUMN asin_lists.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.asin_lists TO recomamp_analyst;

-- Name: COLUMN asin_lists.category; Type: ACL; Schema: public; Owner: -

GRANT INSERT(category),UPDATE(category) ON TABLE public.asin_lists TO recomamp_analyst;

-- Name: COLUMN asin_lists.tags; Type: ACL; Schema: public; Owner: -

GRANT INSERT(tags),UPDATE(tags) ON TABLE public.asin_lists TO recomamp_analyst;

-- Name: COLUMN asin_lists.is_public; Type: ACL; Schema: public; Owner: -

GRANT INSERT(is_public),UPDATE(is_public) ON TABLE public.asin_lists TO recomamp_analyst;

-- Name: TABLE asins; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(id) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.asin; Type: ACL; Schema: public; Owner: -

GRANT INSERT(asin),UPDATE(asin) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(asin) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(user_id) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.title; Type: ACL; Schema: public; Owner: -

GRANT INSERT(title),UPDATE(title) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(title),UPDATE(title) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.brand; Type: ACL; Schema: public; Owner: -

GRANT INSERT(brand),UPDATE(brand) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(brand),UPDATE(brand) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.category; Type: ACL; Schema: public; Owner: -

GRANT INSERT(category),UPDATE(category) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(category),UPDATE(category) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.image_url; Type: ACL; Schema: public; Owner: -

GRANT INSERT(image_url),UPDATE(image_url) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(image_url),UPDATE(image_url) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.price; Type: ACL; Schema: public; Owner: -

GRANT INSERT(price),UPDATE(price) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(price),UPDATE(price) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.sales_rank; Type: ACL; Schema: public; Owner: -

GRANT INSERT(sales_rank),UPDATE(sales_rank) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(sales_rank),UPDATE(sales_rank) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.review_count; Type: ACL; Schema: public; Owner: -

GRANT INSERT(review_count),UPDATE(review_count) ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.average_rating; Type: ACL; Schema: public; Owner: -

GRANT INSERT(average_rating),UPDATE(average_rating) ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.tags; Type: ACL; Schema: public; Owner: -

GRANT INSERT(tags),UPDATE(tags) ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.notes; Type: ACL; Schema: public; Owner: -

GRANT INSERT(notes),UPDATE(notes) ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.is_active; Type: ACL; Schema: public; Owner: -

GRANT INSERT(is_active),UPDATE(is_active) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(is_active) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.parent_asin; Type: ACL; Schema: public; Owner: -

GRANT INSERT(parent_asin),UPDATE(parent_asin) ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.variation_theme; Type: ACL; Schema: public; Owner: -

GRANT INSERT(variation_theme),UPDATE(variation_theme) ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.dimensions; Type: ACL; Schema: public; Owner: -

GRANT INSERT(dimensions),UPDATE(dimensions) ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.weight; Type: ACL; Schema: public; Owner: -

GRANT INSERT(weight),UPDATE(weight) ON TABLE public.asins TO recomamp_analyst;

-- Name: COLUMN asins.updated_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(updated_at) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.last_validated_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(last_validated_at),UPDATE(last_validated_at) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.validation_status; Type: ACL; Schema: public; Owner: -

GRANT SELECT(validation_status),UPDATE(validation_status) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.validation_checked_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(validation_checked_at),UPDATE(validation_checked_at) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.profile_id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(profile_id),UPDATE(profile_id) ON TABLE public.asins TO recomamp_pipeline;

-- Name: COLUMN asins.price_currency; Type: ACL; Schema: public; Owner: -

GRANT INSERT(price_currency),UPDATE(price_currency) ON TABLE public.asins TO recomamp_analyst;
GRANT SELECT(price_currency),UPDATE(price_currency) ON TABLE public.asins TO recomamp_pipeline;

-- Name: TABLE build_guide_queries; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.build_guide_queries TO recomamp_analyst;

-- Name: TABLE build_guide_sections; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.build_guide_sections TO recomamp_analyst;

-- Name: TABLE build_guides; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.build_guides TO recomamp_analyst;

-- Name: TABLE campaign_performance; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.campaign_performance TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.campaign_performance TO recomamp_pipeline;

-- Name: TABLE campaign_reports; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.campaign_reports TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.campaign_reports TO recomamp_pipeline;

-- Name: TABLE campaigns; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.campaigns TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.campaigns TO recomamp_pipeline;

-- Name: TABLE channel_deliveries; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.channel_deliveries TO recomamp_pipeline;

-- Name: COLUMN channel_deliveries.id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(id) ON TABLE public.channel_deliveries TO recomamp_analyst;

-- Name: COLUMN channel_deliveries.notification_id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(notification_id) ON TABLE public.channel_deliveries TO recomamp_analyst;

-- Name: COLUMN channel_deliveries.channel_id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(channel_id) ON TABLE public.channel_deliveries TO recomamp_analyst;

-- Name: COLUMN channel_deliveries.status; Type: ACL; Schema: public; Owner: -

GRANT SELECT(status) ON TABLE public.channel_deliveries TO recomamp_analyst;
GRANT UPDATE(status) ON TABLE public.channel_deliveries TO recomamp_pipeline;

-- Name: COLUMN channel_deliveries.next_try_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(next_try_at) ON TABLE public.channel_deliveries TO recomamp_analyst;
GRANT UPDATE(next_try_at) ON TABLE public.channel_deliveries TO recomamp_pipeline;

-- Name: COLUMN channel_deliveries.attempts; Type: ACL; Schema: public; Owner: -

GRANT SELECT(attempts) ON TABLE public.channel_deliveries TO recomamp_analyst;
GRANT UPDATE(attempts) ON TABLE public.channel_deliveries TO recomamp_pipeline;

-- Name: COLUMN channel_deliveries.claim_id; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(claim_id) ON TABLE public.channel_deliveries TO recomamp_pipeline;

-- Name: COLUMN channel_deliveries.claimed_until; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(claimed_until) ON TABLE public.channel_deliveries TO recomamp_pipeline;

-- Name: COLUMN channel_deliveries.last_error; Type: ACL; Schema: public; Owner: -

GRANT SELECT(last_error) ON TABLE public.channel_deliveries TO recomamp_analyst;
GRANT UPDATE(last_error) ON TABLE public.channel_deliveries TO recomamp_pipeline;

-- Name: COLUMN channel_deliveries.created_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(created_at) ON TABLE public.channel_deliveries TO recomamp_analyst;

-- Name: TABLE collection_progress; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.collection_progress TO recomamp_analyst;

-- Name: TABLE current_results; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.current_results TO recomamp_analyst;

-- Name: TABLE execution_locks; Type: ACL; Schema: public; Owner: -

GRANT SELECT,INSERT,UPDATE ON TABLE public.execution_locks TO recomamp_pipeline;

-- Name: TABLE maintenance_findings; Type: ACL; Schema: public; Owner: -

GRANT SELECT,INSERT,DELETE ON TABLE public.maintenance_findings TO recomamp_pipeline;

-- Name: TABLE notification_channels; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.notification_channels TO recomamp_pipeline;

-- Name: COLUMN notification_channels.id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(id),INSERT(id) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.user_id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(user_id),INSERT(user_id) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.kind; Type: ACL; Schema: public; Owner: -

GRANT SELECT(kind),INSERT(kind) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.url; Type: ACL; Schema: public; Owner: -

GRANT INSERT(url),UPDATE(url) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.secret; Type: ACL; Schema: public; Owner: -

GRANT INSERT(secret),UPDATE(secret) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.url_host; Type: ACL; Schema: public; Owner: -

GRANT SELECT(url_host) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.is_active; Type: ACL; Schema: public; Owner: -

GRANT SELECT(is_active),INSERT(is_active),UPDATE(is_active) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.kinds; Type: ACL; Schema: public; Owner: -

GRANT SELECT(kinds),INSERT(kinds),UPDATE(kinds) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.quiet_from; Type: ACL; Schema: public; Owner: -

GRANT SELECT(quiet_from),INSERT(quiet_from),UPDATE(quiet_from) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.quiet_until; Type: ACL; Schema: public; Owner: -

GRANT SELECT(quiet_until),INSERT(quiet_until),UPDATE(quiet_until) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: COLUMN notification_channels.created_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(created_at) ON TABLE public.notification_channels TO recomamp_analyst;

-- Name: TABLE notifications; Type: ACL; Schema: public; Owner: -

GRANT SELECT,DELETE ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(id) ON TABLE public.notifications TO recomamp_analyst;

-- Name: COLUMN notifications.user_id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(user_id) ON TABLE public.notifications TO recomamp_analyst;

-- Name: COLUMN notifications.kind; Type: ACL; Schema: public; Owner: -

GRANT SELECT(kind) ON TABLE public.notifications TO recomamp_analyst;

-- Name: COLUMN notifications.happened_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(happened_at) ON TABLE public.notifications TO recomamp_analyst;

-- Name: COLUMN notifications.details; Type: ACL; Schema: public; Owner: -

GRANT SELECT(details) ON TABLE public.notifications TO recomamp_analyst;

-- Name: COLUMN notifications.status; Type: ACL; Schema: public; Owner: -

GRANT SELECT(status) ON TABLE public.notifications TO recomamp_analyst;
GRANT UPDATE(status) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.next_try_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(next_try_at) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.attempts; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(attempts) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.claim_id; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(claim_id) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.claimed_until; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(claimed_until) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.message_id; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(message_id) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.is_digest; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(is_digest) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.sending_started_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(sending_started_at) ON TABLE public.notifications TO recomamp_analyst;
GRANT UPDATE(sending_started_at) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.last_error; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(last_error) ON TABLE public.notifications TO recomamp_pipeline;

-- Name: COLUMN notifications.created_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(created_at) ON TABLE public.notifications TO recomamp_analyst;

-- Name: TABLE public_asin_list_items; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.public_asin_list_items TO recomamp_analyst;

-- Name: TABLE public_asin_lists; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.public_asin_lists TO recomamp_analyst;

-- Name: TABLE query_templates; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.name; Type: ACL; Schema: public; Owner: -

GRANT INSERT(name),UPDATE(name) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.description; Type: ACL; Schema: public; Owner: -

GRANT INSERT(description),UPDATE(description) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.category; Type: ACL; Schema: public; Owner: -

GRANT INSERT(category),UPDATE(category) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.sql_template; Type: ACL; Schema: public; Owner: -

GRANT INSERT(sql_template),UPDATE(sql_template) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.parameters; Type: ACL; Schema: public; Owner: -

GRANT INSERT(parameters),UPDATE(parameters) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.tags; Type: ACL; Schema: public; Owner: -

GRANT INSERT(tags),UPDATE(tags) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.difficulty_level; Type: ACL; Schema: public; Owner: -

GRANT INSERT(difficulty_level),UPDATE(difficulty_level) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.estimated_runtime; Type: ACL; Schema: public; Owner: -

GRANT INSERT(estimated_runtime),UPDATE(estimated_runtime) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.author_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(author_id) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: COLUMN query_templates.is_public; Type: ACL; Schema: public; Owner: -

GRANT INSERT(is_public),UPDATE(is_public) ON TABLE public.query_templates TO recomamp_analyst;

-- Name: TABLE public_query_templates; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.public_query_templates TO recomamp_analyst;

-- Name: TABLE reconciliations; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.reconciliations TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE ON TABLE public.reconciliations TO recomamp_pipeline;

-- Name: TABLE report_data_collections; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.report_data_collections TO recomamp_analyst;
GRANT SELECT ON TABLE public.report_data_collections TO recomamp_pipeline;
GRANT SELECT ON TABLE public.report_data_collections TO recomamp_console;

-- Name: COLUMN report_data_collections.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.name; Type: ACL; Schema: public; Owner: -

GRANT INSERT(name),UPDATE(name) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.description; Type: ACL; Schema: public; Owner: -

GRANT INSERT(description),UPDATE(description) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.workflow_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(workflow_id),UPDATE(workflow_id) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.instance_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(instance_id),UPDATE(instance_id) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.start_date; Type: ACL; Schema: public; Owner: -

GRANT INSERT(start_date),UPDATE(start_date) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.end_date; Type: ACL; Schema: public; Owner: -

GRANT INSERT(end_date),UPDATE(end_date) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.parameters; Type: ACL; Schema: public; Owner: -

GRANT INSERT(parameters),UPDATE(parameters) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: COLUMN report_data_collections.status; Type: ACL; Schema: public; Owner: -

GRANT INSERT(status),UPDATE(status) ON TABLE public.report_data_collections TO recomamp_analyst;
GRANT UPDATE(status) ON TABLE public.report_data_collections TO recomamp_pipeline;

-- Name: COLUMN report_data_collections.estimated_completion; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(estimated_completion) ON TABLE public.report_data_collections TO recomamp_pipeline;

-- Name: COLUMN report_data_collections.updated_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(updated_at) ON TABLE public.report_data_collections TO recomamp_pipeline;

-- Name: COLUMN report_data_collections.started_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(started_at) ON TABLE public.report_data_collections TO recomamp_pipeline;

-- Name: COLUMN report_data_collections.completed_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(completed_at) ON TABLE public.report_data_collections TO recomamp_pipeline;

-- Name: COLUMN report_data_collections.late_after; Type: ACL; Schema: public; Owner: -

GRANT INSERT(late_after),UPDATE(late_after) ON TABLE public.report_data_collections TO recomamp_analyst;

-- Name: TABLE result_check_outcomes; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.result_check_outcomes TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.result_check_outcomes TO recomamp_pipeline;
GRANT SELECT ON TABLE public.result_check_outcomes TO recomamp_console;

-- Name: TABLE result_checks; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.result_checks TO recomamp_analyst;
GRANT SELECT ON TABLE public.result_checks TO recomamp_pipeline;
GRANT SELECT ON TABLE public.result_checks TO recomamp_console;

-- Name: COLUMN result_checks.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.workflow_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(workflow_id),UPDATE(workflow_id) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.schedule_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(schedule_id),UPDATE(schedule_id) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.name; Type: ACL; Schema: public; Owner: -

GRANT INSERT(name),UPDATE(name) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.measure; Type: ACL; Schema: public; Owner: -

GRANT INSERT(measure),UPDATE(measure) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.column_name; Type: ACL; Schema: public; Owner: -

GRANT INSERT(column_name),UPDATE(column_name) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.key_columns; Type: ACL; Schema: public; Owner: -

GRANT INSERT(key_columns),UPDATE(key_columns) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.comparison; Type: ACL; Schema: public; Owner: -

GRANT INSERT(comparison),UPDATE(comparison) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.threshold; Type: ACL; Schema: public; Owner: -

GRANT INSERT(threshold),UPDATE(threshold) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.compared_with; Type: ACL; Schema: public; Owner: -

GRANT INSERT(compared_with),UPDATE(compared_with) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.severity; Type: ACL; Schema: public; Owner: -

GRANT INSERT(severity),UPDATE(severity) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.rearm_after; Type: ACL; Schema: public; Owner: -

GRANT INSERT(rearm_after),UPDATE(rearm_after) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.is_active; Type: ACL; Schema: public; Owner: -

GRANT INSERT(is_active),UPDATE(is_active) ON TABLE public.result_checks TO recomamp_analyst;

-- Name: COLUMN result_checks.created_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(created_at) ON TABLE public.result_checks TO recomamp_pipeline;

-- Name: TABLE result_difference_columns; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.result_difference_columns TO recomamp_analyst;
GRANT INSERT ON TABLE public.result_difference_columns TO recomamp_pipeline;
GRANT SELECT ON TABLE public.result_difference_columns TO recomamp_console;

-- Name: TABLE result_difference_rows; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.result_difference_rows TO recomamp_analyst;
GRANT INSERT ON TABLE public.result_difference_rows TO recomamp_pipeline;
GRANT SELECT ON TABLE public.result_difference_rows TO recomamp_console;

-- Name: TABLE result_differences; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.result_differences TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE ON TABLE public.result_differences TO recomamp_pipeline;
GRANT SELECT ON TABLE public.result_differences TO recomamp_console;

-- Name: TABLE result_versions; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.result_versions TO recomamp_analyst;

-- Name: TABLE run_requests; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.run_requests TO recomamp_analyst;
GRANT SELECT,DELETE ON TABLE public.run_requests TO recomamp_pipeline;
GRANT SELECT ON TABLE public.run_requests TO recomamp_console;

-- Name: COLUMN run_requests.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.run_requests TO recomamp_analyst;

-- Name: COLUMN run_requests.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.run_requests TO recomamp_analyst;
GRANT INSERT(user_id) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.action; Type: ACL; Schema: public; Owner: -

GRANT INSERT(action) ON TABLE public.run_requests TO recomamp_analyst;
GRANT INSERT(action) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.schedule_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(schedule_id) ON TABLE public.run_requests TO recomamp_analyst;
GRANT INSERT(schedule_id) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.collection_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(collection_id) ON TABLE public.run_requests TO recomamp_analyst;
GRANT INSERT(collection_id) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.execution_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(execution_id) ON TABLE public.run_requests TO recomamp_analyst;

-- Name: COLUMN run_requests.dag_run_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(dag_run_id) ON TABLE public.run_requests TO recomamp_analyst;
GRANT UPDATE(dag_run_id) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.window_start; Type: ACL; Schema: public; Owner: -

GRANT INSERT(window_start) ON TABLE public.run_requests TO recomamp_analyst;
GRANT INSERT(window_start) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.window_end; Type: ACL; Schema: public; Owner: -

GRANT INSERT(window_end) ON TABLE public.run_requests TO recomamp_analyst;
GRANT INSERT(window_end) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.from_date; Type: ACL; Schema: public; Owner: -

GRANT INSERT(from_date) ON TABLE public.run_requests TO recomamp_analyst;

-- Name: COLUMN run_requests.to_date; Type: ACL; Schema: public; Owner: -

GRANT INSERT(to_date) ON TABLE public.run_requests TO recomamp_analyst;

-- Name: COLUMN run_requests.reprocess_behavior; Type: ACL; Schema: public; Owner: -

GRANT INSERT(reprocess_behavior) ON TABLE public.run_requests TO recomamp_analyst;

-- Name: COLUMN run_requests.parameters; Type: ACL; Schema: public; Owner: -

GRANT INSERT(parameters) ON TABLE public.run_requests TO recomamp_analyst;

-- Name: COLUMN run_requests.status; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(status) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.reason; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(reason) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.dag_id; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(dag_id) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.backfill_id; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(backfill_id) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.accepted_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(accepted_at) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.completed_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(completed_at) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.attempts; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(attempts) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.next_try_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(next_try_at) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.claim_id; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(claim_id) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.claimed_until; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(claimed_until) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.last_backfill_id; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(last_backfill_id) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.last_week; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(last_week) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: COLUMN run_requests.restate_age_days; Type: ACL; Schema: public; Owner: -

GRANT INSERT(restate_age_days) ON TABLE public.run_requests TO recomamp_pipeline;

-- Name: TABLE schedule_runs; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.schedule_runs TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.schedule_runs TO recomamp_pipeline;
GRANT SELECT ON TABLE public.schedule_runs TO recomamp_console;

-- Name: TABLE user_guide_favorites; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.user_guide_favorites TO recomamp_analyst;

-- Name: COLUMN user_guide_favorites.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.user_guide_favorites TO recomamp_analyst;

-- Name: COLUMN user_guide_favorites.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.user_guide_favorites TO recomamp_analyst;

-- Name: COLUMN user_guide_favorites.guide_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(guide_id) ON TABLE public.user_guide_favorites TO recomamp_analyst;

-- Name: TABLE user_guide_progress; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.guide_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(guide_id) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.current_section; Type: ACL; Schema: public; Owner: -

GRANT INSERT(current_section),UPDATE(current_section) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.completed_sections; Type: ACL; Schema: public; Owner: -

GRANT INSERT(completed_sections),UPDATE(completed_sections) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.progress_percentage; Type: ACL; Schema: public; Owner: -

GRANT INSERT(progress_percentage),UPDATE(progress_percentage) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.status; Type: ACL; Schema: public; Owner: -

GRANT INSERT(status),UPDATE(status) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.started_at; Type: ACL; Schema: public; Owner: -

GRANT INSERT(started_at),UPDATE(started_at) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.completed_at; Type: ACL; Schema: public; Owner: -

GRANT INSERT(completed_at),UPDATE(completed_at) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: COLUMN user_guide_progress.last_accessed_at; Type: ACL; Schema: public; Owner: -

GRANT INSERT(last_accessed_at),UPDATE(last_accessed_at) ON TABLE public.user_guide_progress TO recomamp_analyst;

-- Name: TABLE users; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.users TO recomamp_pipeline;

-- Name: COLUMN users.id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(id) ON TABLE public.users TO recomamp_analyst;
GRANT SELECT(id) ON TABLE public.users TO recomamp_console;

-- Name: COLUMN users.email; Type: ACL; Schema: public; Owner: -

GRANT SELECT(email) ON TABLE public.users TO recomamp_analyst;
GRANT SELECT(email) ON TABLE public.users TO recomamp_console;

-- Name: COLUMN users.full_name; Type: ACL; Schema: public; Owner: -

GRANT SELECT(full_name),UPDATE(full_name) ON TABLE public.users TO recomamp_analyst;

-- Name: COLUMN users.avatar_url; Type: ACL; Schema: public; Owner: -

GRANT SELECT(avatar_url),UPDATE(avatar_url) ON TABLE public.users TO recomamp_analyst;

-- Name: COLUMN users.amazon_user_id; Type: ACL; Schema: public; Owner: -

GRANT SELECT(amazon_user_id) ON TABLE public.users TO recomamp_analyst;

-- Name: COLUMN users.encrypted_access_token; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(encrypted_access_token) ON TABLE public.users TO recomamp_pipeline;

-- Name: COLUMN users.encrypted_refresh_token; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(encrypted_refresh_token) ON TABLE public.users TO recomamp_pipeline;

-- Name: COLUMN users.token_expires_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(token_expires_at) ON TABLE public.users TO recomamp_analyst;
GRANT UPDATE(token_expires_at) ON TABLE public.users TO recomamp_pipeline;

-- Name: COLUMN users.timezone; Type: ACL; Schema: public; Owner: -

GRANT SELECT(timezone),UPDATE(timezone) ON TABLE public.users TO recomamp_analyst;

-- Name: COLUMN users.email_notifications; Type: ACL; Schema: public; Owner: -

GRANT SELECT(email_notifications),UPDATE(email_notifications) ON TABLE public.users TO recomamp_analyst;

-- Name: COLUMN users.created_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(created_at) ON TABLE public.users TO recomamp_analyst;

-- Name: COLUMN users.updated_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(updated_at) ON TABLE public.users TO recomamp_analyst;
GRANT UPDATE(updated_at) ON TABLE public.users TO recomamp_pipeline;

-- Name: COLUMN users.last_login_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(last_login_at) ON TABLE public.users TO recomamp_analyst;

-- Name: COLUMN users.is_active; Type: ACL; Schema: public; Owner: -

GRANT SELECT(is_active) ON TABLE public.users TO recomamp_analyst;

-- Name: COLUMN users.consent_revoked_at; Type: ACL; Schema: public; Owner: -

GRANT SELECT(consent_revoked_at) ON TABLE public.users TO recomamp_analyst;
GRANT UPDATE(consent_revoked_at) ON TABLE public.users TO recomamp_pipeline;

-- Name: COLUMN users.consent_error; Type: ACL; Schema: public; Owner: -

GRANT SELECT(consent_error) ON TABLE public.users TO recomamp_analyst;
GRANT UPDATE(consent_error) ON TABLE public.users TO recomamp_pipeline;

-- Name: TABLE workflow_dry_runs; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.workflow_dry_runs TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.workflow_dry_runs TO recomamp_pipeline;
GRANT SELECT ON TABLE public.workflow_dry_runs TO recomamp_console;

-- Name: TABLE workflow_executions; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.workflow_executions TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.workflow_executions TO recomamp_pipeline;
GRANT SELECT ON TABLE public.workflow_executions TO recomamp_console;

-- Name: TABLE workflow_findings; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.workflow_findings TO recomamp_analyst;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.workflow_findings TO recomamp_pipeline;
GRANT SELECT ON TABLE public.workflow_findings TO recomamp_console;

-- Name: TABLE workflow_schedules; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.workflow_schedules TO recomamp_analyst;
GRANT SELECT ON TABLE public.workflow_schedules TO recomamp_pipeline;
GRANT SELECT ON TABLE public.workflow_schedules TO recomamp_console;

-- Name: COLUMN workflow_schedules.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.name; Type: ACL; Schema: public; Owner: -

GRANT INSERT(name),UPDATE(name) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.description; Type: ACL; Schema: public; Owner: -

GRANT INSERT(description),UPDATE(description) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.cron_expression; Type: ACL; Schema: public; Owner: -

GRANT INSERT(cron_expression),UPDATE(cron_expression) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.timezone; Type: ACL; Schema: public; Owner: -

GRANT INSERT(timezone),UPDATE(timezone) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.workflow_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(workflow_id),UPDATE(workflow_id) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.is_active; Type: ACL; Schema: public; Owner: -

GRANT INSERT(is_active),UPDATE(is_active) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.next_run_at; Type: ACL; Schema: public; Owner: -

GRANT INSERT(next_run_at) ON TABLE public.workflow_schedules TO recomamp_analyst;
GRANT UPDATE(next_run_at) ON TABLE public.workflow_schedules TO recomamp_pipeline;

-- Name: COLUMN workflow_schedules.parameters; Type: ACL; Schema: public; Owner: -

GRANT INSERT(parameters),UPDATE(parameters) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.last_run_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(last_run_at) ON TABLE public.workflow_schedules TO recomamp_pipeline;

-- Name: COLUMN workflow_schedules.last_run_status; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(last_run_status) ON TABLE public.workflow_schedules TO recomamp_pipeline;

-- Name: COLUMN workflow_schedules.updated_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(updated_at) ON TABLE public.workflow_schedules TO recomamp_pipeline;

-- Name: COLUMN workflow_schedules.paused_at; Type: ACL; Schema: public; Owner: -

GRANT INSERT(paused_at),UPDATE(paused_at) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.last_run_due_at; Type: ACL; Schema: public; Owner: -

GRANT UPDATE(last_run_due_at) ON TABLE public.workflow_schedules TO recomamp_pipeline;

-- Name: COLUMN workflow_schedules.late_after; Type: ACL; Schema: public; Owner: -

GRANT INSERT(late_after),UPDATE(late_after) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.result_contract; Type: ACL; Schema: public; Owner: -

GRANT INSERT(result_contract),UPDATE(result_contract) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.notify_on_success; Type: ACL; Schema: public; Owner: -

GRANT INSERT(notify_on_success),UPDATE(notify_on_success) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: COLUMN workflow_schedules.attach_results; Type: ACL; Schema: public; Owner: -

GRANT INSERT(attach_results),UPDATE(attach_results) ON TABLE public.workflow_schedules TO recomamp_analyst;

-- Name: TABLE workflows; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON TABLE public.workflows TO recomamp_analyst;
GRANT SELECT ON TABLE public.workflows TO recomamp_pipeline;
GRANT SELECT ON TABLE public.workflows TO recomamp_console;

-- Name: COLUMN workflows.id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(id) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.name; Type: ACL; Schema: public; Owner: -

GRANT INSERT(name),UPDATE(name) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.description; Type: ACL; Schema: public; Owner: -

GRANT INSERT(description),UPDATE(description) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.sql_query; Type: ACL; Schema: public; Owner: -

GRANT INSERT(sql_query),UPDATE(sql_query) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.user_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(user_id) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.instance_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(instance_id),UPDATE(instance_id) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.template_id; Type: ACL; Schema: public; Owner: -

GRANT INSERT(template_id),UPDATE(template_id) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.parameters; Type: ACL; Schema: public; Owner: -

GRANT INSERT(parameters),UPDATE(parameters) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.tags; Type: ACL; Schema: public; Owner: -

GRANT INSERT(tags),UPDATE(tags) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.is_public; Type: ACL; Schema: public; Owner: -

GRANT INSERT(is_public),UPDATE(is_public) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.result_contract; Type: ACL; Schema: public; Owner: -

GRANT INSERT(result_contract),UPDATE(result_contract) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.result_contract_accepted_at; Type: ACL; Schema: public; Owner: -

GRANT INSERT(result_contract_accepted_at),UPDATE(result_contract_accepted_at) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.privacy_filtering; Type: ACL; Schema: public; Owner: -

GRANT INSERT(privacy_filtering),UPDATE(privacy_filtering) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.counts_hidden_rows; Type: ACL; Schema: public; Owner: -

GRANT INSERT(counts_hidden_rows),UPDATE(counts_hidden_rows) ON TABLE public.workflows TO recomamp_analyst;

-- Name: COLUMN workflows.disable_aggregation_controls; Type: ACL; Schema: public; Owner: -

GRANT INSERT(disable_aggregation_controls),UPDATE(disable_aggregation_controls) ON TABLE public.workflows TO recomamp_analyst;

-- Name: DEFAULT PRIVILEGES FOR FUNCTIONS; Type: DEFAULT ACL; Schema: -; Owner: -

ALTER DEFAULT PRIVILEGES FOR ROLE postgres REVOKE ALL ON FUNCTIONS FROM PUBLIC;
