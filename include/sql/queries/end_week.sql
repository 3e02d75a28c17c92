-- A week's execution has ended. Failing to run a week again takes no results away.
-- retry_count is the execution's own.
-- Parameters: collection_id, week_start_date, week_end_date, execution_id, status, error_message,
-- execution_duration_seconds, result_rows, result_size_bytes, completed_at.
UPDATE report_data_weeks
SET
    status = %(status)s,
    execution_id = %(execution_id)s,
    error_message = %(error_message)s,
    retry_count = COALESCE(
        (SELECT retry_count FROM workflow_executions WHERE id = %(execution_id)s),
        report_data_weeks.retry_count
    ),
    execution_duration = %(execution_duration_seconds)s,
    result_rows = %(result_rows)s,
    result_size_bytes = %(result_size_bytes)s,
    completed_at = %(completed_at)s
WHERE collection_id = %(collection_id)s
  AND week_start_date = %(week_start_date)s
  AND week_end_date = %(week_end_date)s
  AND (status <> 'SUCCESS' OR %(status)s = 'SUCCESS')
RETURNING id;
