-- What the schema sync finds at AMC, instance by instance, and what it says of queries.
--
-- amc_data_sources and amc_schema_fields are shared by all users, so they hold what is Amazon's own and
-- is offered by at least one instance. What one instance offers stands in amc_instance_data_sources,
-- together with its advertiser's own uploads, which are nobody else's business.

ALTER TABLE amc_data_sources
    ADD COLUMN first_seen_at TIMESTAMPTZ; -- at AMC; NULL: written by hand, the sync leaves it alone

ALTER TABLE amc_schema_fields
    ADD COLUMN column_type TEXT, -- Amazon's word: DIMENSION, METRIC
    ADD COLUMN sensitivity TEXT, -- Amazon's word, which decides the aggregation threshold
    ADD COLUMN is_active BOOLEAN NOT NULL DEFAULT TRUE,
    ADD COLUMN deprecated_at TIMESTAMPTZ,
    ADD COLUMN first_seen_at TIMESTAMPTZ; -- as in amc_data_sources

CREATE TABLE amc_instance_data_sources (
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    name TEXT NOT NULL, -- Amazon's dataSourceId, which queries name
    is_shared BOOLEAN NOT NULL, -- Amazon's own table, not an advertiser's upload
    description TEXT,
    fields JSONB NOT NULL, -- [{name, data_type, column_type, sensitivity, description}]
    first_seen_at TIMESTAMPTZ NOT NULL,
    vanished_at TIMESTAMPTZ, -- since when the instance no longer offers it
    updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    PRIMARY KEY (instance_id, name),
    CONSTRAINT chk_instance_data_source_fields CHECK (jsonb_typeof(fields) = 'array')
);
CREATE TRIGGER trigger_touch_amc_instance_data_sources BEFORE UPDATE ON amc_instance_data_sources
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION touch_updated_at();

ALTER TABLE amc_instance_data_sources ENABLE ROW LEVEL SECURITY;
CREATE POLICY instance_data_sources_user_read ON amc_instance_data_sources
    FOR SELECT
    USING (EXISTS (
        SELECT FROM amc_instances AS instance
        WHERE instance.id = amc_instance_data_sources.instance_id
            AND instance.user_id = (SELECT auth.uid())
    ));
CREATE POLICY amc_instance_data_sources_pipeline_access ON amc_instance_data_sources
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);

GRANT SELECT ON amc_instance_data_sources TO recomamp_analyst;
GRANT SELECT, INSERT, UPDATE, DELETE ON amc_instance_data_sources TO recomamp_pipeline;

-- What a query names and its instance does not offer. A finding stops nothing: AMC has the last word.
CREATE TABLE workflow_findings (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    workflow_id UUID NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    table_name TEXT NOT NULL, -- several, separated by commas, where the column may be of any of them
    column_name TEXT NOT NULL DEFAULT '', -- empty for a finding about the table
    message TEXT NOT NULL,
    query_md5 TEXT NOT NULL, -- of workflows.sql_query as it was read; another query, no finding
    found_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    CONSTRAINT uq_workflow_findings UNIQUE (workflow_id, instance_id, table_name, column_name),
    CONSTRAINT chk_workflow_finding_kind CHECK (kind IN (
        'UNKNOWN_TABLE', 'VANISHED_TABLE', 'UNKNOWN_COLUMN', 'VANISHED_COLUMN'
    ))
);
-- Deleting an instance looks for its findings.
CREATE INDEX idx_workflow_findings_instance_id ON workflow_findings (instance_id);

ALTER TABLE workflow_findings ENABLE ROW LEVEL SECURITY;
CREATE POLICY workflow_findings_user_read ON workflow_findings
    FOR SELECT
    USING (EXISTS (
        SELECT FROM workflows AS workflow
        WHERE workflow.id = workflow_findings.workflow_id
            AND workflow.user_id = (SELECT auth.uid())
    ));
CREATE POLICY workflow_findings_pipeline_access ON workflow_findings
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);

GRANT SELECT ON workflow_findings TO recomamp_analyst;
GRANT SELECT, INSERT, UPDATE, DELETE ON workflow_findings TO recomamp_pipeline;
