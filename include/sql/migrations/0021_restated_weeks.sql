-- Collections restate their weeks, as schedules do with their windows. docs/adr/0035 gives reasons.

-- The lag that holds where none is named differs: 2 days of a schedule, 14 of a collection.
DROP FUNCTION public.restatement_plan(JSONB);
DROP FUNCTION public.restatement_problem(JSONB);

-- What is wrong with the options, NULL where nothing is. Ages are whole days after a window's end.
CREATE FUNCTION public.restatement_problem(window_options JSONB, default_lag_days INTEGER)
RETURNS TEXT
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- It reads no table. SECURITY DEFINER: the function that it calls is the owner's alone.
-- A row that was written before 0019 may hold anything: it has no plan, and stops nothing.
CREATE FUNCTION public.restatement_plan(parameters JSONB, default_lag_days INTEGER DEFAULT 2)
RETURNS TABLE (ages INTEGER[], threshold NUMERIC)
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;
COMMENT ON FUNCTION restatement_plan(JSONB, INTEGER) IS
    'The ages in days at which windows of a definition are read again, and the change below which that '
    'stops. default_lag_days is the lag of its kind. No row where there are no ages. The pipeline and '
    'result_versions call it.';

CREATE OR REPLACE FUNCTION public.require_window_days(table_name TEXT, window_options JSONB)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

CREATE INDEX idx_report_data_collections_restated
    ON report_data_collections (user_id)
    WHERE status <> 'PAUSED' AND parameters #> '{window,restate_days}' IS NOT NULL;
CREATE INDEX idx_workflow_executions_collection_windows
    ON workflow_executions (collection_id, window_end)
    WHERE status = 'SUCCESS' AND collection_id IS NOT NULL;

-- uq_run_requests_restatement says the same of schedules.
CREATE UNIQUE INDEX uq_run_requests_collection_restatement
    ON run_requests (user_id, collection_id, window_start, window_end, restate_age_days)
    WHERE action = 'RESTATE' AND collection_id IS NOT NULL;

COMMENT ON COLUMN run_requests.user_id IS
    'User who asks, or whose schedule or collection is restated. It follows the named row to another '
    'user. Written by: default; user; recomamp_restatement (insert_restatement_requests).';
COMMENT ON COLUMN run_requests.collection_id IS
    'Collection to run, to restate, to backfill, to retry, or of the run to cancel. NULL after it is '
    'deleted. Written by: user; recomamp_restatement (insert_restatement_requests).';

CREATE OR REPLACE FUNCTION public.check_run_request()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
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

-- The plan of a collection is that of its row.
CREATE OR REPLACE FUNCTION public.versions_of_results()
RETURNS TABLE (
    workflow_id UUID,
    schedule_id UUID,
    collection_id UUID,
    window_start TIMESTAMPTZ,
    window_end TIMESTAMPTZ,
    window_time_zone TEXT,
    window_type TEXT,
    version BIGINT,
    is_latest BOOLEAN,
    is_refused BOOLEAN,
    execution_id UUID,
    loaded_at TIMESTAMPTZ,
    age_days NUMERIC,
    result_rows INTEGER,
    files_deleted_at TIMESTAMPTZ,
    change_ratio NUMERIC,
    rows_new BIGINT,
    rows_gone BIGINT,
    rows_changed BIGINT,
    note TEXT,
    is_final BOOLEAN
)
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
