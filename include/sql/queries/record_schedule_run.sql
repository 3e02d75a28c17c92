-- Record the end of a schedule's DAG run: one row per run, however often it is cleared.
-- The trigger on schedule_runs keeps the schedule's counters by the difference.
-- Parameters: schedule_id, dag_run_id, execution_id, status, error_message, duration_seconds,
-- window_start, window_end.
INSERT INTO schedule_runs (
    schedule_id,
    dag_run_id,
    execution_id,
    status,
    error_message,
    duration_seconds,
    window_start,
    window_end
)
VALUES (
    %(schedule_id)s,
    %(dag_run_id)s,
    %(execution_id)s,
    %(status)s,
    %(error_message)s,
    %(duration_seconds)s,
    %(window_start)s,
    %(window_end)s
)
ON CONFLICT (schedule_id, dag_run_id) DO UPDATE
SET
    execution_id = EXCLUDED.execution_id,
    status = EXCLUDED.status,
    error_message = EXCLUDED.error_message,
    duration_seconds = EXCLUDED.duration_seconds,
    window_start = EXCLUDED.window_start,
    window_end = EXCLUDED.window_end
RETURNING id;
