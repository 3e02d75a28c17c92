-- Grant the free slots of an account to waiting executions, and return their ids.
-- Several rows of amc_instances, one for each user, may be one AMC instance: they share its slots.
-- External executions take slots of the instance and of the account, as last counted. Executions of
-- the application have no DAG: they are external and get no slot here. Rows that ended while AMC
-- had not said so take slots until the next count. A count in the future is ignored.
-- The order is fair between users: the smaller share comes first. A share is the number of slots
-- that the user holds plus the execution's place in the user's own queue. Equal shares go by age.
-- In a user's queue a collection's execution counts as later by collection_handicap: schedules go
-- first, and no execution waits for ever.
-- A row that an open transaction has locked loses its turn: its user's lock stops nobody else.
-- Only as many rows of each queue are read as slots are free, so long queues cost nothing. The
-- conditions on the status match the indexes of the queues and no other (docs/explanation/scaling.md).
-- Parameters: account_key (UUID, locked), granted_at, collection_handicap (interval),
-- external_counted_since and external_counted_until (other counts say nothing).
WITH instances AS (
    SELECT
        counted.*,
        MIN(counted.max_concurrent_executions) OVER same AS instance_limit,
        MAX(CASE WHEN counted.is_counted THEN counted.external_executions ELSE 0 END)
            OVER same AS external_slots,
        CASE
            WHEN counted.is_counted THEN counted.external_counted_at
            ELSE %(external_counted_since)s
        END AS unlisted_since
    FROM (
        SELECT
            instance.id,
            instance.user_id,
            instance.instance_id AS amc_instance,
            instance.max_concurrent_executions,
            instance.external_executions,
            instance.external_counted_at,
            COALESCE(
                instance.external_counted_at
                    BETWEEN %(external_counted_since)s AND %(external_counted_until)s,
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
        instances.instance_limit::BIGINT - instances.external_slots
            - SUM(held.slots) OVER (PARTITION BY instances.amc_instance) AS slots
    FROM instances
    JOIN held ON held.id = instances.id
),
taken AS (
    SELECT held.slots FROM held
    UNION ALL
    SELECT each.external_slots
    FROM (SELECT DISTINCT amc_instance, external_slots FROM instances) AS each
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
        SELECT
            scheduled.id,
            scheduled.created_at AS turn
        FROM (
            SELECT
                execution.id,
                execution.created_at
            FROM workflow_executions AS execution
            WHERE execution.instance_id = free.id
              AND execution.user_id = free.user_id
              AND execution.status IS NOT DISTINCT FROM 'PENDING'
              AND execution.dag_id IS NOT NULL
              AND execution.slot_granted_at IS NULL
              AND execution.collection_id IS NULL
            ORDER BY execution.created_at, execution.id
            LIMIT GREATEST(free.slots, 0)
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS scheduled
        UNION ALL
        SELECT
            collected.id,
            -- A moment at the end of Postgres's range, which takes no more time, is nobody's
            LEAST(collected.created_at, '9999-01-01') + %(collection_handicap)s AS turn
        FROM (
            SELECT
                execution.id,
                execution.created_at
            FROM workflow_executions AS execution
            WHERE execution.instance_id = free.id
              AND execution.user_id = free.user_id
              AND execution.status IS NOT DISTINCT FROM 'PENDING'
              AND execution.dag_id IS NOT NULL
              AND execution.slot_granted_at IS NULL
              AND execution.collection_id IS NOT NULL
            ORDER BY execution.created_at, execution.id
            LIMIT GREATEST(free.slots, 0)
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS collected
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
