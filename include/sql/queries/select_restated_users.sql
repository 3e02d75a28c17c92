-- Read the active users who have an active schedule with ages for restatement, whom Amazon answers.
SELECT DISTINCT schedule.user_id
FROM workflow_schedules AS schedule
JOIN workflows AS workflow
    ON workflow.id = schedule.workflow_id AND workflow.user_id = schedule.user_id
JOIN amc_instances AS instance
    ON instance.id = workflow.instance_id AND instance.user_id = workflow.user_id
JOIN users AS owner ON owner.id = schedule.user_id
WHERE schedule.is_active
  AND schedule.parameters #> '{window,restate_days}' IS NOT NULL
  AND instance.is_active
  AND instance.health_status IS DISTINCT FROM 'ERROR'
  AND owner.is_active
  AND owner.consent_revoked_at IS NULL
ORDER BY schedule.user_id;
