-- Change a schedule as its owner, unless it has changed since the form was opened.
-- Parameters: workflow_id, name, description, cron_expression, timezone, is_active, parameters,
-- late_after, result_contract, notify_on_success, attach_results, row_id (UUID), version (of
-- select_form_schedule.sql).
UPDATE workflow_schedules
SET workflow_id = %(workflow_id)s,
    name = %(name)s,
    description = %(description)s,
    cron_expression = %(cron_expression)s,
    timezone = %(timezone)s,
    is_active = %(is_active)s,
    parameters = %(parameters)s,
    late_after = %(late_after)s::INTERVAL,
    result_contract = %(result_contract)s,
    notify_on_success = %(notify_on_success)s,
    attach_results = %(attach_results)s
WHERE id = %(row_id)s
    AND md5(ROW(
        name, description, cron_expression, timezone, workflow_id, is_active, parameters,
        late_after, result_contract, notify_on_success, attach_results
    )::TEXT) = %(version)s
RETURNING id;
