-- Claim one open request that is due, and read what it is about. The turn goes to the user whose
-- last claim is longest ago, so no user waits for another user's many requests. A request whose
-- claim has ended is due again: its follower has died.
-- Rows of another user count as missing, whatever put them there.
-- Parameters: claim_id, claimed_until, now.
WITH due AS MATERIALIZED (
    SELECT request.id
    FROM run_requests AS request
    CROSS JOIN LATERAL (
        SELECT MAX(earlier.claimed_until) AS claimed_until
        FROM run_requests AS earlier
        WHERE earlier.user_id = request.user_id
    ) AS turn
    WHERE request.status IN ('PENDING', 'ACCEPTED')
      AND request.next_try_at <= %(now)s
      AND (request.claimed_until IS NULL OR request.claimed_until <= %(now)s)
    ORDER BY turn.claimed_until NULLS FIRST, request.next_try_at, request.id
    LIMIT 1
    FOR UPDATE OF request SKIP LOCKED
),
claimed AS (
    UPDATE run_requests AS request
    SET
        claim_id = %(claim_id)s,
        claimed_until = %(claimed_until)s,
        attempts = request.attempts + 1
    FROM due
    WHERE request.id = due.id
    RETURNING request.*
)
SELECT
    claimed.id,
    claimed.user_id,
    claimed.action,
    schedule.id AS schedule_id,
    collection.id AS collection_id,
    execution.id AS execution_id,
    COALESCE(claimed.dag_run_id, execution.dag_run_id) AS dag_run_id,
    claimed.window_start,
    claimed.window_end,
    claimed.from_date,
    claimed.to_date,
    claimed.reprocess_behavior,
    claimed.parameters,
    claimed.status,
    claimed.accepted_at,
    claimed.attempts,
    claimed.last_backfill_id,
    claimed.last_week,
    COALESCE(owner.is_active, true) AS user_is_active,
    execution.status AS execution_status,
    execution.amc_status,
    execution.error_type,
    EXISTS (
        SELECT FROM workflow_executions AS later
        WHERE later.dag_id = execution.dag_id
          AND later.dag_run_id = execution.dag_run_id
          AND later.user_id = execution.user_id
          AND later.attempt > execution.attempt
    ) AS has_later_attempt
FROM claimed
JOIN users AS owner ON owner.id = claimed.user_id
LEFT JOIN workflow_executions AS execution
    ON execution.id = claimed.execution_id AND execution.user_id = claimed.user_id
LEFT JOIN workflow_schedules AS schedule
    ON schedule.id = COALESCE(claimed.schedule_id, execution.schedule_id)
    AND schedule.user_id = claimed.user_id
LEFT JOIN report_data_collections AS collection
    ON collection.id = COALESCE(claimed.collection_id, execution.collection_id)
    AND collection.user_id = claimed.user_id;
