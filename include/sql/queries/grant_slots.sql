-- Grant the free slots of an account to the executions whose turn it is, and return their ids.
-- An AMC instance may stand in several rows of amc_instances, one for each of its users: they share
-- its slots. Executions that others started at AMC take slots too, of the instance and of the
-- account, as last counted; what the application runs itself (no DAG) is among them and asks for no
-- slot here. A collection's execution has its turn as if it had come later, so schedules go first
-- and nothing waits for ever.
-- Parameters: account_key (UUID, locked), granted_at, collection_handicap (interval),
-- foreign_counted_since (older counts say nothing any more).
WITH instances AS (
    SELECT
        instance.id,
        instance.instance_id AS amc_instance,
        MIN(instance.max_concurrent_executions) OVER same AS instance_limit,
        MAX(
            CASE
                WHEN instance.foreign_counted_at >= %(foreign_counted_since)s
                    THEN instance.foreign_executions
                ELSE 0
            END
        ) OVER same AS foreign_executions
    FROM amc_instances AS instance
    WHERE instance.account_id = %(account_key)s
    WINDOW same AS (PARTITION BY instance.instance_id)
),
in_flight AS (
    SELECT
        execution.id,
        -- What AMC runs takes a slot, granted or not
        execution.slot_granted_at IS NOT NULL OR execution.status = 'RUNNING' AS has_slot,
        execution.created_at + CASE
            WHEN execution.collection_id IS NULL THEN INTERVAL '0'
            ELSE %(collection_handicap)s
        END AS turn,
        instances.amc_instance,
        instances.instance_limit - instances.foreign_executions AS instance_limit
    FROM workflow_executions AS execution
    JOIN instances ON instances.id = execution.instance_id
    WHERE execution.status IN ('PENDING', 'RUNNING')
      AND execution.dag_id IS NOT NULL
),
held AS (
    SELECT
        amc_instance,
        COUNT(*) AS slots
    FROM in_flight
    WHERE has_slot
    GROUP BY amc_instance
),
taken AS (
    SELECT held.slots FROM held
    UNION ALL
    SELECT each.foreign_executions
    FROM (SELECT DISTINCT amc_instance, foreign_executions FROM instances) AS each
),
queued AS (
    SELECT
        in_flight.*,
        ROW_NUMBER() OVER (PARTITION BY amc_instance ORDER BY turn, id) AS place
    FROM in_flight
    WHERE NOT has_slot
),
next_in_line AS (
    SELECT
        queued.id,
        ROW_NUMBER() OVER (ORDER BY queued.turn, queued.id) AS place
    FROM queued
    LEFT JOIN held ON held.amc_instance = queued.amc_instance
    WHERE queued.place <= queued.instance_limit - COALESCE(held.slots, 0)
)
UPDATE workflow_executions AS execution
SET slot_granted_at = %(granted_at)s
FROM next_in_line
WHERE execution.id = next_in_line.id
  AND execution.status = 'PENDING'
  AND next_in_line.place <= (
      SELECT account.max_concurrent_executions FROM amc_accounts AS account
      WHERE account.id = %(account_key)s
  ) - (SELECT COALESCE(SUM(taken.slots), 0) FROM taken)
RETURNING execution.id;
