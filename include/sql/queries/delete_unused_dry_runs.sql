-- Delete AMC's answers about workflows on instances that they do not run on any more, and their
-- findings. Rows that another transaction has locked wait for the next time.
-- Parameters: none.
WITH free AS (
    SELECT dry.workflow_id, dry.instance_id
    FROM workflow_dry_runs AS dry
    WHERE NOT EXISTS (
        SELECT FROM workflows AS workflow
        WHERE workflow.id = dry.workflow_id AND workflow.instance_id = dry.instance_id
    )
    AND NOT EXISTS (
        SELECT FROM report_data_collections AS collection
        WHERE collection.workflow_id = dry.workflow_id AND collection.instance_id = dry.instance_id
    )
    FOR UPDATE OF dry SKIP LOCKED
),
unused AS (
    DELETE FROM workflow_dry_runs AS dry
    USING free
    WHERE dry.workflow_id = free.workflow_id AND dry.instance_id = free.instance_id
    RETURNING dry.workflow_id, dry.instance_id
),
gone AS (
    DELETE FROM workflow_findings AS finding
    USING unused
    WHERE finding.workflow_id = unused.workflow_id
      AND finding.instance_id = unused.instance_id
      AND finding.kind = 'REFUSED_BY_AMC'
)
SELECT workflow_id
FROM unused;
