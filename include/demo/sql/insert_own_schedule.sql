-- A schedule of the reader's own: a workflow of the demo every morning at six.
-- Parameters: none.
INSERT INTO workflow_schedules
    (name, cron_expression, timezone, workflow_id, user_id)
SELECT 'My schedule', '0 6 * * *', 'Europe/Berlin', id, user_id
FROM workflows
WHERE name = 'Costs by campaign'
RETURNING 'amc_schedule_' || id AS dag_id;
