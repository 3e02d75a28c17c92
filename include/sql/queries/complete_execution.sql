-- Results are loaded: end the execution as SUCCESS. Loading it again replaces the same results.
-- Parameters: execution_id, amc_status, result_data (JSON), result_rows, result_size_bytes,
-- execution_duration_seconds (AMC's own figure, or NULL), completed_at.
UPDATE workflow_executions
SET
    status = 'SUCCESS',
    amc_status = %(amc_status)s,
    result_data = %(result_data)s,
    result_rows = %(result_rows)s,
    result_size_bytes = %(result_size_bytes)s,
    results_loaded_at = %(completed_at)s,
    result_data_trimmed_at = NULL,
    result_files_deleted_at = NULL,
    superseded_by = NULL,
    execution_duration = COALESCE(
        %(execution_duration_seconds)s,
        EXTRACT(EPOCH FROM %(completed_at)s - COALESCE(started_at, created_at))::INTEGER
    ),
    error_type = NULL,
    next_retry_at = NULL,
    error_message = NULL,
    completed_at = COALESCE(completed_at, %(completed_at)s)
WHERE id = %(execution_id)s
  AND (
      status IN ('RUNNING', 'SUCCESS')
      -- AMC had the results and loading them failed: the task was cleared to load them now
      OR (status = 'FAILED' AND amc_status = 'SUCCEEDED')
      -- AMC had the results when the waiting task was ended, and the order to stop came too late
      OR (status = 'CANCELLED' AND error_type = 'KILLED' AND amc_status = 'SUCCEEDED')
  )
RETURNING id;
