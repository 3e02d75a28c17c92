-- One execution: its times, AMC's ids and words, its query as AMC got it, with declarations, values and
-- options, and its run record. Not its result.
-- Parameters: execution_id.
SELECT
    execution.id,
    execution.status,
    execution.attempt,
    execution.retry_count,
    execution.next_retry_at,
    execution.dag_id,
    execution.dag_run_id,
    execution.schedule_id,
    execution.collection_id,
    execution.due_at,
    execution.window_type,
    execution.window_start,
    execution.window_end,
    execution.window_time_zone,
    execution.created_at,
    execution.slot_granted_at,
    execution.submission_started_at,
    execution.submitted_at,
    execution.completed_at,
    execution.results_loaded_at,
    execution.deadline_at,
    execution.execution_duration,
    execution.amc_status,
    execution.amc_execution_id,
    execution.amc_workflow_id,
    execution.amc_instance_id,
    execution.amazon_request_id,
    execution.error_type,
    execution.error_message,
    execution.result_rows,
    execution.hidden_rows,
    execution.blanked_rows,
    execution.hidden_reasons,
    execution.submitted_sql,
    execution.input_parameters,
    execution.parameters,
    execution.amc_options,
    owner.email AS owner,
    workflow.name AS workflow,
    COALESCE(schedule.name, collection.name) AS name,
    instance.name AS instance,
    record.status AS recorded_as,
    record.recorded_at
FROM workflow_executions AS execution
JOIN users AS owner ON owner.id = execution.user_id
JOIN workflows AS workflow ON workflow.id = execution.workflow_id
LEFT JOIN workflow_schedules AS schedule ON schedule.id = execution.schedule_id
LEFT JOIN report_data_collections AS collection ON collection.id = execution.collection_id
LEFT JOIN amc_instances AS instance ON instance.id = execution.instance_id
LEFT JOIN LATERAL (
    SELECT run.status, run.updated_at AS recorded_at
    FROM schedule_runs AS run
    WHERE run.execution_id = execution.id
    UNION ALL
    SELECT week.status, week.completed_at
    FROM report_data_weeks AS week
    WHERE week.execution_id = execution.id AND week.completed_at IS NOT NULL
    ORDER BY recorded_at DESC
    LIMIT 1
) AS record ON true
WHERE execution.id = %(execution_id)s;
