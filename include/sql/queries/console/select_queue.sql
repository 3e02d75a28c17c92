-- Who waits for slots: open executions of the visible definitions, by user.
-- By instance, so that an index has a condition: not all open executions are read by another index.
-- Parameters: schedule_ids, collection_ids (UUID arrays: the visible definitions).
SELECT
    owner.email AS owner,
    SUM(open.running)::BIGINT AS running,
    SUM(open.waiting)::BIGINT AS waiting,
    MIN(open.waiting_since) AS waiting_since
FROM amc_instances AS instance
CROSS JOIN LATERAL (
    SELECT
        execution.user_id,
        COUNT(*) FILTER (WHERE execution.status = 'RUNNING') AS running,
        COUNT(*) FILTER (WHERE execution.status = 'PENDING') AS waiting,
        MIN(execution.created_at) FILTER (WHERE execution.status = 'PENDING') AS waiting_since
    FROM workflow_executions AS execution
    WHERE execution.instance_id = instance.id
        AND execution.status IN ('PENDING', 'RUNNING')
        AND COALESCE(execution.dag_id, '') <> ''
        AND (
            execution.schedule_id IN (SELECT unnest(%(schedule_ids)s::UUID[]))
            OR execution.collection_id IN (SELECT unnest(%(collection_ids)s::UUID[]))
        )
    GROUP BY execution.user_id
) AS open
JOIN users AS owner ON owner.id = open.user_id
GROUP BY owner.email
ORDER BY waiting DESC, running DESC, owner.email
LIMIT 20;
