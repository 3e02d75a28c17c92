-- Read the contract of an execution's result, and the columns of the latest result before it.
-- A schedule with a contract of its own is compared with its own results. A result that broke the
-- contract is not compared with, nor is one from before the user accepted other columns.
-- Results come in the order in which their executions first ended. Loading an old one again neither
-- compares it with newer results nor makes it the one that these are compared with.
-- Only one document is read: it may have megabytes.
-- Parameters: execution_id.
WITH current AS (
    SELECT
        execution.id,
        execution.workflow_id,
        execution.schedule_id,
        COALESCE(execution.completed_at, 'infinity') AS completed_at,
        schedule.result_contract IS NOT NULL AS is_schedules,
        COALESCE(schedule.result_contract, workflow.result_contract) AS contract,
        workflow.result_contract_accepted_at AS accepted_at
    FROM workflow_executions AS execution
    JOIN workflows AS workflow ON workflow.id = execution.workflow_id
    LEFT JOIN workflow_schedules AS schedule ON schedule.id = execution.schedule_id
    WHERE execution.id = %(execution_id)s
)
SELECT
    current.contract,
    (
        SELECT previous.result_data #> '{schema,fields}'
        FROM workflow_executions AS previous
        WHERE previous.id = (
            SELECT earlier.id
            FROM workflow_executions AS earlier
            WHERE current.contract <> 'EVOLVE'
              AND earlier.workflow_id = current.workflow_id
              AND earlier.id <> current.id
              AND (NOT current.is_schedules OR earlier.schedule_id = current.schedule_id)
              AND earlier.status = 'SUCCESS'
              AND earlier.dag_id IS NOT NULL
              AND earlier.error_type IS DISTINCT FROM 'CONTRACT_BROKEN'
              AND earlier.results_loaded_at > COALESCE(current.accepted_at, '2000-01-01')
              AND (earlier.completed_at, earlier.id) < (current.completed_at, current.id)
            ORDER BY earlier.completed_at DESC, earlier.id DESC
            LIMIT 1
        )
    ) AS fields
FROM current;
