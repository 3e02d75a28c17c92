-- Insert a schedule as its owner. A trigger sets next_run_at.
-- Parameters: user_id, workflow_id, name, description, cron_expression, timezone, is_active,
-- parameters, late_after, result_contract, notify_on_success, attach_results.
INSERT INTO workflow_schedules (
    user_id, workflow_id, name, description, cron_expression, timezone, is_active, parameters,
    late_after, result_contract, notify_on_success, attach_results
)
VALUES (
    %(user_id)s, %(workflow_id)s, %(name)s, %(description)s, %(cron_expression)s, %(timezone)s,
    %(is_active)s, %(parameters)s, %(late_after)s::INTERVAL, %(result_contract)s,
    %(notify_on_success)s, %(attach_results)s
)
RETURNING id;
