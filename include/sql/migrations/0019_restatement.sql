-- Restatement: AMC's figures change after a window has ended, as conversions become known. A schedule
-- names the ages at which the pipeline reads each of its windows again (window.restate_days). Each
-- such execution is a version of the window. The task load compares it with the version before.
-- docs/adr/0034 gives reasons.

-- The options of a window -------------------------------------------------------------------------

-- What is wrong with the options, NULL where nothing is. Ages are whole days after a window's end.
CREATE FUNCTION public.restatement_problem(window_options JSONB)
RETURNS TEXT
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ages CONSTANT JSONB := window_options -> 'restate_days';
    threshold CONSTANT JSONB := window_options -> 'restate_threshold';
    lag CONSTANT TEXT := COALESCE(window_options ->> 'lag_days', '2');
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
-- A row that was written before this migration may hold anything: it has no plan, and stops nothing.
CREATE FUNCTION public.restatement_plan(parameters JSONB)
RETURNS TABLE (ages INTEGER[], threshold NUMERIC)
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    options CONSTANT JSONB := parameters -> 'window';
BEGIN
    IF jsonb_typeof(options) = 'object'
        AND options ? 'restate_days'
        AND COALESCE(options ->> 'lag_days', '2') ~ '^[0-9]{1,3}$'
        AND public.restatement_problem(options) IS NULL
    THEN
        ages := ARRAY(
            SELECT value::INTEGER FROM jsonb_array_elements_text(options -> 'restate_days') AS value
        );
        threshold := COALESCE((options ->> 'restate_threshold')::NUMERIC, 0.001);
        RETURN NEXT;
    END IF;
END;
$$;
COMMENT ON FUNCTION restatement_plan(JSONB) IS
    'The ages in days at which windows of a schedule are read again, and the change below which that '
    'stops, by its parameters. No row where there are none. The pipeline and result_versions call it.';

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
    -- A collection has no such options; its DAG says so.
    problem := CASE table_name
        WHEN 'workflow_schedules' THEN public.restatement_problem(window_options)
    END;
    IF problem IS NOT NULL THEN
        PERFORM public.raise_invalid_row(table_name, 'parameters', problem);
    END IF;
END;
$$;

CREATE INDEX idx_workflow_schedules_restated
    ON workflow_schedules (user_id)
    WHERE is_active AND parameters #> '{window,restate_days}' IS NOT NULL;
CREATE INDEX idx_workflow_executions_schedule_windows
    ON workflow_executions (schedule_id, window_end)
    WHERE status = 'SUCCESS' AND schedule_id IS NOT NULL;


-- Requests of the pipeline ------------------------------------------------------------------------

ALTER TABLE run_requests
    ADD COLUMN restate_age_days INTEGER,
    DROP CONSTRAINT chk_run_request_action,
    ADD CONSTRAINT chk_run_request_action
        CHECK (action IN ('RUN', 'RETRY', 'CANCEL', 'BACKFILL', 'LOAD', 'RESTATE')),
    ADD CONSTRAINT chk_run_request_restate_age CHECK (
        (action = 'RESTATE') = (restate_age_days IS NOT NULL)
        AND restate_age_days BETWEEN 1 AND 90
    );
-- The pipeline asks for nothing else.
CREATE POLICY run_requests_pipeline_insert ON run_requests
    AS RESTRICTIVE FOR INSERT TO recomamp_pipeline
    WITH CHECK (action = 'RESTATE');
-- A window is read once at each age. The user comes first, for whom the plan asks.
CREATE UNIQUE INDEX uq_run_requests_restatement
    ON run_requests (user_id, schedule_id, window_start, window_end, restate_age_days)
    WHERE action = 'RESTATE';

COMMENT ON TABLE run_requests IS
    'A request about runs. People insert RUN, RETRY, CANCEL, BACKFILL and LOAD, the pipeline inserts '
    'RESTATE. The follower asks Airflow and ends them; they are deleted after 90 days. Table of the '
    'pipeline.';
COMMENT ON COLUMN run_requests.id IS
    'Primary key. A run that RUN creates is request__<id>, one of RESTATE restate__<id>. Written by: '
    'default; user.';
COMMENT ON COLUMN run_requests.user_id IS
    'User who asks, or whose schedule is restated. It follows the named row to another user. Written '
    'by: default; user; recomamp_restatement (insert_restatement_requests).';
COMMENT ON COLUMN run_requests.action IS
    'RUN, RETRY, CANCEL, BACKFILL, LOAD or RESTATE. Written by: user; recomamp_restatement '
    '(insert_restatement_requests).';
COMMENT ON COLUMN run_requests.schedule_id IS
    'Schedule to run, to restate, to backfill, or of the run to cancel. NULL after it is deleted. '
    'Written by: user; recomamp_restatement (insert_restatement_requests).';
COMMENT ON COLUMN run_requests.window_start IS
    'Start of the window that a RUN or a RESTATE reads. NULL with window_end: the latest complete '
    'window. Written by: user; recomamp_restatement (insert_restatement_requests).';
COMMENT ON COLUMN run_requests.window_end IS
    'End of the window that a RUN or a RESTATE reads, exclusive. Written by: user; '
    'recomamp_restatement (insert_restatement_requests).';
COMMENT ON COLUMN run_requests.restate_age_days IS
    'Age in days after the window''s end at which a RESTATE reads it again. NULL for other actions. '
    'Written by: recomamp_restatement (insert_restatement_requests).';

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
        ('RESTATE', 'schedule_id', ARRAY['schedule_id'], ARRAY['window_start', 'window_end'])
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
            ' window.restate_days into the schedule''s parameters';
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


-- What the pipeline asks for takes nothing from the quotas of a person. It takes no lock of theirs
-- either: a transaction that a person keeps open must not hold it up.
CREATE OR REPLACE FUNCTION public.admit_new_run_requests()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

ALTER TABLE user_quotas
    ADD COLUMN max_open_restatements INTEGER NOT NULL DEFAULT 50;
COMMENT ON COLUMN user_quotas.max_open_restatements IS
    'Largest number of rows in run_requests with the action RESTATE that are PENDING or ACCEPTED, or '
    'whose run has not ended. More wait for the next hour. Written by: default; application.';


-- What a version changed --------------------------------------------------------------------------

CREATE TABLE result_differences (
    execution_id UUID PRIMARY KEY REFERENCES workflow_executions(id) ON DELETE CASCADE,
    previous_execution_id UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,
    compared_at TIMESTAMPTZ NOT NULL,
    key_columns TEXT[] NOT NULL,
    rows_before BIGINT,
    rows_after BIGINT,
    rows_new BIGINT,
    rows_gone BIGINT,
    rows_changed BIGINT,
    change_ratio NUMERIC,
    note TEXT,

    CONSTRAINT chk_result_differences_compared_at_time CHECK (
        compared_at AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    ),
    CONSTRAINT chk_result_differences_key_columns_length CHECK (cardinality(key_columns) <= 2000),
    CONSTRAINT chk_result_differences_ratio CHECK (change_ratio BETWEEN 0 AND 2),
    CONSTRAINT chk_result_differences_note_length CHECK (char_length(note) <= 2000)
);
COMMENT ON TABLE result_differences IS
    'What a version of a window changed against the version before. The task load writes the rows; '
    'they are deleted with their execution. Table of the pipeline.';
COMMENT ON COLUMN result_differences.execution_id IS
    'Primary key. Execution that is the later version. Written by: load (insert_result_difference).';
COMMENT ON COLUMN result_differences.previous_execution_id IS
    'Execution that is the earlier version. NULL after it is deleted. Written by: load '
    '(insert_result_difference).';
COMMENT ON COLUMN result_differences.compared_at IS
    'Time of the comparison. Written by: load (insert_result_difference).';
COMMENT ON COLUMN result_differences.key_columns IS
    'Columns by which rows are found again: those that AMC calls DIMENSION. Written by: load '
    '(insert_result_difference).';
COMMENT ON COLUMN result_differences.rows_before IS
    'Number of rows of the earlier version. Written by: load (insert_result_difference).';
COMMENT ON COLUMN result_differences.rows_after IS
    'Number of rows of the later version. Written by: load (insert_result_difference).';
COMMENT ON COLUMN result_differences.rows_new IS
    'Keys that only the later version has. NULL where sums alone were compared, or nothing. Written '
    'by: load (insert_result_difference).';
COMMENT ON COLUMN result_differences.rows_gone IS
    'Keys that only the earlier version has. NULL likewise. Written by: load '
    '(insert_result_difference).';
COMMENT ON COLUMN result_differences.rows_changed IS
    'Keys in both versions with another measure. NULL likewise. Written by: load '
    '(insert_result_difference).';
COMMENT ON COLUMN result_differences.change_ratio IS
    'Largest relative change of a measure: the sum of the rows'' absolute differences, divided by the '
    'larger total. NULL where nothing was compared. Written by: load (insert_result_difference).';
COMMENT ON COLUMN result_differences.note IS
    'Why the comparison is no full one. NULL where it is. Written by: load '
    '(insert_result_difference).';

CREATE TABLE result_difference_columns (
    execution_id UUID NOT NULL REFERENCES result_differences(execution_id) ON DELETE CASCADE,
    column_name TEXT NOT NULL,
    rows_changed BIGINT,
    sum_before NUMERIC,
    sum_after NUMERIC,
    largest_change NUMERIC,
    change_ratio NUMERIC,

    PRIMARY KEY (execution_id, column_name),
    CONSTRAINT chk_result_difference_columns_name_length CHECK (char_length(column_name) <= 512),
    CONSTRAINT chk_result_difference_columns_ratio CHECK (change_ratio BETWEEN 0 AND 2)
);
COMMENT ON TABLE result_difference_columns IS
    'What a version of a window changed in one measure. The task load writes the rows. Table of the '
    'pipeline.';
COMMENT ON COLUMN result_difference_columns.execution_id IS
    'Execution that is the later version. Written by: load (insert_result_difference_columns).';
COMMENT ON COLUMN result_difference_columns.column_name IS
    'Column that AMC calls METRIC. Written by: load (insert_result_difference_columns).';
COMMENT ON COLUMN result_difference_columns.rows_changed IS
    'Keys whose value differs, new and gone ones included. NULL where sums alone were compared. '
    'Written by: load (insert_result_difference_columns).';
COMMENT ON COLUMN result_difference_columns.sum_before IS
    'Sum of the earlier version. NULL where the column holds no numbers. Written by: load '
    '(insert_result_difference_columns).';
COMMENT ON COLUMN result_difference_columns.sum_after IS
    'Sum of the later version. NULL likewise. Written by: load (insert_result_difference_columns).';
COMMENT ON COLUMN result_difference_columns.largest_change IS
    'Largest change of one key, with its sign. NULL likewise. Written by: load '
    '(insert_result_difference_columns).';
COMMENT ON COLUMN result_difference_columns.change_ratio IS
    'Sum of the rows'' absolute differences, divided by the larger total. NULL likewise. Written by: '
    'load (insert_result_difference_columns).';

CREATE TABLE result_difference_rows (
    execution_id UUID NOT NULL REFERENCES result_differences(execution_id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key JSONB NOT NULL,
    before JSONB,
    after JSONB,

    PRIMARY KEY (execution_id, number),
    CONSTRAINT chk_result_difference_rows_kind CHECK (kind IN ('NEW', 'GONE', 'CHANGED')),
    -- The task load stops at 1 MiB for all rows of an execution.
    CONSTRAINT chk_result_difference_rows_number CHECK (number BETWEEN 1 AND 1000),
    CONSTRAINT chk_result_difference_rows_size CHECK (
        octet_length(key::TEXT) + COALESCE(octet_length(before::TEXT), 0)
            + COALESCE(octet_length(after::TEXT), 0) <= 2097152
    )
);
COMMENT ON TABLE result_difference_rows IS
    'The keys that a version of a window changed most, up to 1,000. The task load writes the rows. '
    'Table of the pipeline.';
COMMENT ON COLUMN result_difference_rows.execution_id IS
    'Execution that is the later version. Written by: load (insert_result_difference_rows).';
COMMENT ON COLUMN result_difference_rows.number IS
    'Place by the size of the change, from 1 on. Written by: load (insert_result_difference_rows).';
COMMENT ON COLUMN result_difference_rows.kind IS
    'NEW, GONE or CHANGED. Written by: load (insert_result_difference_rows).';
COMMENT ON COLUMN result_difference_rows.key IS
    'Values of the key columns, long texts shortened. Written by: load '
    '(insert_result_difference_rows).';
COMMENT ON COLUMN result_difference_rows.before IS
    'Measures of the earlier version that differ, all of a key that is gone. NULL for a new key. '
    'Written by: load (insert_result_difference_rows).';
COMMENT ON COLUMN result_difference_rows.after IS
    'Measures of the later version that differ, all of a new key. NULL for one that is gone. Written '
    'by: load (insert_result_difference_rows).';

-- Deleting an execution looks for these rows.
CREATE INDEX idx_result_differences_previous
    ON result_differences (previous_execution_id) WHERE previous_execution_id IS NOT NULL;

ALTER TABLE result_differences ENABLE ROW LEVEL SECURITY;
ALTER TABLE result_difference_columns ENABLE ROW LEVEL SECURITY;
ALTER TABLE result_difference_rows ENABLE ROW LEVEL SECURITY;

DO $$
DECLARE
    named TEXT;
BEGIN
    FOREACH named IN ARRAY ARRAY[
        'result_differences', 'result_difference_columns', 'result_difference_rows'
    ] LOOP
        EXECUTE format(
            'CREATE POLICY %1$I ON public.%2$I FOR SELECT USING (EXISTS ('
            '    SELECT FROM public.workflow_executions AS parent'
            '    WHERE parent.id = %2$I.execution_id'
            '        AND parent.user_id = (SELECT public.current_user_id())'
            '))', named || '_user_read', named
        );
        EXECUTE format(
            'CREATE POLICY %1$I ON public.%2$I FOR ALL TO recomamp_pipeline'
            ' USING (true) WITH CHECK (true)', named || '_pipeline_access', named
        );
    END LOOP;
END;
$$;


-- The versions of a window ------------------------------------------------------------------------

-- Whether nothing more is expected of a window by its latest version: that version differs by less
-- than the threshold from the one before, and one of the planned ages lies between the two. Two
-- versions of the same hour say nothing. Ages count days of 24 hours, whatever the session's zone.
CREATE FUNCTION public.is_restatement_stopped(
    ages INTEGER[],
    threshold NUMERIC,
    window_end TIMESTAMPTZ,
    previous_created_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ,
    change_ratio NUMERIC
)
RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT COALESCE(change_ratio < threshold, false) AND EXISTS (
        SELECT FROM unnest(ages) AS age
        WHERE previous_created_at < window_end + age * INTERVAL '24 hours'
            AND created_at >= window_end + age * INTERVAL '24 hours'
    );
$$;
COMMENT ON FUNCTION is_restatement_stopped(
    INTEGER[], NUMERIC, TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ, NUMERIC
) IS
    'Whether a version changed so little that its window is not read again. The pipeline and the '
    'view result_versions call it.';

-- With the rights of its caller, as the functions of 0016.
CREATE FUNCTION public.versions_of_results()
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
    LEFT JOIN LATERAL public.restatement_plan(schedule.parameters) AS plan ON true;
$$;
COMMENT ON FUNCTION versions_of_results() IS
    'What the view result_versions shows, with the rights of the caller. The view calls it for '
    'analysts.';

CREATE VIEW result_versions AS SELECT * FROM public.versions_of_results();
COMMENT ON VIEW result_versions IS
    'Each success of each window, numbered from 1, with its age in days and what it changed. '
    'is_refused: a contract or a condition refuses it. is_latest: the latest that none refuses. '
    'is_final: the pipeline reads the window no more; NULL without restate_days. Users read their own '
    'rows.';
