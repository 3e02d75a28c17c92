-- Grant the free slots of an account to the executions whose turn it is, and return their ids.
-- An AMC instance may stand in several rows of amc_instances, one for each of its users: they share
-- its slots. Executions that others started at AMC take slots too, of the instance and of the
-- account, as last counted; what the application runs itself (no DAG) is among them and asks for no
-- slot here. Rows that ended while AMC had not said so take slots until that count, for as long as
-- a count lasts. A count from the future is none.
-- Turns are fair between users: whose share is smaller comes first, and a share is what the user
-- holds plus the place in the user's own line. Equal shares go by age. In a user's line a
-- collection's execution has its turn as if it had come later, so schedules go first and nothing
-- waits for ever. Only as many heads of each line are read as slots are free, so that long lines
-- cost nothing. The words for the status are those of the lines' own indexes and match no other
-- (docs/scaling.md).
-- Parameters: account_key (UUID, locked), granted_at, collection_handicap (interval),
-- foreign_counted_since and foreign_counted_until (other counts say nothing).
WITH instances AS (
    SELECT
        counted.*,
        MIN(counted.max_concurrent_executions) OVER same AS instance_limit,
        MAX(CASE WHEN counted.is_counted THEN counted.foreign_executions ELSE 0 END)
            OVER same AS foreign_slots,
        CASE
            WHEN counted.is_counted THEN counted.foreign_counted_at
            ELSE %(foreign_counted_since)s
        END AS unlisted_since
    FROM (
        SELECT
            instance.id,
            instance.user_id,
            instance.instance_id AS amc_instance,
            instance.max_concurrent_executions,
            instance.foreign_executions,
            instance.foreign_counted_at,
            COALESCE(
                instance.foreign_counted_at
                    BETWEEN %(foreign_counted_since)s AND %(foreign_counted_until)s,
                false
            ) AS is_counted
        FROM amc_instances AS instance
        WHERE instance.account_id = %(account_key)s
    ) AS counted
    WINDOW same AS (PARTITION BY counted.amc_instance)
),
held AS (
    SELECT
        instances.id,
        instances.user_id,
        instances.amc_instance,
        own.slots + closed.slots AS slots
    FROM instances
    CROSS JOIN LATERAL (
        SELECT COUNT(*) AS slots
        FROM workflow_executions AS execution
        WHERE execution.instance_id = instances.id
          AND execution.user_id = instances.user_id
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
    CROSS JOIN LATERAL (
        SELECT COUNT(*) AS slots
        FROM workflow_executions AS execution
        WHERE execution.instance_id = instances.id
          AND execution.user_id = instances.user_id
          AND execution.dag_id IS NOT NULL
          AND execution.amc_execution_id IS NOT NULL
          AND execution.status IN ('FAILED', 'CANCELLED', 'TIMEOUT')
          AND COALESCE(execution.amc_status, '') NOT IN (
              'SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELLED', 'TIMED_OUT'
          )
          AND execution.completed_at > instances.unlisted_since
    ) AS closed
),
free AS (
    SELECT
        instances.id,
        instances.user_id,
        instances.amc_instance,
        held.slots AS held_slots,
        instances.instance_limit::BIGINT - instances.foreign_slots
            - SUM(held.slots) OVER (PARTITION BY instances.amc_instance) AS slots
    FROM instances
    JOIN held ON held.id = instances.id
),
taken AS (
    SELECT held.slots FROM held
    UNION ALL
    SELECT each.foreign_slots
    FROM (SELECT DISTINCT amc_instance, foreign_slots FROM instances) AS each
),
queued AS (
    SELECT
        head.id,
        head.turn,
        free.user_id,
        free.amc_instance,
        free.slots,
        free.held_slots
            + ROW_NUMBER() OVER (PARTITION BY free.id ORDER BY head.turn, head.id) AS share
    FROM free
    CROSS JOIN LATERAL (
        (
            SELECT
                execution.id,
                execution.created_at AS turn
            FROM workflow_executions AS execution
            WHERE execution.instance_id = free.id
              AND execution.user_id = free.user_id
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
              AND execution.user_id = free.user_id
              AND execution.status IS NOT DISTINCT FROM 'PENDING'
              AND execution.dag_id IS NOT NULL
              AND execution.slot_granted_at IS NULL
              AND execution.collection_id IS NOT NULL
            ORDER BY execution.created_at, execution.id
            LIMIT GREATEST(free.slots, 0)
        )
    ) AS head
),
-- Of each AMC instance as many as it has slots
placed AS (
    SELECT
        queued.*,
        ROW_NUMBER() OVER (
            PARTITION BY queued.amc_instance ORDER BY queued.share, queued.turn, queued.id
        ) AS place
    FROM queued
),
-- Of the account, where a user may have several instances
shared AS (
    SELECT
        placed.id,
        placed.turn,
        placed.user_id,
        ROW_NUMBER() OVER (
            PARTITION BY placed.user_id ORDER BY placed.share, placed.turn, placed.id
        ) + (
            SELECT SUM(held.slots) FROM held WHERE held.user_id = placed.user_id
        ) AS share
    FROM placed
    WHERE placed.place <= placed.slots
),
next_in_line AS (
    SELECT
        shared.id,
        ROW_NUMBER() OVER (ORDER BY shared.share, shared.turn, shared.id) AS place
    FROM shared
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
