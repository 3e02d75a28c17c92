-- Store AMC's last status of an execution, unless a final one is stored.
-- Parameters: execution_id, amc_status.
UPDATE workflow_executions
SET amc_status = %(amc_status)s
WHERE id = %(execution_id)s
  AND COALESCE(amc_status, '') NOT IN (
      'SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELLED', 'TIMED_OUT'
  )
  AND amc_status IS DISTINCT FROM %(amc_status)s
RETURNING id;
