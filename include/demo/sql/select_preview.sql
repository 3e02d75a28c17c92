-- The next runs of a schedule and the days that they read.
-- Parameters: reach_schedule_id.
SELECT
    local_due_at,
    local_window_start,
    local_window_end
FROM schedule_preview(%(reach_schedule_id)s, 3)
ORDER BY due_at;
