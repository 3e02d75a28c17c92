-- Failed runs of the visible definitions, grouped by error and instance, with the latest of each.
-- Instances of two users may have one name.
-- Parameters: schedule_ids, collection_ids (UUID arrays: the visible definitions), since (time).
SELECT
    COALESCE(execution.error_type, 'RUN_FAILED') AS error_type,
    instance.id AS instance_id,
    instance.name AS instance,
    owner.email AS owner,
    COUNT(*) AS failures,
    MAX(run.ended_at) AS latest_at,
    (array_agg(run.error_message ORDER BY run.ended_at DESC))[1] AS message,
    (array_agg(run.execution_id ORDER BY run.ended_at DESC))[1] AS execution_id,
    (array_agg(run.dag_id ORDER BY run.ended_at DESC))[1] AS dag_id,
    (array_agg(run.name ORDER BY run.ended_at DESC))[1] AS name
FROM (
    SELECT
        schedule_run.created_at AS ended_at,
        left(schedule_run.error_message, 500) AS error_message,
        schedule_run.execution_id,
        'amc_schedule_' || schedule.id AS dag_id,
        schedule.name,
        workflow.instance_id
    FROM schedule_runs AS schedule_run
    JOIN workflow_schedules AS schedule ON schedule.id = schedule_run.schedule_id
    JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
    WHERE schedule_run.created_at >= %(since)s
        AND schedule_run.status = 'FAILED'
        AND schedule_run.schedule_id IN (SELECT unnest(%(schedule_ids)s::UUID[]))
    UNION ALL
    SELECT
        week.completed_at,
        left(week.error_message, 500),
        week.execution_id,
        'amc_collection_' || collection.id,
        collection.name,
        collection.instance_id
    FROM report_data_weeks AS week
    JOIN report_data_collections AS collection ON collection.id = week.collection_id
    WHERE week.completed_at >= %(since)s
        AND week.status = 'FAILED'
        AND week.collection_id IN (SELECT unnest(%(collection_ids)s::UUID[]))
) AS run
JOIN amc_instances AS instance ON instance.id = run.instance_id
JOIN users AS owner ON owner.id = instance.user_id
LEFT JOIN workflow_executions AS execution ON execution.id = run.execution_id
GROUP BY 1, instance.id, owner.id
ORDER BY latest_at DESC
LIMIT 20;
