-- Who sends an execution, or loads its results, holds a row of this table locked until the end of its
-- transaction. The lock is open to those who may touch the table, passes any pooler, and goes with a
-- process that dies.
CREATE TABLE execution_locks (
    execution_id UUID NOT NULL REFERENCES workflow_executions(id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    CONSTRAINT pk_execution_locks PRIMARY KEY (execution_id, purpose),
    CONSTRAINT chk_execution_lock_purpose CHECK (purpose IN ('SEND', 'LOAD'))
);

ALTER TABLE execution_locks ENABLE ROW LEVEL SECURITY;
CREATE POLICY execution_locks_pipeline_access ON execution_locks
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);
