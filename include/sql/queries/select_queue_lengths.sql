-- Count the open executions of each row of amc_instances that is active or has some: how many wait
-- for a slot, how many have one, and how many of these AMC has accepted.
-- By instance, so that an index has a condition: not all open executions are read by another index.
-- Executions of the application have no DAG and are left out, as in select_open_executions.
-- Parameters: none.
SELECT
    instance.instance_id,
    instance.user_id,
    open.waiting,
    open.submitting,
    open.running,
    open.waiting_since
FROM amc_instances AS instance
CROSS JOIN LATERAL (
    SELECT
        COUNT(*) FILTER (
            WHERE execution.status = 'PENDING' AND execution.slot_granted_at IS NULL
        ) AS waiting,
        COUNT(*) FILTER (
            WHERE execution.status = 'PENDING' AND execution.slot_granted_at IS NOT NULL
        ) AS submitting,
        COUNT(*) FILTER (WHERE execution.status = 'RUNNING') AS running,
        MIN(execution.created_at) FILTER (
            WHERE execution.status = 'PENDING' AND execution.slot_granted_at IS NULL
        ) AS waiting_since
    FROM workflow_executions AS execution
    WHERE execution.instance_id = instance.id
        AND execution.status IN ('PENDING', 'RUNNING')
        AND COALESCE(execution.dag_id, '') <> ''
) AS open
WHERE instance.is_active OR open.waiting + open.submitting + open.running > 0;
