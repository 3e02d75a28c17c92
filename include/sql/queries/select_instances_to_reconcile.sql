-- Read the instances to compare with AMC: those with open or recent executions, and those where the
-- next execution may start at any time, because others may have taken its slots.
-- A row is an instance with its owner and the time to list from. Where the owner has to sign in
-- again nothing can start, and only existing executions are compared.
-- Instances tried longest ago come first: a reconciliation that was broken off goes on with the
-- others, and an instance that always fails is not first each time.
-- Parameters: since.
WITH executions AS (
    SELECT
        instance_id,
        MIN(created_at) FILTER (WHERE status IN ('PENDING', 'RUNNING')) AS first_open_at
    FROM workflow_executions
    WHERE dag_id IS NOT NULL
      AND (status IN ('PENDING', 'RUNNING') OR created_at >= %(since)s)
    GROUP BY instance_id
)
SELECT
    instance.id AS instance_key,
    instance.instance_id,
    instance.user_id,
    instance.region,
    account.account_id AS entity_id,
    account.country_code,
    account.marketplace_id,
    LEAST(%(since)s, executions.first_open_at) AS list_from
FROM amc_instances AS instance
JOIN amc_accounts AS account ON account.id = instance.account_id
JOIN users AS owner ON owner.id = instance.user_id
LEFT JOIN executions ON executions.instance_id = instance.id
WHERE executions.instance_id IS NOT NULL
   OR (
       instance.is_active
       AND owner.is_active
       AND owner.encrypted_refresh_token IS NOT NULL
       AND owner.consent_revoked_at IS NULL
       AND (
           EXISTS (
               SELECT FROM workflow_schedules AS schedule
               JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
               WHERE workflow.instance_id = instance.id AND schedule.is_active
           )
           OR EXISTS (
               SELECT FROM report_data_collections AS collection
               WHERE collection.instance_id = instance.id AND collection.status = 'ACTIVE'
           )
       )
   )
ORDER BY instance.reconcile_attempted_at NULLS FIRST, instance.instance_id, instance.id;
