-- Say that an open execution goes on: clear the error and the time of the next try. After a clear of
-- its run in Airflow it counts as an attempt since that clear.
-- Returns the id. Returns no row where the execution has ended, or where nothing changes.
-- The condition on the status is written so that no partial index matches it: the row is found by
-- its id (docs/explanation/scaling.md).
-- Parameters: execution_id, clear_number (how often the run has been cleared, as far as is known).
UPDATE workflow_executions
SET
    clear_number = GREATEST(clear_number, %(clear_number)s),
    next_retry_at = NULL,
    error_type = NULL,
    error_message = NULL
WHERE id = %(execution_id)s
  AND status NOT IN ('SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')
  AND (error_message IS NOT NULL OR clear_number < %(clear_number)s)
RETURNING id;
