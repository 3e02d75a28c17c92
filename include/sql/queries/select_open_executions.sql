-- Read the open executions of an instance for the comparison with AMC, or one of them. Executions
-- of the application have no DAG and are left out. A schedule or collection that was deleted and
-- inserted again with its id has the same DAG. The condition for that is written so that it
-- does not match uq_workflow_executions_open_dag_run, which would be read from end to end.
-- Parameters: instance_key (UUID), execution_id (UUID, or NULL for all).
SELECT
    id,
    status,
    amc_workflow_id,
    amc_execution_id,
    dag_id,
    dag_run_id,
    updated_at,
    orphaned_at,
    (
        COALESCE(schedule_id, collection_id) IS NOT NULL
        OR EXISTS (
            SELECT FROM workflow_schedules AS own
            WHERE own.user_id = execution.user_id
              AND execution.dag_id = 'amc_schedule_' || own.id
        )
        OR EXISTS (
            SELECT FROM report_data_collections AS own
            WHERE own.user_id = execution.user_id
              AND execution.dag_id = 'amc_collection_' || own.id
        )
    ) AS has_definition
FROM workflow_executions AS execution
WHERE instance_id = %(instance_key)s
  AND (%(execution_id)s::UUID IS NULL OR id = %(execution_id)s::UUID)
  AND status IN ('PENDING', 'RUNNING')
  AND COALESCE(dag_id, '') <> ''
  AND amc_workflow_id IS NOT NULL
ORDER BY created_at, id;
