-- Insert an execution before AMC is asked to run it.
-- Returns its id. Returns no row where this attempt or another open one of the DAG run exists
-- (uq_workflow_executions_dag_run_attempt, uq_workflow_executions_open_dag_run).
-- next_retry_at of the previous attempt is cleared: its next attempt has come.
-- Parameters: execution_id, workflow_id, user_id, instance_key, schedule_id, collection_id, dag_id,
-- dag_run_id, attempt, clear_number, retry_count, parameters (JSON), window_type, window_start,
-- window_end, window_time_zone, amc_workflow_id, submitted_sql, input_parameters (JSON), amc_options
-- (JSON), deadline_at,
-- due_at (the run's tick).
WITH opened AS (
    INSERT INTO workflow_executions (
        id,
        workflow_id,
        user_id,
        instance_id,
        schedule_id,
        collection_id,
        dag_id,
        dag_run_id,
        attempt,
        clear_number,
        retry_count,
        status,
        parameters,
        window_type,
        window_start,
        window_end,
        window_time_zone,
        amc_workflow_id,
        submitted_sql,
        input_parameters,
        amc_options,
        deadline_at,
        due_at
    )
    VALUES (
        %(execution_id)s,
        %(workflow_id)s,
        %(user_id)s,
        %(instance_key)s,
        %(schedule_id)s,
        %(collection_id)s,
        %(dag_id)s,
        %(dag_run_id)s,
        %(attempt)s,
        %(clear_number)s,
        %(retry_count)s,
        'PENDING',
        %(parameters)s,
        %(window_type)s,
        %(window_start)s,
        %(window_end)s,
        %(window_time_zone)s,
        %(amc_workflow_id)s,
        %(submitted_sql)s,
        %(input_parameters)s,
        %(amc_options)s,
        %(deadline_at)s,
        %(due_at)s
    )
    ON CONFLICT DO NOTHING
    RETURNING id
),
previous AS (
    UPDATE workflow_executions
    SET next_retry_at = NULL
    WHERE dag_id = %(dag_id)s
      AND dag_run_id = %(dag_run_id)s
      AND next_retry_at IS NOT NULL
      AND EXISTS (SELECT FROM opened)
)
SELECT id
FROM opened;
