-- Read the schedules and collections whose DAGs show one of some rows: a workflow, an instance, an
-- account or an owner.
-- Parameters: row_ids (array of UUIDs).
SELECT
    'workflow_schedules' AS table_name,
    schedule.id
FROM workflow_schedules AS schedule
JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
JOIN amc_instances AS instance ON instance.id = workflow.instance_id
WHERE ARRAY[schedule.user_id, workflow.id, instance.id, instance.account_id]
    && %(row_ids)s::UUID[]
UNION ALL
SELECT
    'report_data_collections' AS table_name,
    collection.id
FROM report_data_collections AS collection
JOIN amc_instances AS instance ON instance.id = collection.instance_id
WHERE ARRAY[collection.user_id, collection.workflow_id, instance.id, instance.account_id]
    && %(row_ids)s::UUID[];
