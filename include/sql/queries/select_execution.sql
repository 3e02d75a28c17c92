-- Read one execution and where it runs: by primary key or, without one, the latest attempt of a DAG
-- run.
-- Only rows of one owner count: an execution on another user's instance is left out, another user's
-- schedule or collection is not named, and the attempts of a run are those of the owner of its DAG's
-- schedule or collection. That may have been deleted and inserted again with its id since.
-- Parameters: execution_id (UUID or NULL), dag_id, dag_run_id (Airflow's ids or NULL),
-- of_schedule_id or of_collection_id (UUID, the DAG's; the other is NULL).
SELECT
    execution.id,
    execution.status,
    execution.dag_id,
    execution.dag_run_id,
    execution.attempt,
    execution.clear_number,
    execution.retry_count,
    execution.next_retry_at,
    execution.amc_execution_id,
    execution.amc_workflow_id,
    execution.amc_status,
    execution.error_type,
    execution.error_message,
    execution.submitted_sql,
    execution.input_parameters,
    execution.amc_options,
    execution.parameters,
    execution.window_type,
    execution.window_start,
    execution.window_end,
    execution.window_time_zone,
    execution.created_at,
    execution.completed_at,
    COALESCE(execution.due_at, execution.created_at) AS due_at,
    (
        SELECT MIN(first.created_at)
        FROM workflow_executions AS first
        WHERE first.dag_id = execution.dag_id
          AND first.dag_run_id = execution.dag_run_id
          AND first.user_id = execution.user_id
          AND first.clear_number = execution.clear_number
    ) AS run_began_at,
    execution.slot_granted_at,
    execution.submission_started_at,
    execution.submitted_at,
    execution.deadline_at,
    execution.workflow_id,
    schedule.id AS schedule_id,
    collection.id AS collection_id,
    execution.user_id,
    execution.result_rows,
    execution.result_size_bytes,
    execution.execution_duration,
    instance.id AS instance_key,
    instance.instance_id,
    instance.region,
    instance.instance_type,
    COALESCE(instance.health_status, 'UNKNOWN') AS instance_health,
    account.account_id AS entity_id,
    account.country_code,
    account.marketplace_id
FROM workflow_executions AS execution
JOIN amc_instances AS instance
    ON instance.id = execution.instance_id AND instance.user_id = execution.user_id
JOIN amc_accounts AS account ON account.id = instance.account_id
LEFT JOIN workflow_schedules AS schedule
    ON schedule.id = execution.schedule_id AND schedule.user_id = execution.user_id
LEFT JOIN report_data_collections AS collection
    ON collection.id = execution.collection_id AND collection.user_id = execution.user_id
WHERE execution.id = COALESCE(
    %(execution_id)s::UUID,
    (
        SELECT latest.id
        FROM workflow_executions AS latest
        WHERE latest.dag_id = %(dag_id)s
          AND latest.dag_run_id = %(dag_run_id)s
          AND (
              EXISTS (
                  SELECT FROM workflow_schedules AS own
                  WHERE own.id = %(of_schedule_id)s::UUID AND own.user_id = latest.user_id
              )
              OR EXISTS (
                  SELECT FROM report_data_collections AS own
                  WHERE own.id = %(of_collection_id)s::UUID AND own.user_id = latest.user_id
              )
          )
        ORDER BY latest.attempt DESC
        LIMIT 1
    )
);
