-- Say that AMC is being asked. Only the first to say so knows that nothing can have been sent before.
-- Its words for the status match no partial index: it is found by its id (docs/scaling.md).
-- Parameters: execution_id, sending_at.
UPDATE workflow_executions
SET sending_at = %(sending_at)s
WHERE id = %(execution_id)s
  AND status IS NOT DISTINCT FROM 'PENDING'
  AND sending_at IS NULL
RETURNING id;
