-- Read the rows of executions that AMC lists, by the UUIDs in their names or by AMC's ids. Rows of
-- all instances count: several rows of amc_instances may be one instance of AMC. Executions of the
-- application have no DAG and are left out: to the pipeline they are external.
-- Parameters: execution_ids (UUIDs), amc_execution_ids.
SELECT
    id,
    status,
    amc_status,
    amc_execution_id
FROM workflow_executions
WHERE dag_id IS NOT NULL
  AND (
      id = ANY(%(execution_ids)s::UUID[])
      OR amc_execution_id = ANY(%(amc_execution_ids)s)
  );
