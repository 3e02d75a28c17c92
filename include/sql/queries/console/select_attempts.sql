-- The executions of one DAG run, the latest first.
-- Parameters: dag_id, dag_run_id.
SELECT
    execution.id,
    execution.attempt,
    execution.status,
    execution.error_type,
    left(execution.error_message, 300) AS error_message,
    execution.retry_count,
    execution.created_at,
    execution.completed_at
FROM workflow_executions AS execution
WHERE execution.dag_id = %(dag_id)s AND execution.dag_run_id = %(dag_run_id)s
ORDER BY execution.attempt DESC, execution.id
LIMIT 50;
