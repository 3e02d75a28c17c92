-- A further try goes on with an open execution: count it, and say no longer that it is waited for.
-- NOT IN the ended rather than IN the open: by the latter the planner, its statistics being old,
-- reads the index of all that is open from end to end to find one id.
-- Parameters: execution_id.
UPDATE workflow_executions
SET
    retry_count = COALESCE(retry_count, 0) + 1,
    next_retry_at = NULL,
    error_message = NULL
WHERE id = %(execution_id)s
  AND status NOT IN ('SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')
RETURNING id;
