-- Store AMC's answer to a dry run. A refusal is the workflow's finding on the instance; any other
-- answer is about a later version of the workflow, so an earlier finding goes.
-- A workflow that has been deleted meanwhile gets nothing.
-- Parameters: workflow_id, instance_key (UUIDs), definition_md5, query_md5, status, message (or NULL),
-- attempts, checked_at, next_try_at (or NULL).
WITH answered AS (
    INSERT INTO workflow_dry_runs AS dry (
        workflow_id,
        instance_id,
        definition_md5,
        status,
        message,
        checked_at,
        attempts,
        next_try_at
    )
    SELECT
        workflow.id,
        %(instance_key)s::UUID,
        %(definition_md5)s,
        %(status)s,
        left(%(message)s, 2000),
        %(checked_at)s::TIMESTAMPTZ,
        %(attempts)s::INTEGER,
        %(next_try_at)s::TIMESTAMPTZ
    FROM workflows AS workflow
    WHERE workflow.id = %(workflow_id)s
    ON CONFLICT (workflow_id, instance_id) DO UPDATE
    SET
        definition_md5 = EXCLUDED.definition_md5,
        status = EXCLUDED.status,
        message = EXCLUDED.message,
        checked_at = EXCLUDED.checked_at,
        attempts = EXCLUDED.attempts,
        next_try_at = EXCLUDED.next_try_at
    RETURNING dry.workflow_id
),
gone AS (
    DELETE FROM workflow_findings AS finding
    WHERE finding.workflow_id = %(workflow_id)s
      AND finding.instance_id = %(instance_key)s::UUID
      AND finding.kind = 'REFUSED_BY_AMC'
      AND %(status)s <> 'REFUSED'
)
INSERT INTO workflow_findings AS finding (
    workflow_id,
    instance_id,
    kind,
    table_name,
    message,
    query_md5,
    found_at
)
SELECT
    answered.workflow_id,
    %(instance_key)s::UUID,
    'REFUSED_BY_AMC',
    '',
    left('AMC refuses the query: ' || %(message)s, 2000),
    %(query_md5)s,
    %(checked_at)s::TIMESTAMPTZ
FROM answered
WHERE %(status)s = 'REFUSED'
ON CONFLICT (workflow_id, instance_id, table_name, column_name) DO UPDATE
SET
    message = EXCLUDED.message,
    query_md5 = EXCLUDED.query_md5,
    found_at = EXCLUDED.found_at
RETURNING finding.id;
