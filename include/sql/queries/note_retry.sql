-- An open execution waits for its next try, or goes on: then both are NULL. Its status stays.
-- Returns its id, or no row where it has ended, or where it goes on without having waited.
-- Parameters: execution_id, next_retry_at (or NULL), error_message (or NULL).
UPDATE workflow_executions
SET
    next_retry_at = %(next_retry_at)s,
    error_message = %(error_message)s
WHERE id = %(execution_id)s
  AND status IN ('PENDING', 'RUNNING')
  AND (%(next_retry_at)s::TIMESTAMPTZ IS NOT NULL OR next_retry_at IS NOT NULL)
RETURNING id;
