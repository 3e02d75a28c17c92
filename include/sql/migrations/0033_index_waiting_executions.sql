-- Slots are granted once for each execution, and again whenever somebody looks whether it is his turn.
-- That must cost the same however long the lines are: who holds a slot and who is first in line are
-- found without reading those behind. Small indexes, because they hold open executions only;
-- but for the last one.
--
-- They are found by the same words alone: IS NOT DISTINCT FROM, as in grant_slots.sql, which says why.
--
-- Building them reads the table once each, while nobody writes it: some seconds for a million rows.
-- Where that is too long, run the four statements beforehand, each with CREATE INDEX CONCURRENTLY; an
-- index that this has left INVALID, because it failed, must be dropped before.
CREATE INDEX IF NOT EXISTS idx_workflow_executions_held
    ON workflow_executions (instance_id)
    WHERE dag_id IS NOT NULL
      AND (
          status IS NOT DISTINCT FROM 'RUNNING'
          OR (status IS NOT DISTINCT FROM 'PENDING' AND slot_granted_at IS NOT NULL)
      );
CREATE INDEX IF NOT EXISTS idx_workflow_executions_queued_schedules
    ON workflow_executions (instance_id, created_at, id)
    WHERE status IS NOT DISTINCT FROM 'PENDING'
      AND dag_id IS NOT NULL
      AND slot_granted_at IS NULL
      AND collection_id IS NULL;
CREATE INDEX IF NOT EXISTS idx_workflow_executions_queued_collections
    ON workflow_executions (instance_id, created_at, id)
    WHERE status IS NOT DISTINCT FROM 'PENDING'
      AND dag_id IS NOT NULL
      AND slot_granted_at IS NULL
      AND collection_id IS NOT NULL;

-- The upkeep goes through all results that have their files, page after page, oldest first.
CREATE INDEX IF NOT EXISTS idx_workflow_executions_kept_files
    ON workflow_executions (completed_at, id)
    WHERE status = 'SUCCESS' AND window_type = 'EXPLICIT' AND result_files_deleted_at IS NULL;

-- Every execution passes through the indexes of open ones. By default what it leaves there would stay
-- until a fifth of all history has changed: for a million rows, after 200,000 changes.
ALTER TABLE workflow_executions SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);
