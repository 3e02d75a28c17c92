-- Keep what AMC last said of an execution that is open, or was killed before AMC was told to stop.
-- Parameters: execution_id, amc_status.
UPDATE workflow_executions
SET amc_status = %(amc_status)s
WHERE id = %(execution_id)s
  AND (status IN ('PENDING', 'RUNNING') OR error_type = 'KILLED')
  AND amc_status IS DISTINCT FROM %(amc_status)s
RETURNING id;
