-- Say that AMC is being asked. Only the first to say so knows that nothing can have been sent before.
-- Parameters: execution_id, sending_at.
UPDATE workflow_executions
SET sending_at = %(sending_at)s
WHERE id = %(execution_id)s
  AND status = 'PENDING'
  AND sending_at IS NULL
RETURNING id;
