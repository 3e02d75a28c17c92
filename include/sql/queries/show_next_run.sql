-- Show the next run of a schedule after a run that had nothing to do: its last run stays as it is.
-- Parameters: schedule_id, next_run_at (NULL: as it is).
UPDATE workflow_schedules
SET next_run_at = COALESCE(%(next_run_at)s, next_run_at)
WHERE id = %(schedule_id)s
RETURNING id;
