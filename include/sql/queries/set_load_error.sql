-- Results that AMC has of an attempt which ended without them could not be loaded. The attempt is no
-- longer one that was only interrupted, so that a clear of the whole run asks AMC again.
-- Its words for the status match no partial index: it is found by its id (docs/scaling.md).
-- Parameters: execution_id, error_type, error_message.
UPDATE workflow_executions
SET
    error_type = %(error_type)s,
    error_message = %(error_message)s
WHERE id = %(execution_id)s
  AND status IN ('FAILED', 'CANCELLED', 'TIMEOUT')
RETURNING id;
