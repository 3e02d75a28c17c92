-- Read the results of a workflow that were current at a time, in the order of their windows: of
-- each schedule or collection and window the latest success.
-- Parameters: workflow_id, loaded_until (NULL: now).
SELECT
    result.execution_id,
    result.workflow_id,
    result.schedule_id,
    result.collection_id,
    result.window_start,
    result.window_end,
    result.window_time_zone,
    result.window_type,
    result.result_rows,
    result.result_size_bytes,
    result.files,
    result.columns,
    result.files_deleted_at,
    result.completed_at,
    result.results_loaded_at,
    result.versions
FROM results_as_of(COALESCE(%(loaded_until)s::TIMESTAMPTZ, 'infinity')) AS result
WHERE result.workflow_id = %(workflow_id)s
ORDER BY result.window_start, result.window_end, result.completed_at, result.execution_id;
