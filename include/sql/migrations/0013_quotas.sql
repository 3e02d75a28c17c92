-- How many rows a user may have, and how often a schedule may tick. Every schedule and collection
-- is a DAG, and Airflow parses the DAGs of all users together: so their number has a limit.
--
-- The first statement of a user that adds rows inserts the row of user_quotas, with the defaults of
-- its columns. The owner of the database gives a user more:
--     UPDATE user_quotas SET max_schedules = 1000 WHERE user_id = '…';
-- Existing rows stay, whatever the quota; new ones are refused.
CREATE TABLE user_quotas (
    user_id UUID PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
    max_active_schedules INTEGER NOT NULL DEFAULT 100,
    max_schedules INTEGER NOT NULL DEFAULT 300,
    min_schedule_interval_minutes INTEGER NOT NULL DEFAULT 60,
    max_open_collections INTEGER NOT NULL DEFAULT 20,
    max_open_weeks INTEGER NOT NULL DEFAULT 1500,
    max_collections INTEGER NOT NULL DEFAULT 500,
    max_definition_bytes INTEGER NOT NULL DEFAULT 4194304,
    max_workflows INTEGER NOT NULL DEFAULT 500,
    max_query_templates INTEGER NOT NULL DEFAULT 500,
    max_asin_lists INTEGER NOT NULL DEFAULT 500,
    max_asins INTEGER NOT NULL DEFAULT 50000,
    max_asin_list_items INTEGER NOT NULL DEFAULT 200000,
    checked_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    CONSTRAINT chk_user_quotas_checked_at_time CHECK (
        checked_at AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    )
);

COMMENT ON TABLE user_quotas IS
    'The limits of a user. A trigger inserts the row with the first rows of the user; the owner '
    'of the database changes it. Table of the pipeline.';
COMMENT ON COLUMN user_quotas.user_id IS
    'User that the limits hold for. Written by: lock_user_quotas(); admit_new_asin_list_items(); '
    'application.';
COMMENT ON COLUMN user_quotas.max_active_schedules IS
    'Largest number of active schedules. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_schedules IS
    'Largest number of schedules, inactive ones included. Written by: default; application.';
COMMENT ON COLUMN user_quotas.min_schedule_interval_minutes IS
    'Fewest minutes between two ticks of a schedule. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_open_collections IS
    'Largest number of collections with a week that is PENDING or RUNNING. Written by: default; '
    'application.';
COMMENT ON COLUMN user_quotas.max_open_weeks IS
    'Largest number of weeks that are PENDING or RUNNING, over all collections. Written by: '
    'default; application.';
COMMENT ON COLUMN user_quotas.max_collections IS
    'Largest number of collections, ended ones included. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_definition_bytes IS
    'Largest number of bytes of queries and parameters, counted once for each schedule and '
    'collection. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_workflows IS
    'Largest number of workflows. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_query_templates IS
    'Largest number of query templates. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_asin_lists IS
    'Largest number of lists of products. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_asins IS
    'Largest number of products. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_asin_list_items IS
    'Largest number of items, over all lists. Written by: default; application.';
COMMENT ON COLUMN user_quotas.checked_at IS
    'Time of the latest statement that added rows of the user. Written by: default; '
    'lock_user_quotas().';

ALTER TABLE user_quotas ENABLE ROW LEVEL SECURITY;

-- The quotas of a user, locked until the transaction ends: of two statements that add rows at once,
-- the second one counts the rows of the first. The function updates the row instead of locking it,
-- so that a transaction with an older snapshot fails instead of missing those rows. It does not
-- lock the row of users, which the renewal of tokens locks.
CREATE FUNCTION public.lock_user_quotas(owner UUID)
RETURNS public.user_quotas
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO public.user_quotas AS quotas (user_id) VALUES (owner)
    ON CONFLICT (user_id) DO UPDATE SET checked_at = DEFAULT
    RETURNING quotas.*;
$$;

CREATE FUNCTION public.raise_quota_exceeded(
    table_name TEXT, column_name TEXT, quota TEXT, most INTEGER
)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.raise_invalid_row(table_name, column_name, format(
        'your limit is %s (user_quotas.%s); delete what you no longer need, or ask the operator'
        ' to raise the limit', most, quota
    ));
END;
$$;


-- The triggers below fire once for each statement and lock users in the order of their ids: two
-- statements about the same users cannot deadlock. Their names sort before those of triggers that
-- lock rows which users share. Updates by other triggers, such as those of counters, add no row and
-- pass.

-- One statement reads the definitions of all users at each parse.
CREATE FUNCTION public.check_definition_bytes(owner UUID, most INTEGER)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

CREATE FUNCTION public.check_schedule_quotas(
    owner UUID, expressions TEXT[], has_more_rows BOOLEAN, has_more_bytes BOOLEAN
)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

CREATE FUNCTION public.admit_new_schedules()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

CREATE FUNCTION public.admit_changed_schedules()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

CREATE TRIGGER trigger_admit_new_schedules
    AFTER INSERT ON workflow_schedules REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_schedules();
CREATE TRIGGER trigger_admit_changed_schedules
    AFTER UPDATE ON workflow_schedules REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION admit_changed_schedules();


-- A collection is open while a week of it is PENDING or RUNNING. Its own status does not count: a
-- person writes it, and must not make room for more weeks by it.
CREATE FUNCTION public.check_collection_quotas(
    owner UUID, has_more_rows BOOLEAN, has_more_weeks BOOLEAN, has_more_bytes BOOLEAN
)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

CREATE FUNCTION public.admit_new_collections()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.check_collection_quotas(grown.user_id, true, true, true)
    FROM (SELECT DISTINCT user_id FROM added ORDER BY user_id) AS grown;
    RETURN NULL;
END;
$$;

CREATE FUNCTION public.admit_changed_collections()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

-- Row triggers fire first: the weeks exist by then.
CREATE TRIGGER trigger_admit_new_collections
    AFTER INSERT ON report_data_collections REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_collections();
CREATE TRIGGER trigger_admit_changed_collections
    AFTER UPDATE ON report_data_collections REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION admit_changed_collections();


CREATE FUNCTION public.admit_new_workflows()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
CREATE FUNCTION public.admit_changed_workflows()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
CREATE TRIGGER trigger_admit_new_workflows
    AFTER INSERT ON workflows REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_workflows();
CREATE TRIGGER trigger_admit_changed_workflows
    AFTER UPDATE ON workflows REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION admit_changed_workflows();

-- A template without an author is the application's.
CREATE FUNCTION public.admit_new_query_templates()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
CREATE TRIGGER trigger_admit_new_query_templates
    AFTER INSERT ON query_templates REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_query_templates();

CREATE FUNCTION public.admit_new_asins()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
CREATE TRIGGER trigger_admit_new_asins
    AFTER INSERT ON asins REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_asins();

CREATE FUNCTION public.admit_new_asin_lists()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
CREATE TRIGGER trigger_admit_new_asin_lists
    AFTER INSERT ON asin_lists REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_asin_lists();

-- trigger_assign_new_list_position has locked all lists of their owner: no other lock is needed,
-- and one more would come in the wrong order. The trigger's name sorts after trigger_count_….
CREATE FUNCTION public.admit_new_asin_list_items()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
CREATE TRIGGER trigger_limit_asin_list_items
    AFTER INSERT ON asin_list_items REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_asin_list_items();
