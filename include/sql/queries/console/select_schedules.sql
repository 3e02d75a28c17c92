-- One page of the visible schedules, by name. Each row has the number of all that match.
-- Parameters: visible_ids (UUID array: the visible ones), search (part of the name; '' for all),
-- state (all, active, paused or failing), limit, offset.
WITH page AS MATERIALIZED (
    SELECT schedule.id, COUNT(*) OVER () AS total
    FROM workflow_schedules AS schedule
    WHERE schedule.id IN (SELECT unnest(%(visible_ids)s::UUID[]))
        AND strpos(lower(schedule.name), lower(%(search)s)) > 0
        AND CASE %(state)s
            WHEN 'active' THEN schedule.is_active = true
            WHEN 'paused' THEN schedule.is_active = false
            WHEN 'failing' THEN schedule.last_run_status = 'FAILED'
            ELSE true
        END
    ORDER BY lower(schedule.name), schedule.id
    LIMIT %(limit)s OFFSET %(offset)s
)
SELECT
    schedule.id,
    'amc_schedule_' || schedule.id AS dag_id,
    schedule.name,
    schedule.description,
    schedule.is_active,
    schedule.cron_expression,
    schedule.timezone,
    COALESCE(schedule.timezone, 'UTC') AS time_zone,
    schedule.parameters,
    workflow.name AS workflow,
    instance.name AS instance,
    owner.email AS owner,
    page.total
FROM page
JOIN workflow_schedules AS schedule ON schedule.id = page.id
JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
JOIN amc_instances AS instance ON instance.id = workflow.instance_id
JOIN users AS owner ON owner.id = schedule.user_id
ORDER BY lower(schedule.name), schedule.id;
