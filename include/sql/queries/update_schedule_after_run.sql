-- Show the schedule's last run and its next one. The last run is the latest by its tick: an older one
-- that is recorded late, or cleared and recorded again, takes nothing away from it.
-- Parameters: schedule_id, due_at (of the run), last_run_at (when it ended), last_run_status,
-- next_run_at (NULL: as it is).
UPDATE workflow_schedules
SET
    last_run_status = CASE
        WHEN last_run_due_at > %(due_at)s THEN last_run_status
        ELSE %(last_run_status)s
    END,
    last_run_at = CASE
        WHEN last_run_due_at > %(due_at)s THEN last_run_at
        ELSE %(last_run_at)s
    END,
    last_run_due_at = GREATEST(last_run_due_at, %(due_at)s),
    next_run_at = COALESCE(%(next_run_at)s, next_run_at)
WHERE id = %(schedule_id)s
RETURNING id;
