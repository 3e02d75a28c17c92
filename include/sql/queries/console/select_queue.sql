-- Who waits for slots: open executions of the visible definitions, by user.
-- Parameters: schedule_ids, collection_ids (UUID arrays: the visible definitions).
SELECT
    owner.email AS owner,
    COUNT(*) FILTER (WHERE execution.status = 'RUNNING') AS running,
    COUNT(*) FILTER (WHERE execution.status = 'PENDING') AS waiting,
    MIN(execution.created_at) FILTER (WHERE execution.status = 'PENDING') AS waiting_since
FROM workflow_executions AS execution
JOIN users AS owner ON owner.id = execution.user_id
WHERE execution.status IN ('PENDING', 'RUNNING')
    AND execution.dag_id IS NOT NULL
    AND (
        execution.schedule_id = ANY(%(schedule_ids)s::UUID[])
        OR execution.collection_id = ANY(%(collection_ids)s::UUID[])
    )
GROUP BY owner.email
ORDER BY waiting DESC, running DESC, owner.email
LIMIT 20;
