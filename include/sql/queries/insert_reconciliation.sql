-- Insert a reconciliation, under the instance that the execution belongs to.
-- Parameters: instance_key (UUID, where the execution's row is gone), execution_id,
-- amc_execution_id (or NULL), action, detail, at.
INSERT INTO reconciliations (instance_id, execution_id, amc_execution_id, action, detail, at)
VALUES (
    COALESCE(
        (SELECT execution.instance_id FROM workflow_executions AS execution
         WHERE execution.id = %(execution_id)s),
        %(instance_key)s
    ),
    %(execution_id)s,
    %(amc_execution_id)s,
    %(action)s,
    %(detail)s,
    %(at)s
)
RETURNING id;
