-- The next five ticks of a schedule that is not saved yet, with their windows.
-- Parameters: cron_expression, time_zone, parameters (JSON).
SELECT due_at, window_start, window_end, window_time_zone, window_type
FROM schedule_preview_for(%(cron_expression)s, %(time_zone)s, %(parameters)s::JSONB, 5);
