-- As an analyst asks for the latest day of a schedule again, once.
-- Parameters: schedule_id.
INSERT INTO run_requests (action, execution_id, user_id)
SELECT
    'RETRY',
    run.execution_id,
    schedule.user_id
FROM workflow_schedules AS schedule
JOIN schedule_runs AS run ON run.schedule_id = schedule.id
WHERE schedule.id = %(schedule_id)s
  AND run.status = 'SUCCESS'
  AND NOT EXISTS (
      SELECT FROM run_requests AS earlier
      WHERE earlier.action = 'RETRY' AND earlier.user_id = schedule.user_id
  )
RETURNING id;
