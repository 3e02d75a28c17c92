-- Read which of AMC's executions are dry runs of the pipeline. Those of all instances count: several
-- rows of amc_instances may be one instance of AMC.
-- Parameters: amc_execution_ids.
SELECT amc_execution_id
FROM workflow_dry_runs
WHERE amc_execution_id = ANY(%(amc_execution_ids)s);
