-- What the pipeline has to remember beyond the document: which Airflow run an execution belongs to,
-- the window it reads, and what was really sent to AMC.

ALTER TABLE amc_accounts
    ADD COLUMN max_concurrent_executions INTEGER NOT NULL DEFAULT 200,
    ADD CONSTRAINT chk_account_max_concurrent_executions CHECK (max_concurrent_executions > 0);

ALTER TABLE amc_instances
    ADD COLUMN max_concurrent_executions INTEGER NOT NULL DEFAULT 10,
    ADD CONSTRAINT chk_instance_max_concurrent_executions CHECK (max_concurrent_executions > 0);

ALTER TABLE workflow_executions
    ADD COLUMN dag_id TEXT,
    ADD COLUMN dag_run_id TEXT,
    ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1, -- within the DAG run
    ADD COLUMN schedule_id UUID REFERENCES workflow_schedules(id) ON DELETE SET NULL,
    ADD COLUMN collection_id UUID REFERENCES report_data_collections(id) ON DELETE SET NULL,
    ADD COLUMN instance_id UUID REFERENCES amc_instances(id) ON DELETE CASCADE,
    ADD COLUMN window_type TEXT NOT NULL DEFAULT 'EXPLICIT', -- AMC's timeWindowType
    ADD COLUMN window_start TIMESTAMPTZ,
    ADD COLUMN window_end TIMESTAMPTZ, -- exclusive
    ADD COLUMN window_time_zone TEXT,
    ADD COLUMN amc_workflow_id TEXT, -- the name under which AMC can be asked for it
    ADD COLUMN amc_status TEXT, -- AMC's own word, whatever it is
    ADD COLUMN submitted_sql TEXT,
    ADD COLUMN submitted_at TIMESTAMPTZ,
    ADD COLUMN deadline_at TIMESTAMPTZ,
    ADD COLUMN amazon_request_id TEXT,
    ADD CONSTRAINT chk_execution_attempt CHECK (attempt > 0),
    ADD CONSTRAINT chk_execution_window CHECK (window_start < window_end),
    ADD CONSTRAINT chk_execution_window_type CHECK (window_type IN (
        'EXPLICIT', 'MOST_RECENT_DAY', 'MOST_RECENT_WEEK', 'CURRENT_MONTH', 'PREVIOUS_MONTH',
        'ALL'
    ));

-- One row for each attempt, and at most one open attempt for each run: two workers that both
-- believe to hold the run cannot both submit it.
CREATE UNIQUE INDEX uq_workflow_executions_dag_run_attempt
    ON workflow_executions (dag_id, dag_run_id, attempt)
    WHERE dag_id IS NOT NULL;
CREATE UNIQUE INDEX uq_workflow_executions_open_dag_run
    ON workflow_executions (dag_id, dag_run_id)
    WHERE dag_id IS NOT NULL AND status IN ('PENDING', 'RUNNING');

-- Slots are counted over this one.
CREATE INDEX idx_workflow_executions_open_instance
    ON workflow_executions (instance_id)
    WHERE status IN ('PENDING', 'RUNNING');
-- Deleting a schedule, a collection or an instance looks for its executions.
CREATE INDEX idx_workflow_executions_schedule_id
    ON workflow_executions (schedule_id) WHERE schedule_id IS NOT NULL;
CREATE INDEX idx_workflow_executions_collection_id
    ON workflow_executions (collection_id) WHERE collection_id IS NOT NULL;
CREATE INDEX idx_workflow_executions_instance_id
    ON workflow_executions (instance_id) WHERE instance_id IS NOT NULL;

ALTER TABLE schedule_runs
    ADD COLUMN dag_run_id TEXT,
    ADD COLUMN window_start TIMESTAMPTZ,
    ADD COLUMN window_end TIMESTAMPTZ, -- exclusive
    ADD COLUMN updated_at TIMESTAMPTZ DEFAULT NOW(),
    -- A run that is cleared and ends again changes its row; it is no second run.
    ADD CONSTRAINT uq_schedule_runs_dag_run UNIQUE (schedule_id, dag_run_id);
-- Deleting an execution looks for the run it belongs to.
CREATE INDEX idx_schedule_runs_execution_id
    ON schedule_runs (execution_id) WHERE execution_id IS NOT NULL;

ALTER TABLE report_data_weeks
    ADD CONSTRAINT uq_report_data_weeks_start UNIQUE (collection_id, week_start_date);
