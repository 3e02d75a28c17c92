-- The id of an execution while its row exists.
-- Parameters: execution_id (UUID).
SELECT id
FROM workflow_executions
WHERE id = %(execution_id)s;
