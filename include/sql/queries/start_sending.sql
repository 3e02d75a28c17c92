-- Say that AMC is being asked. Only the first to say so knows that nothing can have been sent before.
-- Not "=" but IS NOT DISTINCT FROM: by the former the planner, its statistics being old, reads the
-- index of all that is open from end to end to find one id.
-- Parameters: execution_id, sending_at.
UPDATE workflow_executions
SET sending_at = %(sending_at)s
WHERE id = %(execution_id)s
  AND status IS NOT DISTINCT FROM 'PENDING'
  AND sending_at IS NULL
RETURNING id;
