-- AMC knows the execution: store its id. Compare-and-set, so that an id once stored stays.
-- Parameters: execution_id, amc_execution_id, amc_status, amazon_request_id, submitted_at, deadline_at.
UPDATE workflow_executions
SET
    status = 'RUNNING',
    amc_execution_id = %(amc_execution_id)s,
    amc_status = %(amc_status)s,
    amazon_request_id = %(amazon_request_id)s,
    submitted_at = %(submitted_at)s,
    next_retry_at = NULL,
    error_message = NULL,
    deadline_at = %(deadline_at)s,
    started_at = COALESCE(started_at, %(submitted_at)s)
WHERE id = %(execution_id)s
  AND status = 'PENDING'
  AND amc_execution_id IS NULL
RETURNING id;
