-- Weeks of a collection with several versions, and how the latest differs from the one before.
-- Parameters: collection_id.
SELECT
    restated.window_start,
    restated.window_end,
    restated.versions,
    restated.execution_id,
    difference.change_ratio,
    difference.rows_new,
    difference.rows_gone,
    difference.rows_changed
FROM (
    SELECT
        execution.window_start,
        execution.window_end,
        COUNT(*) AS versions,
        (array_agg(execution.id ORDER BY execution.completed_at DESC))[1] AS execution_id
    FROM workflow_executions AS execution
    WHERE execution.collection_id = %(collection_id)s AND execution.status = 'SUCCESS'
    GROUP BY execution.window_start, execution.window_end
    HAVING COUNT(*) > 1
) AS restated
LEFT JOIN result_differences AS difference ON difference.execution_id = restated.execution_id
ORDER BY restated.window_start
LIMIT 100;
