-- What analysts ask for: a query on a schedule, or a range of weeks of history.

CREATE TABLE IF NOT EXISTS workflow_schedules (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,
    cron_expression TEXT NOT NULL,
    timezone TEXT DEFAULT 'UTC',

    -- Foreign Keys
    workflow_id UUID NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- Schedule Status
    is_active BOOLEAN DEFAULT true,
    next_run_at TIMESTAMPTZ NOT NULL,
    parameters JSONB DEFAULT '{}',

    -- Tracking
    total_runs INTEGER DEFAULT 0,
    successful_runs INTEGER DEFAULT 0,
    failed_runs INTEGER DEFAULT 0,
    last_run_at TIMESTAMPTZ,
    last_run_status TEXT,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    paused_at TIMESTAMPTZ
);

CREATE INDEX IF NOT EXISTS idx_workflow_schedules_workflow_id ON workflow_schedules(workflow_id);
CREATE INDEX IF NOT EXISTS idx_workflow_schedules_user_id ON workflow_schedules(user_id);
CREATE INDEX IF NOT EXISTS idx_workflow_schedules_next_run
    ON workflow_schedules(is_active, next_run_at) WHERE is_active = true;

CREATE TABLE IF NOT EXISTS schedule_runs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),

    -- Foreign Keys
    schedule_id UUID NOT NULL REFERENCES workflow_schedules(id) ON DELETE CASCADE,
    execution_id UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,

    -- Run Details
    status TEXT NOT NULL, -- SUCCESS, FAILED, SKIPPED
    error_message TEXT,
    duration_seconds INTEGER,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE INDEX IF NOT EXISTS idx_schedule_runs_schedule_id ON schedule_runs(schedule_id);
CREATE INDEX IF NOT EXISTS idx_schedule_runs_created_at ON schedule_runs(created_at DESC);

CREATE TABLE IF NOT EXISTS report_data_collections (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,

    -- Foreign Keys
    workflow_id UUID NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- Collection Configuration
    start_date DATE NOT NULL,
    end_date DATE NOT NULL,
    parameters JSONB DEFAULT '{}',

    -- Status Tracking
    status TEXT DEFAULT 'ACTIVE', -- ACTIVE, PAUSED, COMPLETED, FAILED
    total_weeks INTEGER DEFAULT 0,
    completed_weeks INTEGER DEFAULT 0,
    failed_weeks INTEGER DEFAULT 0,

    -- Progress Metrics
    progress_percentage DECIMAL(5,2) DEFAULT 0,
    estimated_completion TIMESTAMPTZ,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ
);

CREATE INDEX IF NOT EXISTS idx_data_collections_workflow_id ON report_data_collections(workflow_id);
CREATE INDEX IF NOT EXISTS idx_data_collections_instance_id ON report_data_collections(instance_id);
CREATE INDEX IF NOT EXISTS idx_data_collections_user_id ON report_data_collections(user_id);
CREATE INDEX IF NOT EXISTS idx_data_collections_status ON report_data_collections(status);

CREATE TABLE IF NOT EXISTS report_data_weeks (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),

    -- Foreign Keys
    collection_id UUID NOT NULL REFERENCES report_data_collections(id) ON DELETE CASCADE,
    execution_id UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,

    -- Week Definition
    week_start_date DATE NOT NULL,
    week_end_date DATE NOT NULL,
    week_number INTEGER, -- Week number within collection

    -- Status
    status TEXT DEFAULT 'PENDING', -- PENDING, RUNNING, SUCCESS, FAILED, SKIPPED
    error_message TEXT,
    retry_count INTEGER DEFAULT 0,

    -- Metrics
    execution_duration INTEGER, -- seconds
    result_rows INTEGER,
    result_size_bytes BIGINT,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ
);

CREATE INDEX IF NOT EXISTS idx_data_weeks_collection_id ON report_data_weeks(collection_id);
CREATE INDEX IF NOT EXISTS idx_data_weeks_execution_id ON report_data_weeks(execution_id);
CREATE INDEX IF NOT EXISTS idx_data_weeks_status ON report_data_weeks(status);
CREATE INDEX IF NOT EXISTS idx_data_weeks_dates
    ON report_data_weeks(week_start_date, week_end_date);
