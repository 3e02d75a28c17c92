-- Read whether any dry run is due, without reading queries. The same conditions are in
-- select_due_dry_runs.
-- Parameters: now, most_per_hour (of an instance).
SELECT EXISTS (
    SELECT
    FROM (
        SELECT id AS workflow_id, instance_id, user_id
        FROM workflows
        UNION ALL
        SELECT workflow_id, instance_id, user_id
        FROM report_data_collections
    ) AS used
    JOIN workflows AS workflow
        ON workflow.id = used.workflow_id AND workflow.user_id = used.user_id
    JOIN amc_instances AS instance
        ON instance.id = used.instance_id AND instance.user_id = workflow.user_id
    JOIN users AS owner ON owner.id = workflow.user_id
    LEFT JOIN workflow_dry_runs AS dry
        ON dry.workflow_id = workflow.id AND dry.instance_id = instance.id
    WHERE instance.is_active
      AND owner.is_active
      AND owner.consent_revoked_at IS NULL
      AND instance.health_status IS DISTINCT FROM 'ERROR'
      AND workflow.definition_md5 IS NOT NULL
      AND (
          instance.dry_runs < %(most_per_hour)s
          OR instance.dry_runs_since <= %(now)s::TIMESTAMPTZ - INTERVAL '1 hour'
      )
      AND (
          dry.definition_md5 IS DISTINCT FROM workflow.definition_md5
          OR dry.next_try_at <= %(now)s
      )
) AS is_due;
