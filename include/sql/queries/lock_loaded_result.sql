-- Lock the row of an execution whose results are still those of one load, until the transaction ends.
-- No row where they have been loaded again or the execution was deleted. The locks of two comparisons
-- exclude each other; rows that refer to the execution can be inserted meanwhile.
-- Parameters: execution_id (UUID), loaded_at (results_loaded_at of that load).
SELECT id
FROM workflow_executions
WHERE id = %(execution_id)s
  AND status = 'SUCCESS'
  AND results_loaded_at = %(loaded_at)s
FOR NO KEY UPDATE;
