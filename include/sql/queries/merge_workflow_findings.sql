-- Make the findings about the queries on an instance those that were made now.
-- Findings of dry runs stay (record_dry_run.sql). Returns the findings that are new or different.
-- Parameters: instance_key (UUID), findings (JSON: [{workflow_id, kind, table_name, column_name, message,
-- query_md5}]), found_at.
WITH found AS (
    SELECT *
    FROM jsonb_to_recordset(%(findings)s::JSONB) AS found (
        workflow_id UUID,
        kind TEXT,
        table_name TEXT,
        column_name TEXT,
        message TEXT,
        query_md5 TEXT
    )
),
gone AS (
    DELETE FROM workflow_findings AS finding
    WHERE finding.instance_id = %(instance_key)s::UUID
      AND finding.kind <> 'REFUSED_BY_AMC'
      AND NOT EXISTS (
          SELECT FROM found
          WHERE found.workflow_id = finding.workflow_id
            AND found.table_name = finding.table_name
            AND found.column_name = finding.column_name
      )
)
INSERT INTO workflow_findings AS finding (
    workflow_id,
    instance_id,
    kind,
    table_name,
    column_name,
    message,
    query_md5,
    found_at
)
SELECT
    found.workflow_id,
    %(instance_key)s::UUID,
    found.kind,
    found.table_name,
    found.column_name,
    found.message,
    found.query_md5,
    %(found_at)s
FROM found
JOIN workflows AS workflow ON workflow.id = found.workflow_id
ON CONFLICT (workflow_id, instance_id, table_name, column_name) DO UPDATE
SET
    kind = EXCLUDED.kind,
    message = EXCLUDED.message,
    query_md5 = EXCLUDED.query_md5
WHERE (finding.kind, finding.message, finding.query_md5)
    IS DISTINCT FROM (EXCLUDED.kind, EXCLUDED.message, EXCLUDED.query_md5)
RETURNING finding.id;
