-- Ask for runs, or for something on an execution, as the analyst whose row it is. The database checks
-- the rest.
-- Parameters: user_id, action, schedule_id, collection_id, execution_id, from_date, to_date,
-- reprocess_behavior.
INSERT INTO run_requests (
    user_id, action, schedule_id, collection_id, execution_id, from_date, to_date,
    reprocess_behavior
)
VALUES (
    %(user_id)s, %(action)s, %(schedule_id)s, %(collection_id)s, %(execution_id)s, %(from_date)s,
    %(to_date)s, %(reprocess_behavior)s
)
RETURNING id;
