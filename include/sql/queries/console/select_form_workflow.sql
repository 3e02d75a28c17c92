-- A workflow as the form shows it, with the first 501 DAGs made of it. The version is a digest of
-- what the form changes; update_workflow.sql has the same.
-- Parameters: row_id (UUID).
SELECT
    workflow.id,
    workflow.user_id,
    workflow.instance_id,
    workflow.name,
    workflow.description,
    workflow.sql_query,
    COALESCE(workflow.parameters, '{}') AS parameters,
    COALESCE(workflow.tags, '{}') AS tags,
    workflow.result_contract,
    workflow.privacy_filtering,
    workflow.counts_hidden_rows,
    workflow.disable_aggregation_controls,
    instance.name AS instance_name,
    instance.instance_id AS amc_instance_id,
    instance.instance_type,
    owner.email AS owner,
    md5(ROW(
        workflow.name, workflow.description, workflow.sql_query, workflow.instance_id,
        workflow.parameters, workflow.tags, workflow.result_contract, workflow.privacy_filtering,
        workflow.counts_hidden_rows, workflow.disable_aggregation_controls
    )::TEXT) AS version,
    ARRAY(
        SELECT 'amc_schedule_' || schedule.id
        FROM workflow_schedules AS schedule
        WHERE schedule.workflow_id = workflow.id
        UNION ALL
        SELECT 'amc_collection_' || collection.id
        FROM report_data_collections AS collection
        WHERE collection.workflow_id = workflow.id
        LIMIT 501
    ) AS dag_ids
FROM workflows AS workflow
JOIN amc_instances AS instance ON instance.id = workflow.instance_id
JOIN users AS owner ON owner.id = workflow.user_id
WHERE workflow.id = %(row_id)s;
