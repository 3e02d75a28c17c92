-- Show the schedule's last run and its next one.
-- An older run recorded late does not overwrite a newer one.
-- Parameters: schedule_id, last_run_at, last_run_status, next_run_at (NULL: as it is).
UPDATE workflow_schedules
SET
    last_run_status = CASE
        WHEN last_run_at IS NULL OR last_run_at <= %(last_run_at)s THEN %(last_run_status)s
        ELSE last_run_status
    END,
    last_run_at = GREATEST(last_run_at, %(last_run_at)s),
    next_run_at = COALESCE(%(next_run_at)s, next_run_at)
WHERE id = %(schedule_id)s
RETURNING id;
