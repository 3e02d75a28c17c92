-- Attempts are counted for each time a run is cleared, and no two of them hold one execution of AMC.

ALTER TABLE workflow_executions
    ADD COLUMN clear_number INTEGER NOT NULL DEFAULT 0, -- how often the run had been cleared then
    ADD COLUMN amc_instance_id TEXT; -- AMC's own name of the instance that took amc_execution_id

-- Several rows of amc_instances, of different users, may be one instance of AMC: so it is AMC's name
-- that counts. Rows of before have none, and may be as they are.
CREATE UNIQUE INDEX uq_workflow_executions_amc_execution
    ON workflow_executions (amc_instance_id, amc_execution_id)
    WHERE amc_instance_id IS NOT NULL AND amc_execution_id IS NOT NULL;
