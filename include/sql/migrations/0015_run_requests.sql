-- What people ask the pipeline to do with their runs: start, repeat, cancel, backfill, load again.
--
-- A person inserts a row. The follower does it through Airflow's REST API and writes into the row
-- what became of it. docs/adr/0030 says why, and how each action is done once.
--
--   PENDING ─▶ ACCEPTED ─▶ DONE      Airflow has taken it
--      │          │ └────▶ REFUSED   the reason says why, and what to do
--      └──────────┴──────▶ the same status: Airflow is away, or not ready for it; tried again

-- A request names an execution of its own user.
ALTER TABLE workflow_executions
    ADD CONSTRAINT uq_workflow_executions_id_user UNIQUE (id, user_id);

CREATE TABLE run_requests (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL DEFAULT current_user_id() REFERENCES users(id) ON DELETE CASCADE,

    -- What is asked for
    action TEXT NOT NULL,
    schedule_id UUID REFERENCES workflow_schedules(id) ON DELETE SET NULL,
    collection_id UUID REFERENCES report_data_collections(id) ON DELETE SET NULL,
    execution_id UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,
    dag_run_id TEXT,
    window_start TIMESTAMPTZ,
    window_end TIMESTAMPTZ,
    from_date DATE,
    to_date DATE,
    reprocess_behavior TEXT,
    parameters JSONB,

    -- What became of it
    status TEXT NOT NULL DEFAULT 'PENDING',
    reason TEXT,
    dag_id TEXT,
    backfill_id INTEGER,

    -- How far it is. clock_timestamp(): a transaction that stays open must not look older than it is
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    accepted_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    claim_id UUID,
    claimed_until TIMESTAMPTZ,
    last_backfill_id INTEGER,
    last_week INTEGER,

    -- A later migration replaces this constraint to add an action.
    CONSTRAINT chk_run_request_action
        CHECK (action IN ('RUN', 'RETRY', 'CANCEL', 'BACKFILL', 'LOAD')),
    CONSTRAINT chk_run_request_status
        CHECK (status IN ('PENDING', 'ACCEPTED', 'DONE', 'REFUSED')),
    CONSTRAINT chk_run_request_reprocess_behavior
        CHECK (reprocess_behavior IN ('none', 'failed', 'completed')),
    CONSTRAINT chk_run_request_attempts CHECK (attempts >= 0),
    CONSTRAINT chk_run_request_window CHECK (window_start < window_end),
    CONSTRAINT chk_run_request_dates CHECK (from_date <= to_date),
    -- It becomes part of an address of Airflow's API.
    CONSTRAINT chk_run_requests_dag_run_id_form
        CHECK (dag_run_id ~ '^[A-Za-z0-9_][A-Za-z0-9_.~:+-]{0,249}$'),
    CONSTRAINT chk_run_requests_dag_id_length CHECK (char_length(dag_id) <= 250),
    CONSTRAINT chk_run_requests_reason_length CHECK (char_length(reason) <= 2000),
    CONSTRAINT chk_run_requests_from_date_date
        CHECK (from_date BETWEEN DATE '2000-01-01' AND DATE '2100-01-01'),
    CONSTRAINT chk_run_requests_to_date_date
        CHECK (to_date BETWEEN DATE '2000-01-01' AND DATE '2100-01-01'),
    CONSTRAINT chk_run_requests_parameters_depth CHECK (NOT parameters @? '$.**{21}'),
    -- Airflow keeps a copy for each run of a backfill.
    CONSTRAINT chk_run_requests_parameters_size CHECK (octet_length(parameters::TEXT) <= 16384),
    CONSTRAINT chk_run_requests_window_start_time CHECK (
        window_start AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '2100-01-02'
    ),
    CONSTRAINT chk_run_requests_window_end_time CHECK (
        window_end AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '2100-01-02'
    ),
    CONSTRAINT chk_run_requests_created_at_time CHECK (
        created_at AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    ),
    CONSTRAINT chk_run_requests_accepted_at_time CHECK (
        accepted_at AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    ),
    CONSTRAINT chk_run_requests_completed_at_time CHECK (
        completed_at AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    ),
    CONSTRAINT chk_run_requests_next_try_at_time CHECK (
        next_try_at AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    ),
    CONSTRAINT chk_run_requests_claimed_until_time CHECK (
        claimed_until AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    ),

    -- Beside the single keys, which say what a deletion does, as in 0011. A request follows its
    -- definition or execution to another user.
    CONSTRAINT fk_run_request_user_schedule
        FOREIGN KEY (schedule_id, user_id) REFERENCES workflow_schedules (id, user_id)
        ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk_run_request_user_collection
        FOREIGN KEY (collection_id, user_id) REFERENCES report_data_collections (id, user_id)
        ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk_run_request_user_execution
        FOREIGN KEY (execution_id, user_id) REFERENCES workflow_executions (id, user_id)
        ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
);

COMMENT ON TABLE run_requests IS
    'A request of a person about runs: RUN, RETRY, CANCEL, BACKFILL or LOAD. The user inserts the '
    'rows; the follower asks Airflow and ends them; they are deleted after 90 days. Table of the '
    'pipeline.';
COMMENT ON COLUMN run_requests.id IS
    'Primary key. A run that RUN creates is request__<id>. Written by: default; user.';
COMMENT ON COLUMN run_requests.user_id IS
    'User who asks. It follows the named row to another user. Written by: default; user.';
COMMENT ON COLUMN run_requests.action IS
    'RUN, RETRY, CANCEL, BACKFILL or LOAD. Written by: user.';
COMMENT ON COLUMN run_requests.schedule_id IS
    'Schedule to run, to backfill, or of the run to cancel. NULL after it is deleted. Written by: '
    'user.';
COMMENT ON COLUMN run_requests.collection_id IS
    'Collection to run, to backfill, to retry, or of the run to cancel. NULL after it is deleted. '
    'Written by: user.';
COMMENT ON COLUMN run_requests.execution_id IS
    'Execution to retry, to cancel or to load again. NULL after it is deleted. Written by: user.';
COMMENT ON COLUMN run_requests.dag_run_id IS
    'Run id of the DAG run. The user names the run to cancel, the follower writes the run of a '
    'request that is done. Written by: user; follower (end_run_request).';
COMMENT ON COLUMN run_requests.window_start IS
    'Start of the window that a RUN reads. NULL with window_end: the latest complete window. '
    'Written by: user.';
COMMENT ON COLUMN run_requests.window_end IS
    'End of the window that a RUN reads, exclusive. Written by: user.';
COMMENT ON COLUMN run_requests.from_date IS
    'First day of a BACKFILL or of the window of a RUN, in the zone of the definition. Written by: '
    'user.';
COMMENT ON COLUMN run_requests.to_date IS
    'Last day of a BACKFILL or of the window of a RUN, included. Written by: user.';
COMMENT ON COLUMN run_requests.reprocess_behavior IS
    'Which dates with a run a BACKFILL runs again: none, failed or completed. NULL means none. '
    'Written by: user.';
COMMENT ON COLUMN run_requests.parameters IS
    'Values of the query''s parameters for a RUN or a BACKFILL, as a JSON object. Written by: user.';
COMMENT ON COLUMN run_requests.status IS
    'PENDING, ACCEPTED, DONE (Airflow has taken it) or REFUSED. Written by: default; follower '
    '(accept_run_request, end_run_request).';
COMMENT ON COLUMN run_requests.reason IS
    'Why it was refused, why it waits, or what was done. Written by: follower '
    '(postpone_run_request, end_run_request).';
COMMENT ON COLUMN run_requests.dag_id IS
    'Airflow DAG that was asked. Written by: follower (end_run_request).';
COMMENT ON COLUMN run_requests.backfill_id IS
    'Airflow''s number of the backfill that a BACKFILL created. Written by: follower '
    '(end_run_request).';
COMMENT ON COLUMN run_requests.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN run_requests.accepted_at IS
    'Time when Airflow first answered. Written by: follower (accept_run_request).';
COMMENT ON COLUMN run_requests.completed_at IS
    'Time when the request became DONE or REFUSED. Written by: follower (end_run_request).';
COMMENT ON COLUMN run_requests.attempts IS
    'Number of times that a follower has taken the request. Written by: default; follower '
    '(claim_run_request).';
COMMENT ON COLUMN run_requests.next_try_at IS
    'Earliest time of the next try. Written by: default; follower (postpone_run_request).';
COMMENT ON COLUMN run_requests.claim_id IS
    'Id of the claim by the follower that has the request. Written by: follower '
    '(claim_run_request).';
COMMENT ON COLUMN run_requests.claimed_until IS
    'Time when the claim ends, or ended: the user last had a turn then. Written by: follower '
    '(claim_run_request, postpone_run_request, end_run_request).';
COMMENT ON COLUMN run_requests.last_backfill_id IS
    'Airflow''s latest backfill of the DAG before this one was asked for. A later equal one is this '
    'request''s. Written by: follower (accept_run_request).';
COMMENT ON COLUMN run_requests.last_week IS
    'Number of the last week that a RETRY of a collection has dealt with. Written by: follower '
    '(postpone_run_request).';

-- The follower looks for open requests; a turn goes to the user who had none for longest.
CREATE INDEX idx_run_requests_open
    ON run_requests (next_try_at) WHERE status IN ('PENDING', 'ACCEPTED');
CREATE INDEX idx_run_requests_user_claimed ON run_requests (user_id, claimed_until);
CREATE INDEX idx_run_requests_user_created ON run_requests (user_id, created_at); -- quotas
CREATE INDEX idx_run_requests_created_at ON run_requests (created_at); -- old ones are deleted
-- Deleting a schedule, a collection or an execution looks for these rows.
CREATE INDEX idx_run_requests_schedule_id
    ON run_requests (schedule_id) WHERE schedule_id IS NOT NULL;
CREATE INDEX idx_run_requests_collection_id
    ON run_requests (collection_id) WHERE collection_id IS NOT NULL;
CREATE INDEX idx_run_requests_execution_id
    ON run_requests (execution_id) WHERE execution_id IS NOT NULL;

-- People insert and read. They do not delete: the quota of an hour counts these rows.
ALTER TABLE run_requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY run_requests_user_read ON run_requests
    FOR SELECT
    USING (user_id = (SELECT current_user_id()));
CREATE POLICY run_requests_user_insert ON run_requests
    FOR INSERT
    WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY run_requests_pipeline_access ON run_requests
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);


-- What a request names ----------------------------------------------------------------------------

-- A request names what its action needs and nothing else, and only rows of its user. The function
-- runs with the rights of the writing user: a row that row level security hides is not there.
CREATE FUNCTION public.check_run_request()
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
        ('LOAD', 'execution_id', ARRAY['execution_id'], ARRAY[]::TEXT[])
    ) AS known (action, needs, targets, options)
    WHERE known.action = NEW.action;
    IF NOT FOUND THEN
        RETURN NEW; -- chk_run_request_action refuses it, or allows what a later migration adds
    END IF;

    SELECT name INTO wrong
    FROM unnest(given) AS name
    WHERE name <> ALL (rule.targets || rule.options)
    LIMIT 1;
    IF wrong IS NOT NULL THEN
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

CREATE TRIGGER trigger_check_run_request
    BEFORE INSERT ON run_requests
    FOR EACH ROW
    EXECUTE FUNCTION check_run_request();

-- The follower learns of a request at once. It also looks every ten seconds, because a full queue
-- of notifications drops some.
CREATE TRIGGER trigger_publish_run_requests
    AFTER INSERT ON run_requests
    FOR EACH ROW
    EXECUTE FUNCTION publish_definition_change();


-- Quotas ------------------------------------------------------------------------------------------

ALTER TABLE user_quotas
    ADD COLUMN max_open_requests INTEGER NOT NULL DEFAULT 50,
    ADD COLUMN max_requests_per_hour INTEGER NOT NULL DEFAULT 300;
COMMENT ON COLUMN user_quotas.max_open_requests IS
    'Largest number of rows in run_requests that are PENDING or ACCEPTED. Written by: default; '
    'application.';
COMMENT ON COLUMN user_quotas.max_requests_per_hour IS
    'Largest number of rows in run_requests within one hour. Written by: default; application.';

CREATE FUNCTION public.admit_new_run_requests()
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
            SELECT COUNT(*) FROM public.run_requests
            WHERE user_id = owner AND status IN ('PENDING', 'ACCEPTED')
        ) > quotas.max_open_requests THEN
            PERFORM public.raise_invalid_row('run_requests', 'user_id', format(
                'your limit is %s open requests (user_quotas.max_open_requests); wait until some'
                ' have ended, or ask the operator to raise the limit', quotas.max_open_requests
            ));
        ELSIF (
            SELECT COUNT(*) FROM public.run_requests
            WHERE user_id = owner AND created_at > clock_timestamp() - INTERVAL '1 hour'
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
CREATE TRIGGER trigger_admit_new_run_requests
    AFTER INSERT ON run_requests REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_run_requests();
