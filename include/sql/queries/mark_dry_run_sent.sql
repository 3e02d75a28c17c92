-- Store that AMC has a dry run, and AMC's id of it: where AMC keeps no names, the reconciliation
-- recognises it by this id. The answer replaces the rest of the row.
-- A workflow that has been deleted meanwhile gets nothing.
-- Parameters: workflow_id, instance_key (UUIDs), definition_md5, amc_execution_id, attempts, sent_at,
-- next_try_at.
INSERT INTO workflow_dry_runs AS dry (
    workflow_id,
    instance_id,
    definition_md5,
    status,
    message,
    checked_at,
    attempts,
    next_try_at,
    amc_execution_id
)
SELECT
    workflow.id,
    %(instance_key)s::UUID,
    %(definition_md5)s,
    'UNKNOWN',
    'AMC has not ended the dry run yet',
    %(sent_at)s::TIMESTAMPTZ,
    %(attempts)s::INTEGER,
    %(next_try_at)s::TIMESTAMPTZ,
    %(amc_execution_id)s
FROM workflows AS workflow
WHERE workflow.id = %(workflow_id)s
ON CONFLICT (workflow_id, instance_id) DO UPDATE
SET
    definition_md5 = EXCLUDED.definition_md5,
    status = EXCLUDED.status,
    message = EXCLUDED.message,
    checked_at = EXCLUDED.checked_at,
    attempts = EXCLUDED.attempts,
    next_try_at = EXCLUDED.next_try_at,
    amc_execution_id = EXCLUDED.amc_execution_id
RETURNING dry.workflow_id;
