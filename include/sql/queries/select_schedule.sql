-- One schedule by primary key, in the shape of select_schedules.
-- Parameters: schedule_id (UUID).
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
    COALESCE(owner.full_name, owner.email) AS owner
FROM workflow_schedules AS schedule
JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
JOIN amc_instances AS instance ON instance.id = workflow.instance_id
JOIN amc_accounts AS account ON account.id = instance.account_id
JOIN users AS owner ON owner.id = schedule.user_id
WHERE schedule.id = %(schedule_id)s;
