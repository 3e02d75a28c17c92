-- Queries, the templates they start from, and their executions.
-- Templates come first: workflows refer to them.

CREATE TABLE IF NOT EXISTS query_templates (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,
    category TEXT NOT NULL,

    -- Template Content
    sql_template TEXT NOT NULL,
    parameters JSONB DEFAULT '{}', -- Parameter definitions

    -- Template Metadata
    tags TEXT[] DEFAULT '{}',
    difficulty_level TEXT, -- BEGINNER, INTERMEDIATE, ADVANCED
    estimated_runtime TEXT, -- Expected execution time

    -- Usage Tracking
    usage_count INTEGER DEFAULT 0,
    last_used_at TIMESTAMPTZ,

    -- Authoring
    author_id UUID REFERENCES users(id) ON DELETE SET NULL,
    is_official BOOLEAN DEFAULT false,
    is_public BOOLEAN DEFAULT true,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE INDEX IF NOT EXISTS idx_query_templates_category ON query_templates(category);
CREATE INDEX IF NOT EXISTS idx_query_templates_tags ON query_templates USING GIN(tags);
CREATE INDEX IF NOT EXISTS idx_query_templates_usage ON query_templates(usage_count DESC);
CREATE INDEX IF NOT EXISTS idx_query_templates_public
    ON query_templates(is_public) WHERE is_public = true;

CREATE TABLE IF NOT EXISTS workflows (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,
    sql_query TEXT NOT NULL,

    -- Foreign Keys
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    template_id UUID REFERENCES query_templates(id) ON DELETE SET NULL,

    -- Configuration
    parameters JSONB DEFAULT '{}',
    tags TEXT[] DEFAULT '{}',
    is_public BOOLEAN DEFAULT false,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    last_executed_at TIMESTAMPTZ
);

CREATE INDEX IF NOT EXISTS idx_workflows_user_id ON workflows(user_id);
CREATE INDEX IF NOT EXISTS idx_workflows_instance_id ON workflows(instance_id);
CREATE INDEX IF NOT EXISTS idx_workflows_last_executed ON workflows(last_executed_at);
CREATE INDEX IF NOT EXISTS idx_workflows_tags ON workflows USING GIN(tags);

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

CREATE INDEX IF NOT EXISTS idx_workflow_executions_workflow_id ON workflow_executions(workflow_id);
CREATE INDEX IF NOT EXISTS idx_workflow_executions_user_id ON workflow_executions(user_id);
CREATE INDEX IF NOT EXISTS idx_workflow_executions_status ON workflow_executions(status);
CREATE INDEX IF NOT EXISTS idx_workflow_executions_created_at
    ON workflow_executions(created_at DESC);
CREATE INDEX IF NOT EXISTS idx_workflow_executions_amc_id
    ON workflow_executions(amc_execution_id) WHERE amc_execution_id IS NOT NULL;
