-- Active schedules of the visible ones whose latest tick has no run record yet, the latest last, with
-- the time of their last result.
-- Parameters: schedule_ids (UUID array: the visible ones), due_before (time).
SELECT
    schedule.id,
    schedule.name,
    COALESCE(schedule.timezone, 'UTC') AS time_zone,
    schedule.next_run_at AS due_at,
    schedule.last_run_status,
    (
        -- FILTER: else the planner reads the index of all times from its end
        SELECT MAX(schedule_run.created_at) FILTER (WHERE schedule_run.status = 'SUCCESS')
        FROM schedule_runs AS schedule_run
        WHERE schedule_run.schedule_id = schedule.id
    ) AS last_result_at
FROM workflow_schedules AS schedule
WHERE schedule.is_active = true
    AND schedule.next_run_at < %(due_before)s
    AND schedule.id IN (SELECT unnest(%(schedule_ids)s::UUID[]))
ORDER BY schedule.next_run_at
LIMIT 20;
