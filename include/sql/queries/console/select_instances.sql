-- The instances behind the visible definitions: health, slots in use, queue, AMC's time of today.
-- Rows of several users may be one AMC instance: they share its slots, as in grant_slots.sql, whose
-- conditions these are. Where the account has fewer slots left, the slots are those of the account.
-- Parameters: schedule_ids, collection_ids (UUID arrays: the visible definitions), all_instances
-- (true: those without a visible definition too), today (time at which the day began),
-- external_counted_since and external_counted_until (other counts of external executions say nothing).
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

shown AS MATERIALIZED (
    SELECT instance.*
    FROM amc_instances AS instance
    WHERE %(all_instances)s OR instance.id IN (SELECT visible.instance_id FROM visible)
    ORDER BY instance.health_status = 'HEALTHY', instance.name, instance.id
    LIMIT 200
),

-- All rows of the accounts, with what takes slots
counted AS (
    SELECT
        instance.account_id,
        instance.instance_id AS amc_instance,
        instance.max_concurrent_executions,
        CASE WHEN fresh.is_counted THEN instance.external_executions ELSE 0 END AS external_slots,
        own.slots + closed.slots AS slots
    FROM amc_instances AS instance
    CROSS JOIN LATERAL (
        SELECT COALESCE(
            instance.external_counted_at
                BETWEEN %(external_counted_since)s AND %(external_counted_until)s,
            false
        ) AS is_counted
    ) AS fresh
    CROSS JOIN LATERAL (
        SELECT COUNT(*) AS slots
        FROM workflow_executions AS execution
        WHERE execution.instance_id = instance.id
            AND execution.user_id = instance.user_id
            AND execution.dag_id IS NOT NULL
            AND (
                execution.status IS NOT DISTINCT FROM 'RUNNING'
                OR (
                    execution.status IS NOT DISTINCT FROM 'PENDING'
                    AND execution.slot_granted_at IS NOT NULL
                )
            )
    ) AS own
    CROSS JOIN LATERAL (
        SELECT COUNT(*) AS slots
        FROM workflow_executions AS execution
        WHERE execution.instance_id = instance.id
            AND execution.user_id = instance.user_id
            AND execution.dag_id IS NOT NULL
            AND execution.amc_execution_id IS NOT NULL
            AND execution.status IN ('FAILED', 'CANCELLED', 'TIMEOUT')
            AND COALESCE(execution.amc_status, '') NOT IN (
                'SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELLED', 'TIMED_OUT'
            )
            AND execution.completed_at > CASE
                WHEN fresh.is_counted THEN instance.external_counted_at
                ELSE %(external_counted_since)s
            END
    ) AS closed
    WHERE instance.account_id IN (SELECT shown.account_id FROM shown)
),

shared AS (
    SELECT
        counted.account_id,
        counted.amc_instance,
        MIN(counted.max_concurrent_executions) AS slot_limit,
        SUM(counted.slots)::BIGINT AS slots,
        MAX(counted.external_slots) AS external_slots
    FROM counted
    GROUP BY counted.account_id, counted.amc_instance
),

of_account AS (
    SELECT
        account.id,
        account.max_concurrent_executions AS slot_limit,
        SUM(shared.slots)::BIGINT AS slots,
        SUM(shared.external_slots)::BIGINT AS external_slots
    FROM shared
    JOIN amc_accounts AS account ON account.id = shared.account_id
    GROUP BY account.id
),

-- At once for all: by instance, each would read its index of all times
begun_today AS MATERIALIZED (
    SELECT
        execution.instance_id,
        SUM(execution.execution_duration) AS amc_seconds
    FROM workflow_executions AS execution
    WHERE execution.created_at >= %(today)s
    GROUP BY execution.instance_id
)

SELECT
    instance.id,
    instance.name,
    instance.instance_id AS amc_instance_id,
    instance.is_active,
    instance.health_status,
    instance.health_error,
    instance.last_health_check,
    owner.email AS owner,
    tighter.slot_limit_of,
    tighter.slot_limit,
    tighter.slots AS slots_in_use,
    tighter.external_slots AS external_executions,
    queued.waiting,
    queued.waiting_since,
    COALESCE(begun_today.amc_seconds, 0) AS amc_seconds_today
FROM shown AS instance
JOIN users AS owner ON owner.id = instance.user_id
JOIN shared
    ON shared.account_id = instance.account_id AND shared.amc_instance = instance.instance_id
JOIN of_account ON of_account.id = instance.account_id
CROSS JOIN LATERAL (
    SELECT limits.*
    FROM (
        VALUES
            ('INSTANCE', shared.slot_limit, shared.slots, shared.external_slots::BIGINT),
            (
                'ACCOUNT', of_account.slot_limit, of_account.slots, of_account.external_slots
            )
    ) AS limits (slot_limit_of, slot_limit, slots, external_slots)
    ORDER BY limits.slot_limit - limits.slots - limits.external_slots, limits.slot_limit_of DESC
    LIMIT 1
) AS tighter
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
ORDER BY instance.health_status = 'HEALTHY', instance.name, instance.id;
