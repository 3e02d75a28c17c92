-- Store AMC's statuses of ended executions of one instance until they are final: the executions
-- take slots until then. Open rows belong to their own tasks. The rows are found by AMC's ids.
-- Rows that a user keeps locked are left to a later listing.
-- Parameters: amc_instance_id (AMC's own name), amc_execution_ids, amc_statuses (one for each id).
WITH changed AS MATERIALIZED (
    SELECT
        execution.id,
        listed.amc_status
    FROM unnest(%(amc_execution_ids)s::TEXT[], %(amc_statuses)s::TEXT[])
        AS listed (amc_execution_id, amc_status)
    JOIN workflow_executions AS execution
        ON execution.amc_execution_id = listed.amc_execution_id
    WHERE execution.instance_id IN (
          SELECT instance.id FROM amc_instances AS instance
          WHERE instance.instance_id = %(amc_instance_id)s
      )
      AND execution.status IN ('FAILED', 'CANCELLED', 'TIMEOUT')
      AND COALESCE(execution.amc_status, '') NOT IN (
          'SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELLED', 'TIMED_OUT'
      )
      AND execution.amc_status IS DISTINCT FROM listed.amc_status
    FOR NO KEY UPDATE OF execution SKIP LOCKED
)
UPDATE workflow_executions AS execution
SET amc_status = changed.amc_status
FROM changed
WHERE execution.id = changed.id
RETURNING execution.id;
