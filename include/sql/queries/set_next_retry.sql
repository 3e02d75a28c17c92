-- Why a try of an open execution failed and when the next one comes (NULL: there is none), or that
-- it goes on: then all are NULL. The type stands there only where the step has failed for good. Its
-- status stays.
-- Returns its id, or no row where it has ended, or where it goes on and nothing was noted.
-- Its words for the status match no partial index: it is found by its id (docs/scaling.md).
-- Parameters: execution_id, next_retry_at (or NULL), error_type (or NULL), error_message (or NULL).
UPDATE workflow_executions
SET
    next_retry_at = %(next_retry_at)s,
    error_type = %(error_type)s,
    error_message = %(error_message)s
WHERE id = %(execution_id)s
  AND status NOT IN ('SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')
  AND (%(error_message)s::TEXT IS NOT NULL OR error_message IS NOT NULL)
RETURNING id;
