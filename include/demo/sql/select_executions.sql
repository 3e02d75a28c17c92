-- The executions of the demo in the order they began.
-- Parameters: user_ids.
-- A row is an execution with the name of the schedule or collection it belongs to, and the URI of its first Parquet file.
SELECT
    COALESCE(workflow_schedules.name, report_data_collections.name) AS source,
    workflow_executions.schedule_id,
    workflow_executions.collection_id,
    workflow_executions.window_start,
    workflow_executions.window_end,
    workflow_executions.window_time_zone,
    workflow_executions.amc_execution_id,
    workflow_executions.status,
    workflow_executions.error_message,
    workflow_executions.result_rows,
    COALESCE(jsonb_array_length(workflow_executions.result_data -> 'files'), 0) AS files,
    workflow_executions.result_data #>> '{files,0,uri}' AS first_file
FROM workflow_executions
LEFT JOIN workflow_schedules ON workflow_executions.schedule_id = workflow_schedules.id
LEFT JOIN report_data_collections
    ON workflow_executions.collection_id = report_data_collections.id
WHERE workflow_executions.user_id = ANY(%(user_ids)s::uuid[])
ORDER BY
    source,
    workflow_executions.window_start,
    workflow_executions.attempt;
