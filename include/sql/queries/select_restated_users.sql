-- Read the active users who have an active schedule or a collection that is not paused with ages for
-- restatement, whom Amazon answers.
SELECT DISTINCT restated.user_id
FROM (
    SELECT schedule.user_id, workflow.instance_id
    FROM workflow_schedules AS schedule
    JOIN workflows AS workflow
        ON workflow.id = schedule.workflow_id AND workflow.user_id = schedule.user_id
    WHERE schedule.is_active
      AND schedule.parameters #> '{window,restate_days}' IS NOT NULL
    UNION ALL
    SELECT collection.user_id, collection.instance_id
    FROM report_data_collections AS collection
    WHERE collection.status <> 'PAUSED'
      AND collection.parameters #> '{window,restate_days}' IS NOT NULL
) AS restated
JOIN amc_instances AS instance
    ON instance.id = restated.instance_id AND instance.user_id = restated.user_id
JOIN users AS owner ON owner.id = restated.user_id
WHERE instance.is_active
  AND instance.health_status IS DISTINCT FROM 'ERROR'
  AND owner.is_active
  AND owner.consent_revoked_at IS NULL
ORDER BY restated.user_id;
