-- Options of a query at AMC, the rows that privacy hides, and dry runs before a query is due.

-- Options ------------------------------------------------------------------------------------------

ALTER TABLE workflows
    ADD COLUMN privacy_filtering TEXT NOT NULL DEFAULT 'REMOVE_ROWS',
    ADD COLUMN counts_hidden_rows BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN disable_aggregation_controls BOOLEAN NOT NULL DEFAULT false,
    ADD CONSTRAINT chk_workflow_privacy_filtering
        CHECK (privacy_filtering IN ('REMOVE_ROWS', 'REMOVE_VALUES'));

COMMENT ON COLUMN workflows.privacy_filtering IS
    'What AMC does with a row of too few users. REMOVE_ROWS removes it, REMOVE_VALUES blanks its '
    'sensitive values. Added by the pipeline. Written by: default; user; application.';
COMMENT ON COLUMN workflows.counts_hidden_rows IS
    'Whether the pipeline counts the rows that privacy removes or blanks. Added by the pipeline. '
    'Written by: default; user; application.';
COMMENT ON COLUMN workflows.disable_aggregation_controls IS
    'Whether AMC skips privacy on made-up data. It is sent for SANDBOX instances alone. Added by '
    'the pipeline. Written by: default; user; application.';

ALTER TABLE workflow_executions
    -- Fixed when the row is inserted, like submitted_sql.
    ADD COLUMN amc_options JSONB NOT NULL DEFAULT '{}',
    ADD COLUMN hidden_rows INTEGER,
    ADD COLUMN blanked_rows INTEGER,
    ADD COLUMN hidden_reasons JSONB,
    ADD CONSTRAINT chk_workflow_executions_amc_options_size
        CHECK (octet_length(amc_options::TEXT) <= 4096),
    ADD CONSTRAINT chk_workflow_executions_hidden_reasons_size
        CHECK (octet_length(hidden_reasons::TEXT) <= 65536);

COMMENT ON COLUMN workflow_executions.amc_options IS
    'Options of the query in AMC''s own names. AMC''s defaults are left out. Added by the pipeline. '
    'Written by: default; submit, wait (insert_execution).';
COMMENT ON COLUMN workflow_executions.hidden_rows IS
    'Rows that privacy removed from the result. AMC adds up like rows first. NULL: not counted. '
    'Added by the pipeline. Written by: load (mark_succeeded).';
COMMENT ON COLUMN workflow_executions.blanked_rows IS
    'Rows of the result with values that privacy removed. NULL: not counted. Added by the '
    'pipeline. Written by: load (mark_succeeded).';
COMMENT ON COLUMN workflow_executions.hidden_reasons IS
    'Number of hidden and blanked rows by AMC''s reason, without its number of users. NULL: AMC '
    'gave no reasons. Added by the pipeline. Written by: load (mark_succeeded).';


-- Dry runs -----------------------------------------------------------------------------------------

-- Whether a dry run is due is asked often, so the version of a query is stored. The expression
-- fills in the rows that are there, also those that a later rule would refuse. The trigger follows:
-- a row that the application writes back as it was read would break on a generated column.
ALTER TABLE workflows
    ADD COLUMN definition_md5 TEXT GENERATED ALWAYS AS (
        CASE
            WHEN octet_length(sql_query) <= 262144
                AND COALESCE(octet_length(parameters::TEXT), 0) <= 262144
            THEN md5(
                md5(sql_query) || '/' || md5(COALESCE(parameters::TEXT, '')) || '/'
                || privacy_filtering || '/' || counts_hidden_rows::TEXT || '/'
                || disable_aggregation_controls::TEXT
            )
        END
    ) STORED;
ALTER TABLE workflows ALTER COLUMN definition_md5 DROP EXPRESSION;
COMMENT ON COLUMN workflows.definition_md5 IS
    'MD5 of the query, the parameters and the options. NULL where they are too long to be sent. '
    'Added by the pipeline. Written by: set_workflow_definition_md5().';

CREATE FUNCTION public.set_workflow_definition_md5()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.definition_md5 := CASE
        WHEN octet_length(NEW.sql_query) <= 262144
            AND COALESCE(octet_length(NEW.parameters::TEXT), 0) <= 262144
        THEN md5(
            md5(NEW.sql_query) || '/' || md5(COALESCE(NEW.parameters::TEXT, '')) || '/'
            || NEW.privacy_filtering || '/' || NEW.counts_hidden_rows::TEXT || '/'
            || NEW.disable_aggregation_controls::TEXT
        )
    END;
    RETURN NEW;
END;
$$;
CREATE TRIGGER trigger_set_workflow_definition_md5
    BEFORE INSERT OR UPDATE OF sql_query, parameters, privacy_filtering, counts_hidden_rows,
        disable_aggregation_controls, definition_md5
    ON workflows
    FOR EACH ROW
    EXECUTE FUNCTION set_workflow_definition_md5();
-- Which dry runs are due is read from it without the queries.
CREATE INDEX idx_workflows_definition_md5
    ON workflows (id) INCLUDE (instance_id, user_id, definition_md5);

-- Users make no instances, so the number of an hour cannot be lost with a row that they delete.
ALTER TABLE amc_instances
    ADD COLUMN dry_runs_since TIMESTAMPTZ,
    ADD COLUMN dry_runs INTEGER NOT NULL DEFAULT 0,
    ADD CONSTRAINT chk_amc_instances_dry_runs_number CHECK (dry_runs BETWEEN 0 AND 1000000),
    ADD CONSTRAINT chk_amc_instances_dry_runs_since_time CHECK (
        dry_runs_since AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    );
COMMENT ON COLUMN amc_instances.dry_runs_since IS
    'Beginning of the hour that dry_runs counts. Added by the pipeline. Written by: '
    'recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN amc_instances.dry_runs IS
    'Dry runs within that hour. Added by the pipeline. Written by: default; recomamp_dry_runs '
    '(record_dry_run).';

CREATE TABLE workflow_dry_runs (
    workflow_id UUID NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    definition_md5 TEXT NOT NULL,
    status TEXT NOT NULL,
    message TEXT,
    checked_at TIMESTAMPTZ NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 1,
    next_try_at TIMESTAMPTZ,
    CONSTRAINT pk_workflow_dry_runs PRIMARY KEY (workflow_id, instance_id),
    CONSTRAINT chk_workflow_dry_run_status
        CHECK (status IN ('ACCEPTED', 'REFUSED', 'INVALID', 'UNKNOWN')),
    CONSTRAINT chk_workflow_dry_run_next_try CHECK ((status = 'UNKNOWN') = (next_try_at IS NOT NULL)),
    CONSTRAINT chk_workflow_dry_runs_message_chars CHECK (char_length(message) <= 2000),
    CONSTRAINT chk_workflow_dry_runs_checked_at_time CHECK (
        checked_at AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    ),
    CONSTRAINT chk_workflow_dry_runs_next_try_at_time CHECK (
        next_try_at AT TIME ZONE 'UTC' BETWEEN TIMESTAMP '2000-01-01' AND TIMESTAMP '9999-01-01'
    )
);

COMMENT ON TABLE workflow_dry_runs IS
    'AMC''s answer to the dry run of a workflow on an instance. It belongs to one version of the '
    'workflow. The owner reads it. Table of the pipeline.';
COMMENT ON COLUMN workflow_dry_runs.workflow_id IS
    'Workflow with the query. Written by: recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.instance_id IS
    'AMC instance that was asked. Written by: recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.definition_md5 IS
    'MD5 of the query, the parameters and the options that were sent. Written by: '
    'recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.status IS
    'ACCEPTED or REFUSED is AMC''s answer. INVALID queries are not sent. UNKNOWN is tried again. '
    'Written by: recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.message IS
    'AMC''s words, or why there is no answer. NULL where AMC accepts the query. Written by: '
    'recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.checked_at IS
    'Time when AMC was asked. Written by: recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.attempts IS
    'Dry runs of this version so far. Written by: default; recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.next_try_at IS
    'Earliest time of the next dry run. NULL where AMC has answered. Written by: '
    'recomamp_dry_runs (record_dry_run).';

-- Deleting an instance looks for its dry runs.
CREATE INDEX idx_workflow_dry_runs_instance_id ON workflow_dry_runs (instance_id);
ALTER TABLE workflow_dry_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY workflow_dry_runs_user_read ON workflow_dry_runs
    FOR SELECT
    USING (EXISTS (
        SELECT FROM workflows AS parent
        WHERE parent.id = workflow_dry_runs.workflow_id
            AND parent.user_id = (SELECT public.current_user_id())
    ));
CREATE POLICY workflow_dry_runs_pipeline_access ON workflow_dry_runs
    FOR ALL TO recomamp_pipeline
    USING (true) WITH CHECK (true);

-- The refusal of a dry run is a finding without a table: it is about the whole query.
ALTER TABLE workflow_findings
    DROP CONSTRAINT chk_workflow_finding_kind,
    ADD CONSTRAINT chk_workflow_finding_kind CHECK (kind IN (
        'UNKNOWN_TABLE', 'REMOVED_TABLE', 'UNKNOWN_COLUMN', 'REMOVED_COLUMN',
        'DATE_AGAINST_TIMESTAMP', 'REFUSED_BY_AMC'
    ));

COMMENT ON TABLE workflow_findings IS
    'A table or column that a query names and its instance does not offer, or AMC''s refusal of a '
    'dry run. The owner reads it; the pipeline inserts the rows and deletes them once they are not '
    'true any more. Table of the pipeline.';
COMMENT ON COLUMN workflow_findings.workflow_id IS
    'Workflow with the query. Written by: recomamp_schema_sync (merge_workflow_findings); '
    'recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_findings.instance_id IS
    'AMC instance of the workflow. Written by: recomamp_schema_sync (merge_workflow_findings); '
    'recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_findings.kind IS
    'UNKNOWN_TABLE, REMOVED_TABLE, UNKNOWN_COLUMN, REMOVED_COLUMN, DATE_AGAINST_TIMESTAMP or '
    'REFUSED_BY_AMC. Written by: recomamp_schema_sync (merge_workflow_findings); '
    'recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_findings.table_name IS
    'Table that the query names. Several, separated by commas, where the column may be of any of '
    'them. Empty for a refusal. Written by: recomamp_schema_sync (merge_workflow_findings); '
    'recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_findings.message IS
    'Finding in words. Written by: recomamp_schema_sync (merge_workflow_findings); '
    'recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_findings.query_md5 IS
    'MD5 of workflows.sql_query as it was checked. Written by: recomamp_schema_sync '
    '(merge_workflow_findings); recomamp_dry_runs (record_dry_run).';
COMMENT ON COLUMN workflow_findings.found_at IS
    'Time when the finding was first made. Written by: default; recomamp_schema_sync '
    '(merge_workflow_findings); recomamp_dry_runs (record_dry_run).';


-- Announcements ------------------------------------------------------------------------------------

-- A new workflow has no DAG. It is announced so that it has a dry run.
CREATE TRIGGER trigger_publish_new_workflows
    AFTER INSERT ON workflows
    FOR EACH ROW
    EXECUTE FUNCTION publish_definition_change();
CREATE TRIGGER trigger_publish_options_workflows
    AFTER UPDATE OF privacy_filtering, counts_hidden_rows, disable_aggregation_controls
    ON workflows
    FOR EACH ROW
    WHEN (
        (OLD.privacy_filtering, OLD.counts_hidden_rows, OLD.disable_aggregation_controls)
        IS DISTINCT FROM
        (NEW.privacy_filtering, NEW.counts_hidden_rows, NEW.disable_aggregation_controls)
    )
    EXECUTE FUNCTION publish_definition_change();
-- Whether aggregation controls can be disabled is shown by the DAG.
CREATE TRIGGER trigger_publish_type_amc_instances
    AFTER UPDATE OF instance_type ON amc_instances
    FOR EACH ROW
    WHEN (OLD.instance_type IS DISTINCT FROM NEW.instance_type)
    EXECUTE FUNCTION publish_definition_change();

-- A refusal is announced like a change of its workflow. The table's name keeps the listener from
-- asking for another dry run. Other findings come once a day and wait for the next parse.
CREATE FUNCTION public.publish_refused_workflow()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed public.workflow_findings;
BEGIN
    IF TG_OP = 'DELETE' THEN
        changed := OLD;
    ELSE
        changed := NEW;
    END IF;
    IF changed.kind = 'REFUSED_BY_AMC' AND pg_notification_queue_usage() <= 0.5 THEN
        PERFORM pg_notify(
            'recomamp_definitions',
            json_build_object('table', TG_TABLE_NAME, 'id', changed.workflow_id)::TEXT
        );
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER trigger_publish_workflow_findings
    AFTER INSERT OR UPDATE OR DELETE ON workflow_findings
    FOR EACH ROW
    EXECUTE FUNCTION publish_refused_workflow();
