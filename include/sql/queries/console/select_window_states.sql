-- What became of the windows of a schedule: SUCCESS, FAILED or SKIPPED by the latest run record,
-- RUNNING while an execution is open. NOT IN keeps the planner from the index of open rows alone.
-- Parameters: schedule_id, window_ends (array of times).
SELECT DISTINCT ON (window_start, window_end) run.window_start, run.window_end, run.status
FROM (
    SELECT
        schedule_run.window_start,
        schedule_run.window_end,
        schedule_run.status,
        schedule_run.created_at
    FROM schedule_runs AS schedule_run
    WHERE schedule_run.schedule_id = %(schedule_id)s
        AND schedule_run.window_end = ANY(%(window_ends)s::TIMESTAMPTZ[])
    UNION ALL
    SELECT execution.window_start, execution.window_end, 'RUNNING', 'infinity'
    FROM workflow_executions AS execution
    WHERE execution.schedule_id = %(schedule_id)s
        AND execution.status NOT IN ('SUCCESS', 'FAILED', 'CANCELLED', 'TIMEOUT')
        AND execution.window_end = ANY(%(window_ends)s::TIMESTAMPTZ[])
) AS run
ORDER BY run.window_start, run.window_end, run.created_at DESC;
