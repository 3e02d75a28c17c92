-- The latest executions of the visible definitions, a page of them, without their results.
-- Parameters: schedule_ids, collection_ids (UUID arrays: the visible definitions), statuses (text
-- array; NULL: all), dag_id (NULL: all), before_at and before_id (of the last row of the page
-- before; NULL: the first page), page_size.
SELECT
    execution.id,
    execution.dag_id,
    execution.attempt,
    execution.status,
    execution.error_type,
    left(execution.error_message, 300) AS error_message,
    execution.created_at,
    execution.execution_duration,
    execution.result_rows,
    execution.window_type,
    execution.window_start,
    execution.window_end,
    execution.window_time_zone,
    COALESCE(schedule.name, collection.name) AS name,
    instance.name AS instance
FROM workflow_executions AS execution
LEFT JOIN workflow_schedules AS schedule ON schedule.id = execution.schedule_id
LEFT JOIN report_data_collections AS collection ON collection.id = execution.collection_id
LEFT JOIN amc_instances AS instance ON instance.id = execution.instance_id
WHERE (
        execution.schedule_id = ANY(%(schedule_ids)s::UUID[])
        OR execution.collection_id = ANY(%(collection_ids)s::UUID[])
    )
    AND (%(statuses)s::TEXT[] IS NULL OR execution.status = ANY(%(statuses)s::TEXT[]))
    AND (%(dag_id)s::TEXT IS NULL OR execution.dag_id = %(dag_id)s)
    AND (
        %(before_at)s::TIMESTAMPTZ IS NULL
        OR (execution.created_at, execution.id)
            < (%(before_at)s::TIMESTAMPTZ, %(before_id)s::UUID)
    )
ORDER BY execution.created_at DESC, execution.id DESC
LIMIT %(page_size)s;
