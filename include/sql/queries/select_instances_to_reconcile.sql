-- The instances to compare with AMC: those with open executions, or with executions of late.
-- A row is an instance, an execution whose owner may ask AMC, and the moment to list from.
-- Parameters: since.
SELECT
    instance.id AS instance_key,
    instance.instance_id,
    (ARRAY_AGG(execution.id ORDER BY execution.created_at DESC, execution.id))[1] AS execution_id,
    LEAST(
        %(since)s,
        MIN(execution.created_at) FILTER (WHERE execution.status IN ('PENDING', 'RUNNING'))
    ) AS list_from
FROM workflow_executions AS execution
JOIN amc_instances AS instance ON instance.id = execution.instance_id
WHERE execution.dag_id IS NOT NULL
  AND (execution.status IN ('PENDING', 'RUNNING') OR execution.created_at >= %(since)s)
GROUP BY instance.id
ORDER BY instance.instance_id, instance.id;
