-- Keep what AMC last said of an execution that is still open.
-- Parameters: execution_id, amc_status.
UPDATE workflow_executions
SET amc_status = %(amc_status)s
WHERE id = %(execution_id)s
  AND status IN ('PENDING', 'RUNNING')
  AND amc_status IS DISTINCT FROM %(amc_status)s
RETURNING id;
