-- Store the time since when open executions have no living DAG run, and clear it where they have
-- one again. Rows that a user keeps locked are left to a later round.
-- The condition on the status is written so that no partial index matches it: the rows are found by
-- their ids (docs/explanation/scaling.md).
-- Parameters: execution_ids (UUIDs, all that were looked at), orphan_ids (those without), seen_at.
UPDATE workflow_executions
SET orphaned_at = CASE WHEN id = ANY(%(orphan_ids)s::UUID[]) THEN %(seen_at)s::TIMESTAMPTZ END
WHERE id IN (
      SELECT looked_at.id FROM workflow_executions AS looked_at
      WHERE looked_at.id = ANY(%(execution_ids)s::UUID[])
      FOR NO KEY UPDATE SKIP LOCKED
  )
  AND status NOT IN ('SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')
  AND (orphaned_at IS NOT NULL) <> (id = ANY(%(orphan_ids)s::UUID[]))
RETURNING id;
