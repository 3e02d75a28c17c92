-- An orphaned execution has been ended: so has its week, unless another DAG run sees to it.
-- Parameters: execution_id, week_start_date, week_end_date, error_message, completed_at.
UPDATE report_data_weeks AS week
SET
    status = 'FAILED',
    execution_id = closed.id,
    error_message = %(error_message)s,
    execution_duration = closed.execution_duration,
    result_rows = NULL,
    result_size_bytes = NULL,
    completed_at = %(completed_at)s
FROM workflow_executions AS closed
WHERE closed.id = %(execution_id)s
  AND week.collection_id = closed.collection_id
  AND week.week_start_date = %(week_start_date)s
  AND week.week_end_date = %(week_end_date)s
  AND week.status IN ('PENDING', 'RUNNING')
  AND (
      week.execution_id IS NULL
      OR EXISTS (
          SELECT FROM workflow_executions AS attempt
          WHERE attempt.id = week.execution_id
            AND attempt.dag_id = closed.dag_id
            AND attempt.dag_run_id = closed.dag_run_id
      )
  )
RETURNING week.id;
