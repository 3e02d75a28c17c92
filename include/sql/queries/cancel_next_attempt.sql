-- Clear the time of a next attempt: the run has ended, so no attempt follows.
-- Parameters: execution_id.
UPDATE workflow_executions
SET next_retry_at = NULL
WHERE id = %(execution_id)s
  AND status NOT IN ('PENDING', 'RUNNING')
  AND next_retry_at IS NOT NULL
RETURNING id;
