-- Insert the row that try_lock_execution locks, where the execution exists and the row does not.
-- An execution that a user keeps locked gets no row: it counts as locked, and nobody waits.
-- Parameters: execution_id (UUID), purpose (SUBMIT or LOAD).
INSERT INTO execution_locks (execution_id, purpose)
SELECT execution.id, %(purpose)s
FROM workflow_executions AS execution
WHERE execution.id = %(execution_id)s
FOR KEY SHARE SKIP LOCKED
ON CONFLICT DO NOTHING
RETURNING execution_id;
