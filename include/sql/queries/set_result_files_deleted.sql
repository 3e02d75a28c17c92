-- Store that the files of results are deleted, and which execution has the results now. Rows that
-- named this execution name that one. Nothing changes where the results were loaded again
-- meanwhile, or where a user keeps one of the rows locked.
-- Parameters: execution_id, files (JSON, as read), keeper_id, deleted_at,
-- before (as it was selected).
WITH unlocked AS MATERIALIZED (
    SELECT id
    FROM workflow_executions
    WHERE id = %(execution_id)s OR superseded_by = %(execution_id)s
    FOR NO KEY UPDATE SKIP LOCKED
),
noted AS (
    UPDATE workflow_executions
    SET
        result_data = result_data || '{"files": []}',
        result_files_deleted_at = %(deleted_at)s,
        superseded_by = %(keeper_id)s
    WHERE id = %(execution_id)s
      AND status = 'SUCCESS'
      AND result_files_deleted_at IS NULL
      AND COALESCE(results_loaded_at, completed_at) < %(before)s
      AND result_data -> 'files' = %(files)s::JSONB
      AND (SELECT COUNT(*) FROM unlocked) = (
          SELECT COUNT(*) FROM workflow_executions
          WHERE id = %(execution_id)s OR superseded_by = %(execution_id)s
      )
    RETURNING id
),
led_on AS (
    UPDATE workflow_executions
    SET superseded_by = %(keeper_id)s
    FROM noted
    WHERE workflow_executions.superseded_by = noted.id
)
SELECT id
FROM noted;
