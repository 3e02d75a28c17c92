-- End an execution as SUCCESS after its results are loaded. Loading again replaces the same
-- results. It also changes a row that ended without them, because AMC has the results.
-- The condition on the status is written so that no partial index matches it: the row is found by
-- its id (docs/explanation/scaling.md).
-- Parameters: execution_id, sources (statuses that it may have), result_data (JSON), result_rows, result_size_bytes,
-- execution_duration_seconds (AMC's own figure, or NULL), hidden_rows, blanked_rows, hidden_reasons
-- (JSON; all three NULL where nothing was counted), completed_at, column_changes (or NULL),
-- error_type and error_message (where a rule of the user refuses the results, else NULL).
UPDATE workflow_executions
SET
    status = 'SUCCESS',
    result_data = %(result_data)s,
    result_rows = %(result_rows)s,
    result_size_bytes = %(result_size_bytes)s,
    hidden_rows = %(hidden_rows)s,
    blanked_rows = %(blanked_rows)s,
    hidden_reasons = %(hidden_reasons)s,
    results_loaded_at = %(completed_at)s,
    result_data_trimmed_at = NULL,
    result_files_deleted_at = NULL,
    superseded_by = NULL,
    execution_duration = COALESCE(
        %(execution_duration_seconds)s,
        EXTRACT(EPOCH FROM %(completed_at)s - COALESCE(started_at, created_at))::INTEGER
    ),
    error_type = %(error_type)s,
    next_retry_at = NULL,
    error_message = %(error_message)s,
    column_changes = %(column_changes)s,
    completed_at = COALESCE(completed_at, %(completed_at)s)
WHERE id = %(execution_id)s
  AND array_position(%(sources)s::TEXT[], status) IS NOT NULL
  AND amc_status = 'SUCCEEDED'
RETURNING id;
