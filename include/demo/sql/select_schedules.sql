-- The counters of the demo's schedules.
-- Parameters: user_ids.
SELECT
    id,
    name,
    total_runs,
    successful_runs,
    failed_runs,
    last_run_status,
    next_run_at
FROM workflow_schedules
WHERE user_id = ANY(%(user_ids)s::uuid[])
ORDER BY name;
