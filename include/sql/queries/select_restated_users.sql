-- Read the active users who have an active schedule with ages for restatement.
SELECT DISTINCT schedule.user_id
FROM workflow_schedules AS schedule
JOIN users AS owner ON owner.id = schedule.user_id
WHERE schedule.is_active
  AND schedule.parameters #> '{window,restate_days}' IS NOT NULL
  AND COALESCE(owner.is_active, true)
ORDER BY schedule.user_id;
