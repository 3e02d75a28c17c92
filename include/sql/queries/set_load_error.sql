-- Store why the results of an ended attempt could not be loaded. AMC has them, but the attempt does
-- not count as interrupted any more: a clear of the whole run asks AMC again.
-- The condition on the status is written so that no partial index matches it: the row is found by
-- its id (docs/explanation/scaling.md).
-- Parameters: execution_id, error_type, error_message.
UPDATE workflow_executions
SET
    error_type = %(error_type)s,
    error_message = %(error_message)s
WHERE id = %(execution_id)s
  AND status IN ('FAILED', 'CANCELLED', 'TIMEOUT')
RETURNING id;
