-- What the reconcile DAG finds and mends when AMC's list and our open rows disagree.

-- Executions in flight at AMC that are not ours: they take slots too. Counted anew at each comparison.
ALTER TABLE amc_instances
    ADD COLUMN foreign_executions INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN foreign_counted_at TIMESTAMPTZ,
    ADD CONSTRAINT chk_instance_foreign_executions CHECK (foreign_executions >= 0);

GRANT UPDATE (foreign_executions, foreign_counted_at) ON amc_instances TO recomamp_pipeline;

-- Airflow does not tell when a run ended or was deleted, so it is kept since when that has been seen.
ALTER TABLE workflow_executions
    ADD COLUMN orphaned_at TIMESTAMPTZ; -- open, but no living DAG run cares for it; else NULL

CREATE TABLE reconciliations (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    execution_id UUID, -- of workflow_executions, where the row may be gone: no foreign key
    amc_execution_id TEXT, -- NULL where AMC knows nothing of it
    action TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT chk_reconciliation_action CHECK (action IN ('ADOPT', 'CANCEL_AT_AMC', 'CLOSE'))
);
CREATE INDEX idx_reconciliations_instance_id ON reconciliations (instance_id, at DESC);
CREATE INDEX idx_reconciliations_at ON reconciliations (at); -- old ones are deleted

ALTER TABLE reconciliations ENABLE ROW LEVEL SECURITY;
CREATE POLICY reconciliations_user_access ON reconciliations
    FOR SELECT
    USING (EXISTS (
        SELECT FROM amc_instances AS instance
        WHERE instance.id = reconciliations.instance_id
            AND instance.user_id = (SELECT auth.uid())
    ));
CREATE POLICY reconciliations_pipeline_access ON reconciliations
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);

GRANT SELECT ON reconciliations TO recomamp_analyst;
GRANT SELECT, INSERT, DELETE ON reconciliations TO recomamp_pipeline;
