-- Read the id of an execution, if its row exists.
-- Parameters: execution_id (UUID).
SELECT id
FROM workflow_executions
WHERE id = %(execution_id)s;
