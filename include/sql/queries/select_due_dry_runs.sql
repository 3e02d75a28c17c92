-- Read the workflows of which AMC has not answered a dry run: new and changed ones, and those that
-- had no answer. A workflow is asked about on its instance and on those of its collections.
-- Of each user the latest changes come first. Workflow, instance and collection are of one user.
-- The same conditions are in select_dry_run_is_due.
-- Parameters: now, most_per_user, most_per_hour (of an instance).
WITH used AS (
    SELECT id AS workflow_id, instance_id, user_id
    FROM workflows
    UNION
    SELECT workflow_id, instance_id, user_id
    FROM report_data_collections
),
due AS (
    SELECT
        workflow.id AS workflow_id,
        instance.id AS instance_key,
        workflow.definition_md5,
        CASE WHEN dry.definition_md5 = workflow.definition_md5 THEN dry.attempts ELSE 0 END
            AS attempts,
        row_number() OVER (
            PARTITION BY workflow.user_id
            ORDER BY (dry.definition_md5 = workflow.definition_md5) IS TRUE,
                workflow.updated_at DESC NULLS LAST, workflow.id, instance.id
        ) AS place
    FROM used
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
)
SELECT
    workflow.id AS workflow_id,
    left(workflow.name, 200) AS name,
    workflow.sql_query,
    md5(workflow.sql_query) AS query_md5,
    due.definition_md5,
    workflow.parameters,
    workflow.privacy_filtering,
    workflow.counts_hidden_rows,
    workflow.disable_aggregation_controls,
    due.attempts,
    workflow.user_id,
    instance.id AS instance_key,
    instance.instance_id,
    instance.instance_type,
    instance.region,
    account.account_id AS entity_id,
    account.country_code,
    account.marketplace_id
FROM due
JOIN workflows AS workflow ON workflow.id = due.workflow_id
JOIN amc_instances AS instance ON instance.id = due.instance_key
JOIN amc_accounts AS account ON account.id = instance.account_id
WHERE due.place <= %(most_per_user)s
ORDER BY due.place, workflow.user_id;
