-- Store why a try of an open execution failed and when the next one comes; NULL where none comes.
-- error_type is set only where the step has failed for good. The status stays.
-- Returns the id. Returns no row where the execution has ended.
-- The condition on the status is written so that no partial index matches it: the row is found by
-- its id (docs/explanation/scaling.md).
-- Parameters: execution_id, next_retry_at (or NULL), error_type (or NULL), error_message.
UPDATE workflow_executions
SET
    next_retry_at = %(next_retry_at)s,
    error_type = %(error_type)s,
    error_message = %(error_message)s
WHERE id = %(execution_id)s
  AND status NOT IN ('SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')
RETURNING id;
