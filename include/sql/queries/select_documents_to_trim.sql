-- Read old results whose documents still have their rows, oldest first, page by page. A row is an
-- execution with the list of files in its document, and the files that hold its rows. These are its
-- own, or those of the later success that superseded it; is_as_full says whether that has as many
-- rows. A result that was loaded again lately is not old.
-- Parameters: before, after_completed_at and after_id (the last row of the page before), limit.
SELECT
    execution.id,
    execution.completed_at,
    COALESCE(execution.result_data -> 'files', 'null') AS listed_files,
    COALESCE(keeper.id, execution.id) AS keeper_id,
    COALESCE(keeper.workflow_id, execution.workflow_id) AS keeper_workflow_id,
    CASE
        WHEN execution.result_files_deleted_at IS NULL THEN execution.result_data -> 'files'
        ELSE keeper.result_data -> 'files'
    END AS files,
    execution.result_files_deleted_at IS NULL
    OR COALESCE(keeper.result_rows >= execution.result_rows, false) AS is_as_full
FROM workflow_executions AS execution
LEFT JOIN workflow_executions AS keeper
    ON keeper.id = execution.superseded_by
    AND keeper.result_files_deleted_at IS NULL
WHERE execution.status = 'SUCCESS'
  AND execution.result_data_trimmed_at IS NULL
  AND execution.completed_at < %(before)s
  AND COALESCE(execution.results_loaded_at, execution.completed_at) < %(before)s
  AND (execution.completed_at, execution.id) > (%(after_completed_at)s, %(after_id)s)
  AND jsonb_path_exists(
      CASE
          WHEN execution.result_files_deleted_at IS NULL THEN execution.result_data
          ELSE keeper.result_data
      END,
      '$.files[0].uri'
  )
  AND jsonb_path_exists(execution.result_data, '$.data[0]')
ORDER BY execution.completed_at, execution.id
LIMIT %(limit)s;
