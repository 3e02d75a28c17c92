-- The latest runs of some schedules by window, each with the rows of its execution.
-- Runs without a window are the application's own, from before the pipeline.
-- Parameters: schedule_ids (UUID array), limit (runs of each schedule).
SELECT
    run.schedule_id,
    run.dag_run_id,
    run.execution_id,
    run.window_start,
    run.window_end,
    run.status,
    run.duration_seconds,
    run.ended_at,
    run.error_message,
    (
        SELECT execution.result_rows
        FROM workflow_executions AS execution
        WHERE execution.id = run.execution_id
    ) AS result_rows
FROM unnest(%(schedule_ids)s::UUID[]) AS listed (id)
CROSS JOIN LATERAL (
    SELECT
        schedule_run.schedule_id,
        schedule_run.dag_run_id,
        schedule_run.execution_id,
        schedule_run.window_start,
        schedule_run.window_end,
        schedule_run.status,
        schedule_run.duration_seconds,
        schedule_run.created_at AS ended_at,
        left(schedule_run.error_message, 300) AS error_message
    FROM schedule_runs AS schedule_run
    WHERE schedule_run.schedule_id = listed.id AND schedule_run.window_end IS NOT NULL
    ORDER BY schedule_run.window_end DESC, schedule_run.created_at DESC
    LIMIT %(limit)s
) AS run
ORDER BY run.window_end, run.ended_at;
