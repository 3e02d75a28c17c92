-- What people have asked for one execution, the latest first.
-- Parameters: execution_id.
SELECT request.id, request.action, request.status, request.reason, request.created_at
FROM run_requests AS request
WHERE request.execution_id = %(execution_id)s
ORDER BY request.created_at DESC
LIMIT 10;
