-- Grant the free slots of an account to the executions whose turn it is, and return their ids.
-- An AMC instance may stand in several rows of amc_instances, one for each of its users: they share
-- its slots. Executions that others started at AMC take slots too, of the instance and of the
-- account, as last counted; what the application runs itself (no DAG) is among them and asks for no
-- slot here. A collection's execution has its turn as if it had come later, so schedules go first
-- and nothing waits for ever. Only as many heads of each line are read as slots are free, so that
-- long lines cost nothing. The words for the status are those of the lines' own indexes and match no
-- other (docs/scaling.md).
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
held AS (
    SELECT
        instances.amc_instance,
        SUM(own.slots)::BIGINT AS slots
    FROM instances
    CROSS JOIN LATERAL (
        SELECT COUNT(*) AS slots
        FROM workflow_executions AS execution
        WHERE execution.instance_id = instances.id
          AND execution.dag_id IS NOT NULL
          -- What AMC runs takes a slot, granted or not
          AND (
              execution.status IS NOT DISTINCT FROM 'RUNNING'
              OR (
                  execution.status IS NOT DISTINCT FROM 'PENDING'
                  AND execution.slot_granted_at IS NOT NULL
              )
          )
    ) AS own
    GROUP BY instances.amc_instance
),
free AS (
    SELECT
        instances.id,
        instances.amc_instance,
        instances.instance_limit::BIGINT - instances.foreign_executions - held.slots AS slots
    FROM instances
    JOIN held ON held.amc_instance = instances.amc_instance
),
taken AS (
    SELECT held.slots FROM held
    UNION ALL
    SELECT each.foreign_executions
    FROM (SELECT DISTINCT amc_instance, foreign_executions FROM instances) AS each
),
queued AS (
    SELECT
        head.id,
        head.turn,
        free.slots,
        ROW_NUMBER() OVER (PARTITION BY free.amc_instance ORDER BY head.turn, head.id) AS place
    FROM free
    CROSS JOIN LATERAL (
        (
            SELECT
                execution.id,
                execution.created_at AS turn
            FROM workflow_executions AS execution
            WHERE execution.instance_id = free.id
              AND execution.status IS NOT DISTINCT FROM 'PENDING'
              AND execution.dag_id IS NOT NULL
              AND execution.slot_granted_at IS NULL
              AND execution.collection_id IS NULL
            ORDER BY execution.created_at, execution.id
            LIMIT GREATEST(free.slots, 0)
        )
        UNION ALL
        (
            SELECT
                execution.id,
                -- A moment at the end of Postgres's range, which takes no more time, is nobody's
                LEAST(execution.created_at, '9999-01-01') + %(collection_handicap)s AS turn
            FROM workflow_executions AS execution
            WHERE execution.instance_id = free.id
              AND execution.status IS NOT DISTINCT FROM 'PENDING'
              AND execution.dag_id IS NOT NULL
              AND execution.slot_granted_at IS NULL
              AND execution.collection_id IS NOT NULL
            ORDER BY execution.created_at, execution.id
            LIMIT GREATEST(free.slots, 0)
        )
    ) AS head
),
next_in_line AS (
    SELECT
        queued.id,
        ROW_NUMBER() OVER (ORDER BY queued.turn, queued.id) AS place
    FROM queued
    WHERE queued.place <= queued.slots
)
UPDATE workflow_executions AS execution
SET slot_granted_at = %(granted_at)s
FROM next_in_line
WHERE execution.id = next_in_line.id
  AND execution.status IS NOT DISTINCT FROM 'PENDING'
  AND next_in_line.place <= (
      SELECT account.max_concurrent_executions FROM amc_accounts AS account
      WHERE account.id = %(account_key)s
  ) - (SELECT SUM(taken.slots) FROM taken)
RETURNING execution.id;
