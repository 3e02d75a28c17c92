-- Read the execution that an id of AMC belongs to, of any user: several rows of amc_instances may
-- be one instance of AMC.
-- Parameters: amc_instance_id (AMC's own name), amc_execution_id.
SELECT execution.id
FROM workflow_executions AS execution
JOIN amc_instances AS instance
    ON instance.id = execution.instance_id AND instance.user_id = execution.user_id
WHERE execution.amc_execution_id = %(amc_execution_id)s
  AND instance.instance_id = %(amc_instance_id)s
LIMIT 1;
