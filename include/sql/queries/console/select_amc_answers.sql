-- What AMC says of a workflow in a dry run, for each instance it runs on, and the findings about the
-- query as it is. is_current is false where the answer is about an earlier version.
-- Parameters: workflow_id (UUID).
SELECT
    instance.name AS instance,
    dry.status,
    dry.message,
    dry.checked_at,
    dry.definition_md5 IS NOT DISTINCT FROM workflow.definition_md5 AS is_current,
    ARRAY(
        SELECT finding.message
        FROM workflow_findings AS finding
        WHERE finding.workflow_id = workflow.id
            AND finding.instance_id = instance.id
            AND finding.query_md5 = md5(workflow.sql_query)
        ORDER BY finding.table_name, finding.column_name
        LIMIT 20
    ) AS findings
FROM workflows AS workflow
JOIN amc_instances AS instance
    ON instance.id = workflow.instance_id
    OR instance.id IN (
        SELECT collection.instance_id
        FROM report_data_collections AS collection
        WHERE collection.workflow_id = workflow.id
    )
LEFT JOIN workflow_dry_runs AS dry
    ON dry.workflow_id = workflow.id AND dry.instance_id = instance.id
WHERE workflow.id = %(workflow_id)s
ORDER BY instance.name, instance.id
LIMIT 50;
