-- End an open execution without results. One that has ended stays as it is.
-- The condition on the status is written so that no partial index matches it: the row is found by
-- its id (docs/explanation/scaling.md).
-- Parameters: execution_id, sources (statuses that it may have), status (FAILED, CANCELLED or TIMEOUT),
-- amc_status (NULL, or a final one is stored: as it is), error_type,
-- error_message, completed_at, next_retry_at (of the next attempt; NULL where none comes).
UPDATE workflow_executions
SET
    status = %(status)s,
    -- AMC's last word stays: a try that Airflow believes dead may write an earlier answer late
    amc_status = CASE
        WHEN amc_status IN ('SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELLED', 'TIMED_OUT')
            THEN amc_status
        ELSE COALESCE(%(amc_status)s, amc_status)
    END,
    error_type = %(error_type)s,
    error_message = %(error_message)s,
    completed_at = %(completed_at)s,
    next_retry_at = %(next_retry_at)s,
    execution_duration = EXTRACT(EPOCH FROM %(completed_at)s - COALESCE(started_at, created_at))::INTEGER
WHERE id = %(execution_id)s
  AND array_position(%(sources)s::TEXT[], status) IS NOT NULL
RETURNING id;
