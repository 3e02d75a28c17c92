-- Store AMC's id of an execution. Compare-and-set: an id that is stored stays. error_message stays
-- where a step has failed for good, for the statement that ends the row.
-- An id that another row holds violates uq_workflow_executions_amc_execution.
-- The condition on the status is written so that no partial index matches it: the row is found by
-- its id (docs/explanation/scaling.md).
-- Parameters: execution_id, amc_execution_id, amc_status, amazon_request_id, submitted_at, deadline_at.
UPDATE workflow_executions
SET
    status = 'RUNNING',
    amc_execution_id = %(amc_execution_id)s,
    amc_instance_id = (
        SELECT instance.instance_id FROM amc_instances AS instance
        WHERE instance.id = workflow_executions.instance_id
    ),
    amc_status = %(amc_status)s,
    amazon_request_id = %(amazon_request_id)s,
    submitted_at = %(submitted_at)s,
    next_retry_at = NULL,
    error_message = CASE WHEN error_type IS NOT NULL THEN error_message END,
    deadline_at = %(deadline_at)s,
    started_at = COALESCE(started_at, %(submitted_at)s)
WHERE id = %(execution_id)s
  AND status IS NOT DISTINCT FROM 'PENDING'
  AND amc_execution_id IS NULL
RETURNING id;
