-- Every schedule as the generator needs it, in a stable order; or one of them.
-- A row is a schedule with its workflow, instance and owner; inactive where any of the three is.
-- As JSON text, which holds whatever a column may hold (a year 20026, a number without end), so that
-- one row that cannot be read is no other row's trouble.
-- Parameters: schedule_id (UUID, or NULL for all; the planner folds the condition away), shard and
-- shards (of all rows those of one shard, chosen by the last byte of the id; 0 of 1 are all).
SELECT
    definition.id,
    to_json(definition)::TEXT AS definition
FROM (
    SELECT
        schedule.id,
        schedule.name,
        schedule.description,
        schedule.cron_expression,
        schedule.timezone,
        COALESCE(schedule.is_active AND instance.is_active AND owner.is_active, FALSE) AS is_active,
        COALESCE(schedule.created_at, '2000-01-01T00:00:00Z') AS created_at,
        schedule.parameters,
        workflow.id AS workflow_id,
        workflow.name AS workflow_name,
        workflow.description AS workflow_description,
        workflow.sql_query,
        workflow.parameters AS workflow_parameters,
        workflow.user_id,
        instance.id AS instance_key,
        instance.instance_id,
        instance.name AS instance_name,
        instance.region,
        account.country_code,
        CASE
            WHEN instance.health_status = 'ERROR' THEN COALESCE(instance.health_error, 'ERROR')
        END AS instance_error,
        ARRAY(
            SELECT finding.message
            FROM workflow_findings AS finding
            WHERE finding.workflow_id = workflow.id
              AND finding.instance_id = instance.id
              AND finding.query_md5 = md5(workflow.sql_query)
            ORDER BY finding.table_name, finding.column_name
        ) AS findings,
        COALESCE(owner.full_name, owner.email) AS owner
    FROM workflow_schedules AS schedule
    JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
    JOIN amc_instances AS instance ON instance.id = workflow.instance_id
    JOIN amc_accounts AS account ON account.id = instance.account_id
    JOIN users AS owner ON owner.id = schedule.user_id
    WHERE (%(schedule_id)s::UUID IS NULL OR schedule.id = %(schedule_id)s::UUID)
    AND (%(shards)s = 1 OR mod(mod(get_byte(uuid_send(schedule.id), 15), 16), %(shards)s) = %(shard)s)
) AS definition
ORDER BY definition.id;
