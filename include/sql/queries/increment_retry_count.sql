-- Count a further try of an open execution, and clear the error and the time of the next try.
-- The condition on the status is written so that no partial index matches it: the row is found by
-- its id (docs/explanation/scaling.md).
-- After a clear of its run in Airflow it counts as an attempt since that clear.
-- Parameters: execution_id, clear_number (how often the run has been cleared).
UPDATE workflow_executions
SET
    retry_count = COALESCE(retry_count, 0) + 1,
    clear_number = GREATEST(clear_number, %(clear_number)s),
    next_retry_at = NULL,
    error_type = NULL,
    error_message = NULL
WHERE id = %(execution_id)s
  AND status NOT IN ('SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')
RETURNING id;
