-- Store the time just before AMC is asked. Only the first call returns a row: its caller knows that
-- nothing was sent before.
-- The condition on the status is written so that no partial index matches it: the row is found by
-- its id (docs/explanation/scaling.md).
-- Parameters: execution_id, submission_started_at.
UPDATE workflow_executions
SET submission_started_at = %(submission_started_at)s
WHERE id = %(execution_id)s
  AND status IS NOT DISTINCT FROM 'PENDING'
  AND submission_started_at IS NULL
RETURNING id;
