-- The versions of one execution's window, the latest first, and what each changed.
-- Parameters: execution_id.
SELECT
    version.id,
    version.completed_at,
    version.result_rows,
    version.error_type,
    version.result_files_deleted_at AS files_deleted_at,
    difference.change_ratio::TEXT AS change_ratio,
    difference.rows_new,
    difference.rows_gone,
    difference.rows_changed
FROM workflow_executions AS execution
JOIN workflow_executions AS version
    ON version.workflow_id = execution.workflow_id
    AND version.window_start = execution.window_start
    AND version.window_end = execution.window_end
    AND version.window_type = execution.window_type
    AND version.dag_id = execution.dag_id
    AND version.user_id = execution.user_id
    AND version.status = 'SUCCESS'
LEFT JOIN result_differences AS difference ON difference.execution_id = version.id
WHERE execution.id = %(execution_id)s
ORDER BY version.completed_at DESC NULLS LAST, version.id DESC
LIMIT 50;
