-- Read the version of an execution's window before it: the latest earlier success of the same
-- workflow and schedule or collection. One that no rule of the user refuses comes before any other,
-- for current_results shows it; then one that asked AMC for the same.
-- Windows that AMC chooses itself have no versions.
-- Parameters: execution_id.
SELECT
    previous.id AS execution_id,
    (
        previous.submitted_sql = execution.submitted_sql
        AND previous.input_parameters = execution.input_parameters
        AND previous.parameters = execution.parameters
        AND previous.amc_options = execution.amc_options
        AND previous.instance_id = execution.instance_id
    ) IS TRUE AS asks_the_same
FROM workflow_executions AS execution
JOIN workflow_executions AS previous
    ON previous.workflow_id = execution.workflow_id
    AND previous.window_start = execution.window_start
    AND previous.window_end = execution.window_end
    AND previous.window_type = execution.window_type
    AND previous.schedule_id IS NOT DISTINCT FROM execution.schedule_id
    AND previous.collection_id IS NOT DISTINCT FROM execution.collection_id
    -- After the row is deleted, the DAG still tells it from other deleted ones
    AND previous.dag_id IS NOT DISTINCT FROM execution.dag_id
    AND previous.user_id = execution.user_id
    AND previous.status = 'SUCCESS'
    AND (previous.completed_at, previous.id) < (execution.completed_at, execution.id)
WHERE execution.id = %(execution_id)s
  AND execution.window_type = 'EXPLICIT'
ORDER BY
    COALESCE(previous.error_type, '') IN ('CONTRACT_BROKEN', 'CHECK_FAILED'),
    asks_the_same DESC, previous.completed_at DESC, previous.id DESC
LIMIT 1;
