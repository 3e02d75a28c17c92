-- A schedule as the form shows it. The version is a digest of what the form changes;
-- update_schedule.sql has the same.
-- Parameters: row_id (UUID).
SELECT
    id,
    user_id,
    'amc_schedule_' || id AS dag_id,
    workflow_id,
    name,
    description,
    cron_expression,
    timezone,
    COALESCE(is_active, false) AS is_active,
    COALESCE(parameters, '{}') AS parameters,
    late_after::TEXT AS late_after,
    result_contract,
    notify_on_success,
    attach_results,
    md5(ROW(
        name, description, cron_expression, timezone, workflow_id, is_active, parameters,
        late_after, result_contract, notify_on_success, attach_results
    )::TEXT) AS version
FROM workflow_schedules
WHERE id = %(row_id)s;
