-- Delete the rows in a result's document. The columns, the files and the counts stay. Nothing
-- changes where the results were loaded again meanwhile, or where a user keeps the row locked.
-- Parameters: execution_id, listed_files (JSON, as read), trimmed_at, before (as it was selected).
UPDATE workflow_executions
SET
    result_data = result_data || '{"data": [], "truncated": true}',
    result_data_trimmed_at = %(trimmed_at)s
WHERE id = (
      SELECT free.id FROM workflow_executions AS free
      WHERE free.id = %(execution_id)s
      FOR NO KEY UPDATE SKIP LOCKED
  )
  AND status = 'SUCCESS'
  AND result_data_trimmed_at IS NULL
  AND COALESCE(results_loaded_at, completed_at) < %(before)s
  AND COALESCE(result_data -> 'files', 'null') = %(listed_files)s::JSONB
RETURNING id;
