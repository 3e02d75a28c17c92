-- Read where the result of one execution is, whether it is current or not.
-- Parameters: execution_id.
SELECT
    execution.id AS execution_id,
    execution.workflow_id,
    execution.schedule_id,
    execution.collection_id,
    execution.window_start,
    execution.window_end,
    execution.window_time_zone,
    execution.window_type,
    execution.result_rows,
    execution.result_size_bytes,
    execution.result_data -> 'files' AS files,
    execution.result_data #> '{schema,fields}' AS columns,
    execution.result_files_deleted_at AS files_deleted_at,
    execution.completed_at,
    execution.results_loaded_at,
    1 AS versions
FROM workflow_executions AS execution
WHERE execution.id = %(execution_id)s
  AND execution.status = 'SUCCESS';
