-- Whose execution it is: what decides who may read it.
-- Parameters: execution_id.
SELECT execution.dag_id, execution.user_id
FROM workflow_executions AS execution
WHERE execution.id = %(execution_id)s;
