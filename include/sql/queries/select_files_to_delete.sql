-- Read old results that a later success has superseded: the same query (workflow, schedule or
-- collection, instance, SQL, values, options) over the same window. Oldest first, page by page.
-- A row is an execution with its files, and a later such success with its own. That is the latest
-- with as many rows (is_as_full), or the latest where all have fewer, as when AMC has deleted the
-- data.
-- A result that a rule of the user refuses supersedes nothing.
-- Windows that AMC chooses itself are never the same. A result that a week shows is not superseded.
-- Parameters: before, after_completed_at and after_id (the last row of the page before), limit.
SELECT
    execution.id,
    execution.workflow_id,
    execution.completed_at,
    execution.result_data -> 'files' AS files,
    keeper.id AS keeper_id,
    keeper.workflow_id AS keeper_workflow_id,
    keeper.result_data -> 'files' AS keeper_files,
    keeper.is_as_full
FROM workflow_executions AS execution
JOIN LATERAL (
    SELECT
        later.id,
        later.workflow_id,
        later.result_data,
        COALESCE(later.result_rows >= execution.result_rows, false) AS is_as_full
    FROM workflow_executions AS later
    WHERE later.status = 'SUCCESS'
      AND COALESCE(later.error_type, '') NOT IN ('CONTRACT_BROKEN', 'CHECK_FAILED')
      AND later.workflow_id = execution.workflow_id
      AND later.schedule_id IS NOT DISTINCT FROM execution.schedule_id
      AND later.collection_id IS NOT DISTINCT FROM execution.collection_id
      AND later.instance_id = execution.instance_id
      AND later.window_type = execution.window_type
      AND later.window_start = execution.window_start
      AND later.window_end = execution.window_end
      AND later.window_time_zone IS NOT DISTINCT FROM execution.window_time_zone
      AND later.submitted_sql = execution.submitted_sql
      AND later.input_parameters = execution.input_parameters
      AND later.parameters = execution.parameters
      AND later.amc_options = execution.amc_options
      AND later.result_files_deleted_at IS NULL
      AND (later.completed_at, later.id) > (execution.completed_at, execution.id)
      AND jsonb_path_exists(later.result_data, '$.files[0].uri')
    ORDER BY is_as_full DESC, later.completed_at DESC, later.id DESC
    LIMIT 1
) AS keeper ON true
WHERE execution.status = 'SUCCESS'
  AND execution.window_type = 'EXPLICIT'
  AND execution.result_files_deleted_at IS NULL
  AND execution.completed_at < %(before)s
  AND COALESCE(execution.results_loaded_at, execution.completed_at) < %(before)s
  AND (execution.completed_at, execution.id) > (%(after_completed_at)s, %(after_id)s)
  AND jsonb_path_exists(execution.result_data, '$.files[0].uri')
  AND NOT EXISTS (
      SELECT FROM report_data_weeks AS week WHERE week.execution_id = execution.id
  )
ORDER BY execution.completed_at, execution.id
LIMIT %(limit)s;
