-- Insert a collection as its owner. A trigger inserts its weeks.
-- Parameters: user_id, workflow_id, instance_id, name, description, start_date, end_date,
-- parameters, late_after.
INSERT INTO report_data_collections (
    user_id, workflow_id, instance_id, name, description, start_date, end_date, parameters,
    late_after
)
VALUES (
    %(user_id)s, %(workflow_id)s, %(instance_id)s, %(name)s, %(description)s, %(start_date)s,
    %(end_date)s, %(parameters)s, %(late_after)s::INTERVAL
)
RETURNING id;
