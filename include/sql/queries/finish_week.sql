-- Record the end of a week's run; the transaction holds the week (lock_week). Results count unless the
-- week shows later ones. A failed run does not replace results and does not change a skipped week. It
-- does not take a week from another DAG run whose execution is open or has results.
-- A restatement changes a week by its results alone, and not when the week ended.
-- The columns of the execution are copied from its row.
-- Parameters: collection_id, week_start_date, week_end_date, dag_id, dag_run_id (of the run that
-- has ended), is_restatement (of that run), execution_id (UUID or NULL), status (SUCCESS or FAILED),
-- error_message, completed_at.
UPDATE report_data_weeks AS week
SET
    status = %(status)s,
    execution_id = ended.id,
    error_message = %(error_message)s,
    retry_count = COALESCE(ended.retry_count, week.retry_count),
    execution_duration = ended.execution_duration,
    result_rows = ended.result_rows,
    result_size_bytes = ended.result_size_bytes,
    completed_at = COALESCE(
        CASE WHEN %(is_restatement)s AND week.status = 'SUCCESS' THEN week.completed_at END,
        %(completed_at)s
    )
FROM (SELECT %(execution_id)s::UUID AS execution_id) AS run
LEFT JOIN workflow_executions AS ended ON ended.id = run.execution_id
WHERE week.collection_id = %(collection_id)s
  AND week.week_start_date = %(week_start_date)s
  AND week.week_end_date = %(week_end_date)s
  AND (%(status)s = 'SUCCESS' OR NOT %(is_restatement)s)
  AND (
      (
          %(status)s = 'SUCCESS'
          AND NOT EXISTS (
              SELECT FROM workflow_executions AS shown
              WHERE shown.id = week.execution_id
                AND week.status = 'SUCCESS'
                AND shown.status = 'SUCCESS'
                AND shown.completed_at > ended.completed_at
          )
      )
      OR week.status IN ('PENDING', 'FAILED')
      OR (
          week.status = 'RUNNING'
          AND NOT EXISTS (
              SELECT FROM workflow_executions AS attempt
              WHERE attempt.id = week.execution_id
                AND (attempt.dag_id, attempt.dag_run_id)
                    IS DISTINCT FROM (%(dag_id)s, %(dag_run_id)s)
                AND attempt.status NOT IN ('FAILED', 'CANCELLED', 'TIMEOUT')
          )
      )
  )
RETURNING week.id;
