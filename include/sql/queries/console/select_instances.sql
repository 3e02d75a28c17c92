-- The instances behind the visible definitions: health, slots in use, queue, AMC's time of today.
-- The conditions on the status match the indexes of grant_slots.sql.
-- Parameters: schedule_ids, collection_ids (UUID arrays: the visible definitions), all_instances
-- (true: those without a visible definition too), today (time at which the day began).
WITH visible AS (
    SELECT workflow.instance_id
    FROM unnest(%(schedule_ids)s::UUID[]) AS listed (id)
    JOIN workflow_schedules AS schedule ON schedule.id = listed.id
    JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
    UNION
    SELECT collection.instance_id
    FROM unnest(%(collection_ids)s::UUID[]) AS listed (id)
    JOIN report_data_collections AS collection ON collection.id = listed.id
),

-- At once for all: by instance, each would read its index of all times
begun_today AS MATERIALIZED (
    SELECT
        execution.instance_id,
        COUNT(*) AS executions,
        SUM(execution.execution_duration) AS amc_seconds
    FROM workflow_executions AS execution
    WHERE execution.created_at >= %(today)s
    GROUP BY execution.instance_id
)

SELECT
    instance.id,
    instance.name,
    instance.instance_id AS amc_instance_id,
    instance.instance_type,
    instance.region,
    instance.is_active,
    instance.health_status,
    instance.health_error,
    instance.last_health_check,
    instance.max_concurrent_executions AS slot_limit,
    instance.external_executions,
    owner.email AS owner,
    held.slots AS slots_in_use,
    queued.waiting,
    queued.waiting_since,
    COALESCE(begun_today.executions, 0) AS executions_today,
    COALESCE(begun_today.amc_seconds, 0) AS amc_seconds_today
FROM amc_instances AS instance
JOIN users AS owner ON owner.id = instance.user_id
CROSS JOIN LATERAL (
    SELECT COUNT(*) AS slots
    FROM workflow_executions AS execution
    WHERE execution.instance_id = instance.id
        AND execution.dag_id IS NOT NULL
        AND (
            execution.status IS NOT DISTINCT FROM 'RUNNING'
            OR (
                execution.status IS NOT DISTINCT FROM 'PENDING'
                AND execution.slot_granted_at IS NOT NULL
            )
        )
) AS held
CROSS JOIN LATERAL (
    SELECT COUNT(*) AS waiting, MIN(execution.created_at) AS waiting_since
    FROM workflow_executions AS execution
    WHERE execution.instance_id = instance.id
        AND execution.dag_id IS NOT NULL
        AND execution.status IN ('PENDING', 'RUNNING')
        AND execution.status = 'PENDING'
        AND execution.slot_granted_at IS NULL
) AS queued
LEFT JOIN begun_today ON begun_today.instance_id = instance.id
WHERE %(all_instances)s OR instance.id IN (SELECT visible.instance_id FROM visible)
ORDER BY instance.health_status = 'HEALTHY', instance.name, instance.id
LIMIT 200;
