-- The execution that an id of AMC belongs to, if any.
-- Parameters: instance_key (UUID), amc_execution_id.
SELECT id
FROM workflow_executions
WHERE amc_execution_id = %(amc_execution_id)s
  AND instance_id = %(instance_key)s
LIMIT 1;
