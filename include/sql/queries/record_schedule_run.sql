-- Record the end of a schedule's DAG run: one row for each run, however often it is cleared. The
-- trigger on schedule_runs updates the schedule's counters.
-- Returns no row where the schedule is deleted. The locks wait for a deletion that is under way.
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
SELECT
    schedule.id,
    %(dag_run_id)s,
    (
        SELECT execution.id FROM workflow_executions AS execution
        WHERE execution.id = %(execution_id)s::UUID
        FOR KEY SHARE
    ),
    %(status)s,
    %(error_message)s,
    %(duration_seconds)s::INTEGER,
    %(window_start)s::TIMESTAMPTZ,
    %(window_end)s::TIMESTAMPTZ
FROM workflow_schedules AS schedule
WHERE schedule.id = %(schedule_id)s
FOR KEY SHARE
ON CONFLICT (schedule_id, dag_run_id) DO UPDATE
SET
    execution_id = EXCLUDED.execution_id,
    status = EXCLUDED.status,
    error_message = EXCLUDED.error_message,
    duration_seconds = EXCLUDED.duration_seconds,
    window_start = EXCLUDED.window_start,
    window_end = EXCLUDED.window_end
RETURNING id;
