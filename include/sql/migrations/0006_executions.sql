-- Executions: each row is one query that was, is or will be in AMC.

CREATE TABLE IF NOT EXISTS workflow_executions (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    amc_execution_id TEXT, -- AMC's execution identifier

    -- Foreign Keys
    workflow_id UUID NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- Execution Status
    status TEXT NOT NULL DEFAULT 'PENDING', -- PENDING, RUNNING, SUCCESS, FAILED, CANCELLED, TIMEOUT
    parameters JSONB DEFAULT '{}',

    -- Results and Metrics
    result_data JSONB,
    result_rows INTEGER,
    result_size_bytes BIGINT,
    execution_duration INTEGER, -- seconds

    -- Error Handling
    error_message TEXT,
    error_type TEXT,
    retry_count INTEGER DEFAULT 0,
    next_retry_at TIMESTAMPTZ,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ
);
ALTER TABLE workflow_executions
    -- The Airflow run that the execution belongs to. NULL in executions of the application.
    ADD COLUMN dag_id TEXT,
    ADD COLUMN dag_run_id TEXT,
    ADD COLUMN clear_number INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1,
    ADD COLUMN due_at TIMESTAMPTZ,
    ADD COLUMN schedule_id UUID REFERENCES workflow_schedules(id) ON DELETE SET NULL,
    ADD COLUMN collection_id UUID REFERENCES report_data_collections(id) ON DELETE SET NULL,
    ADD COLUMN instance_id UUID REFERENCES amc_instances(id) ON DELETE CASCADE,

    -- The window that the query reads.
    ADD COLUMN window_type TEXT NOT NULL DEFAULT 'EXPLICIT',
    ADD COLUMN window_start TIMESTAMPTZ,
    ADD COLUMN window_end TIMESTAMPTZ,
    ADD COLUMN window_time_zone TEXT,

    -- What is sent to AMC. It is fixed when the row is inserted: the workflow may be edited while
    -- the execution waits or is sent again.
    ADD COLUMN submitted_sql TEXT,
    ADD COLUMN input_parameters JSONB NOT NULL DEFAULT '[]',

    -- A slot is the right to have one execution in flight at AMC. It is held until the execution
    -- ends, and slots are counted from these rows: nothing has to be given back.
    ADD COLUMN slot_granted_at TIMESTAMPTZ,
    ADD COLUMN submission_started_at TIMESTAMPTZ,
    ADD COLUMN submitted_at TIMESTAMPTZ,
    ADD COLUMN deadline_at TIMESTAMPTZ,
    ADD COLUMN orphaned_at TIMESTAMPTZ,

    -- What AMC says.
    ADD COLUMN amc_workflow_id TEXT,
    ADD COLUMN amc_instance_id TEXT,
    ADD COLUMN amc_status TEXT,
    ADD COLUMN amazon_request_id TEXT,

    -- What happened to the results afterwards.
    ADD COLUMN results_loaded_at TIMESTAMPTZ,
    ADD COLUMN result_data_trimmed_at TIMESTAMPTZ,
    ADD COLUMN result_files_deleted_at TIMESTAMPTZ,
    ADD COLUMN superseded_by UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,

    DROP CONSTRAINT IF EXISTS chk_execution_status,
    ADD CONSTRAINT chk_execution_status
        CHECK (status IN ('PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')),
    ADD CONSTRAINT chk_execution_attempt CHECK (attempt > 0),
    ADD CONSTRAINT chk_execution_window CHECK (window_start < window_end),
    ADD CONSTRAINT chk_execution_window_type CHECK (window_type IN (
        'EXPLICIT', 'MOST_RECENT_DAY', 'MOST_RECENT_WEEK', 'CURRENT_MONTH', 'PREVIOUS_MONTH',
        'ALL'
    )),
    ADD CONSTRAINT chk_workflow_executions_due_at_time CHECK (
        (due_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    );

COMMENT ON TABLE workflow_executions IS
    'An execution of a query in AMC. The pipeline inserts the rows; older ones are the '
    'application''s.';
COMMENT ON COLUMN workflow_executions.id IS
    'Primary key. It is part of the query''s name at AMC. Written by: default; submit, wait '
    '(insert_execution).';
COMMENT ON COLUMN workflow_executions.amc_execution_id IS
    'AMC''s id of the execution. NULL until AMC has accepted it. Written by: submit, wait, '
    'recomamp_reconcile (mark_submitted).';
COMMENT ON COLUMN workflow_executions.workflow_id IS
    'Workflow that runs. Written by: submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.user_id IS
    'User that the execution belongs to. It follows a workflow that changes hands. Written by: '
    'submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.status IS
    'PENDING, RUNNING, SUCCESS, FAILED, CANCELLED or TIMEOUT. Every change is compare-and-set. '
    'Written by: default; submit, wait (insert_execution); submit, wait, recomamp_reconcile '
    '(mark_submitted); load (mark_succeeded); submit, wait, record, recomamp_reconcile '
    '(end_execution).';
COMMENT ON COLUMN workflow_executions.parameters IS
    'Values of the parameters as sent to AMC. Written by: default; submit, wait '
    '(insert_execution).';
COMMENT ON COLUMN workflow_executions.result_data IS
    'JSON document: the schema, the first rows (at most 10,000 and 4 MiB) and the list of files. '
    'The maintenance shortens old ones where a setting says so. Written by: load '
    '(mark_succeeded); recomamp_maintenance: trim_documents (trim_document); '
    'recomamp_maintenance: delete_files (set_result_files_deleted).';
COMMENT ON COLUMN workflow_executions.result_rows IS
    'Number of rows of the whole result. Written by: load (mark_succeeded).';
COMMENT ON COLUMN workflow_executions.result_size_bytes IS
    'Size of the whole result in bytes. Written by: load (mark_succeeded).';
COMMENT ON COLUMN workflow_executions.execution_duration IS
    'Duration in seconds: AMC''s own figure, else from started_at to completed_at. Written by: '
    'load (mark_succeeded); submit, wait, record, recomamp_reconcile (end_execution).';
COMMENT ON COLUMN workflow_executions.error_message IS
    'Error of a failed execution. While it is open: error of the last try. Written by: submit, '
    'wait, load (set_try_error, increment_retry_count); submit, wait, recomamp_reconcile '
    '(mark_submitted); load (mark_succeeded, set_load_error); submit, wait, record, '
    'recomamp_reconcile (end_execution).';
COMMENT ON COLUMN workflow_executions.error_type IS
    'Type of the error, such as REJECTED or REQUEST_REJECTED. While it is open: set where a step failed for good. A '
    'success clears it. Written by: submit, wait, load (set_try_error, increment_retry_count); '
    'load (mark_succeeded, set_load_error); submit, wait, record, recomamp_reconcile '
    '(end_execution).';
COMMENT ON COLUMN workflow_executions.retry_count IS
    'Number of retries since the run was last cleared. An attempt after AMC''s FAILED goes on '
    'counting. Written by: default; submit, wait (insert_execution); submit, wait, load '
    '(increment_retry_count).';
COMMENT ON COLUMN workflow_executions.next_retry_at IS
    'Earliest time of Airflow''s next try or of the next attempt. NULL where there is none. '
    'Written by: submit, wait, load (set_try_error); submit, wait (insert_execution); submit, '
    'wait, recomamp_reconcile (mark_submitted); load (mark_succeeded); submit, wait, record, '
    'recomamp_reconcile (end_execution); submit, wait, load (increment_retry_count); record '
    '(cancel_next_attempt).';
COMMENT ON COLUMN workflow_executions.created_at IS
    'Time of insertion, before AMC is called. Written by: default.';
COMMENT ON COLUMN workflow_executions.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN workflow_executions.started_at IS
    'Time when AMC accepted the execution. Written by: submit, wait, recomamp_reconcile '
    '(mark_submitted).';
COMMENT ON COLUMN workflow_executions.completed_at IS
    'Time when the execution ended. Written by: load (mark_succeeded); submit, wait, record, '
    'recomamp_reconcile (end_execution).';
COMMENT ON COLUMN workflow_executions.dag_id IS
    'Airflow DAG. NULL for an execution of the application. Added by the pipeline. Written by: '
    'submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.dag_run_id IS
    'Run id of the DAG run. Added by the pipeline. Written by: submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.clear_number IS
    'Number of times that the DAG run had been cleared when the row was inserted. Added by the '
    'pipeline. Written by: default; submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.attempt IS
    'Number of the attempt within the DAG run, from 1 on. Added by the pipeline. Written by: '
    'default; submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.due_at IS
    'Time when the DAG run was due: of a schedule''s run the tick. Added by the pipeline. Written '
    'by: submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.schedule_id IS
    'Schedule that the execution belongs to. NULL after the schedule is deleted. Added by the '
    'pipeline. Written by: submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.collection_id IS
    'Collection that the execution belongs to. NULL after the collection is deleted. Added by the '
    'pipeline. Written by: submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.instance_id IS
    'AMC instance that runs the query. Added by the pipeline. Written by: submit, wait '
    '(insert_execution).';
COMMENT ON COLUMN workflow_executions.window_type IS
    'AMC''s timeWindowType: EXPLICIT, or a window that AMC computes. Added by the pipeline. '
    'Written by: default; submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.window_start IS
    'Start of the window. Where AMC computes the window: the interval that Airflow shows, which AMC '
    'does not get. Added by the pipeline. Written by: '
    'submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.window_end IS
    'End of the window, exclusive. Where AMC computes the window: the interval that Airflow shows, '
    'which AMC does not get. Added by the pipeline. Written by: submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.window_time_zone IS
    'IANA time zone of the window. Added by the pipeline. Written by: submit, wait '
    '(insert_execution).';
COMMENT ON COLUMN workflow_executions.submitted_sql IS
    'SQL as sent to AMC, with the literals bound. Added by the pipeline. Written by: submit, wait '
    '(insert_execution).';
COMMENT ON COLUMN workflow_executions.input_parameters IS
    'Declarations of parameters as sent to AMC. Added by the pipeline. Written by: default; '
    'submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.slot_granted_at IS
    'Time when the execution got its slot. NULL while it waits for one. Added by the pipeline. '
    'Written by: submit, wait (grant_slots).';
COMMENT ON COLUMN workflow_executions.submission_started_at IS
    'Time just before AMC was first asked to run it. NULL until then. Added by the pipeline. '
    'Written by: submit, wait (mark_submitting).';
COMMENT ON COLUMN workflow_executions.submitted_at IS
    'Time when AMC accepted the execution. Added by the pipeline. Written by: submit, wait, '
    'recomamp_reconcile (mark_submitted).';
COMMENT ON COLUMN workflow_executions.deadline_at IS
    'Time when the pipeline gives the execution up: 24 hours after insertion, and again after AMC '
    'accepts it. Added by the pipeline. Written by: submit, wait (insert_execution); submit, '
    'wait, recomamp_reconcile (mark_submitted).';
COMMENT ON COLUMN workflow_executions.orphaned_at IS
    'Time since when no running DAG run belongs to the open execution. NULL while one does. Added '
    'by the pipeline. Written by: recomamp_reconcile (set_orphaned_at).';
COMMENT ON COLUMN workflow_executions.amc_workflow_id IS
    'Name of the query at AMC. The pipeline finds a lost execution by it. Added by the pipeline. '
    'Written by: submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.amc_instance_id IS
    'AMC''s id of the instance that accepted the execution. Added by the pipeline. Written by: '
    'submit, wait, recomamp_reconcile (mark_submitted).';
COMMENT ON COLUMN workflow_executions.amc_status IS
    'AMC''s own status, or UNKNOWN where AMC could not be asked. An ended execution keeps its '
    'slot until this is final or AMC is listed. Added by the pipeline. Written by: submit, wait, '
    'recomamp_reconcile (mark_submitted); submit, wait (set_amc_status); recomamp_reconcile '
    '(set_listed_amc_statuses); submit, wait, record, recomamp_reconcile (end_execution).';
COMMENT ON COLUMN workflow_executions.amazon_request_id IS
    'Amazon''s request id of the accepted call, for their support. Added by the pipeline. Written '
    'by: submit, wait, recomamp_reconcile (mark_submitted).';
COMMENT ON COLUMN workflow_executions.results_loaded_at IS
    'Time when the results were last loaded. Their age counts from it. Added by the pipeline. '
    'Written by: load (mark_succeeded).';
COMMENT ON COLUMN workflow_executions.result_data_trimmed_at IS
    'Time when the maintenance deleted the rows of result_data. NULL after the results are loaded '
    'again. Added by the pipeline. Written by: recomamp_maintenance: trim_documents '
    '(trim_document); load (mark_succeeded).';
COMMENT ON COLUMN workflow_executions.result_files_deleted_at IS
    'Time when the maintenance deleted the files. NULL after the results are loaded again. Added '
    'by the pipeline. Written by: recomamp_maintenance: delete_files (set_result_files_deleted); '
    'load (mark_succeeded).';
COMMENT ON COLUMN workflow_executions.superseded_by IS
    'Later success of the same workflow and window, which has the files now. NULL where there is '
    'none. Added by the pipeline. Written by: recomamp_maintenance: delete_files '
    '(set_result_files_deleted); load (mark_succeeded).';

-- Every execution passes through the partial indexes of open ones. By default its dead entries
-- would stay there until a fifth of all history has changed: for a million rows, after 200,000
-- changes.
ALTER TABLE workflow_executions SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);

CREATE INDEX IF NOT EXISTS idx_workflow_executions_workflow_id ON workflow_executions(workflow_id);
CREATE INDEX IF NOT EXISTS idx_workflow_executions_user_id ON workflow_executions(user_id);
CREATE INDEX IF NOT EXISTS idx_workflow_executions_status ON workflow_executions(status);
CREATE INDEX IF NOT EXISTS idx_workflow_executions_created_at
    ON workflow_executions(created_at DESC);
CREATE INDEX IF NOT EXISTS idx_workflow_executions_amc_id
    ON workflow_executions(amc_execution_id) WHERE amc_execution_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_workflow_executions_user_status
    ON workflow_executions(user_id, status);
-- jsonb_path_ops: docs/schema-notes.md measures it on a full result of 10,000 rows. It serves the
-- containment (@>) and jsonpath operators. It does not serve ?, ?| and ?&, and all results have the
-- same top-level keys.
CREATE INDEX IF NOT EXISTS idx_executions_result_data
    ON workflow_executions USING GIN(result_data jsonb_path_ops);

-- One row for each attempt of a user's DAG run, and at most one open attempt: two workers that both
-- believe to hold the run cannot both submit it.
CREATE UNIQUE INDEX uq_workflow_executions_dag_run_attempt
    ON workflow_executions (dag_id, dag_run_id, attempt, user_id)
    WHERE dag_id IS NOT NULL;
CREATE UNIQUE INDEX uq_workflow_executions_open_dag_run
    ON workflow_executions (dag_id, dag_run_id, user_id)
    WHERE dag_id IS NOT NULL AND status IN ('PENDING', 'RUNNING');
-- One execution of AMC belongs to one row. Several rows of amc_instances, of different users, may
-- be one instance of AMC: so AMC's own name of the instance counts.
CREATE UNIQUE INDEX uq_workflow_executions_amc_execution
    ON workflow_executions (amc_instance_id, amc_execution_id)
    WHERE amc_instance_id IS NOT NULL AND amc_execution_id IS NOT NULL;

-- Deleting a schedule, a collection, an instance or an execution looks for these rows.
CREATE INDEX idx_workflow_executions_schedule_id
    ON workflow_executions (schedule_id) WHERE schedule_id IS NOT NULL;
CREATE INDEX idx_workflow_executions_collection_id
    ON workflow_executions (collection_id) WHERE collection_id IS NOT NULL;
CREATE INDEX idx_workflow_executions_instance_id
    ON workflow_executions (instance_id) WHERE instance_id IS NOT NULL;
CREATE INDEX idx_workflow_executions_superseded_by
    ON workflow_executions (superseded_by) WHERE superseded_by IS NOT NULL;

-- Granting a slot must cost the same however many executions wait. These indexes hold open
-- executions only. The planner finds them by the same words alone: IS NOT DISTINCT FROM, as in
-- grant_slots.sql.
CREATE INDEX idx_workflow_executions_open_instance
    ON workflow_executions (instance_id)
    WHERE status IN ('PENDING', 'RUNNING');
CREATE INDEX idx_workflow_executions_held
    ON workflow_executions (instance_id)
    WHERE dag_id IS NOT NULL
      AND (
          status IS NOT DISTINCT FROM 'RUNNING'
          OR (status IS NOT DISTINCT FROM 'PENDING' AND slot_granted_at IS NOT NULL)
      );
CREATE INDEX idx_workflow_executions_queued_schedules
    ON workflow_executions (instance_id, created_at, id)
    WHERE status IS NOT DISTINCT FROM 'PENDING'
      AND dag_id IS NOT NULL
      AND slot_granted_at IS NULL
      AND collection_id IS NULL;
CREATE INDEX idx_workflow_executions_queued_collections
    ON workflow_executions (instance_id, created_at, id)
    WHERE status IS NOT DISTINCT FROM 'PENDING'
      AND dag_id IS NOT NULL
      AND slot_granted_at IS NULL
      AND collection_id IS NOT NULL;
-- A row that ended while AMC had not said so keeps its slot until AMC has been listed again. The
-- index stays small: AMC gives nearly every execution a last status.
CREATE INDEX idx_workflow_executions_closed_in_flight
    ON workflow_executions (instance_id, completed_at)
    WHERE dag_id IS NOT NULL
      AND amc_execution_id IS NOT NULL
      AND status IN ('FAILED', 'CANCELLED', 'TIMEOUT')
      AND COALESCE(amc_status, '') NOT IN (
          'SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELLED', 'TIMED_OUT'
      );

-- The maintenance looks for results that still have their rows or files, oldest first, and for
-- results that a later success of the same workflow and window supersedes.
CREATE INDEX idx_workflow_executions_untrimmed
    ON workflow_executions (completed_at, id)
    WHERE status = 'SUCCESS' AND result_data_trimmed_at IS NULL;
CREATE INDEX idx_workflow_executions_kept_files
    ON workflow_executions (completed_at, id)
    WHERE status = 'SUCCESS' AND window_type = 'EXPLICIT' AND result_files_deleted_at IS NULL;
CREATE INDEX idx_workflow_executions_success_window
    ON workflow_executions (workflow_id, window_start, window_end)
    WHERE status = 'SUCCESS';

CREATE TRIGGER trigger_touch_workflow_executions
    BEFORE UPDATE ON workflow_executions
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE workflow_executions ENABLE ROW LEVEL SECURITY;

-- An execution that the application has in flight holds a slot and may have been sent.
UPDATE workflow_executions
SET
    slot_granted_at = created_at,
    submission_started_at = created_at
WHERE status IN ('PENDING', 'RUNNING');

-- The name is the schema document's; the function counts nothing. It sets last_executed_at, also for
-- rows that the writing user does not see.
CREATE OR REPLACE FUNCTION public.update_workflow_execution_count()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
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

DROP TRIGGER IF EXISTS trigger_update_workflow_execution_count ON workflow_executions;
CREATE TRIGGER trigger_update_workflow_execution_count
    AFTER INSERT ON workflow_executions
    FOR EACH ROW
    EXECUTE FUNCTION update_workflow_execution_count();

-- An open execution may still run at AMC, and its row is what cancels it there and counts its slot.
-- So the row stays while it is open, also where its workflow, AMC instance or user is deleted.
-- A deleted schedule or collection only lets go of its executions.
CREATE FUNCTION public.refuse_deleting_open_execution()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

CREATE TRIGGER trigger_refuse_deleting_open_execution
    BEFORE DELETE ON workflow_executions
    FOR EACH ROW
    WHEN (OLD.status IN ('PENDING', 'RUNNING'))
    EXECUTE FUNCTION refuse_deleting_open_execution();


-- The sender of an execution, or the loader of its results, holds a row of this table locked until
-- the end of its transaction. The lock is open to those who may touch the table, works behind any
-- pooler, and ends with a process that dies.
CREATE TABLE execution_locks (
    execution_id UUID NOT NULL REFERENCES workflow_executions(id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    CONSTRAINT pk_execution_locks PRIMARY KEY (execution_id, purpose),
    CONSTRAINT chk_execution_lock_purpose CHECK (purpose IN ('SUBMIT', 'LOAD'))
);

COMMENT ON TABLE execution_locks IS
    'A row that a process locks while it submits an execution or loads its results. The pipeline '
    'inserts the rows. Table of the pipeline.';
COMMENT ON COLUMN execution_locks.execution_id IS
    'Execution that is locked. Written by: submit, wait, load (create_execution_lock).';
COMMENT ON COLUMN execution_locks.purpose IS
    'SUBMIT or LOAD. Written by: submit, wait, load (create_execution_lock).';

ALTER TABLE execution_locks ENABLE ROW LEVEL SECURITY;
