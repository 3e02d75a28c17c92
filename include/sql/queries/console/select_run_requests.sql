-- The latest requests for a schedule, a collection or an execution, the newest first.
-- Parameters: schedule_id, collection_id, execution_id (two of them are NULL).
SELECT
    request.id,
    request.action,
    request.status,
    request.reason,
    request.from_date,
    request.to_date,
    request.window_start,
    request.window_end,
    request.dag_id,
    request.dag_run_id,
    request.created_at
FROM run_requests AS request
WHERE request.schedule_id = %(schedule_id)s::UUID
    OR request.collection_id = %(collection_id)s::UUID
    OR request.execution_id = %(execution_id)s::UUID
ORDER BY request.created_at DESC, request.id
LIMIT 10;
