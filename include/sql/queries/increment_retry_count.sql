-- A further try goes on with an open execution: count it, and say no longer that it is waited for.
-- Its words for the status match no partial index: it is found by its id (docs/scaling.md).
-- Parameters: execution_id.
UPDATE workflow_executions
SET
    retry_count = COALESCE(retry_count, 0) + 1,
    next_retry_at = NULL,
    error_type = NULL,
    error_message = NULL
WHERE id = %(execution_id)s
  AND status NOT IN ('SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')
RETURNING id;
