-- Read the queries that run on an instance: its workflows, and those that a collection runs there.
-- Queries above 65,536 bytes are left out: parsing them would cost more than a warning is worth.
-- Parameters: instance_key (UUID).
SELECT
    workflow.id AS workflow_id,
    left(workflow.name, 200) AS name,
    workflow.sql_query,
    md5(workflow.sql_query) AS query_md5,
    CASE
        WHEN octet_length(workflow.parameters::TEXT) <= 262144 THEN workflow.parameters
    END AS parameters
FROM workflows AS workflow
WHERE octet_length(workflow.sql_query) <= 65536
  AND (
    workflow.instance_id = %(instance_key)s
    OR EXISTS (
        SELECT FROM report_data_collections AS collection
        WHERE collection.workflow_id = workflow.id
          AND collection.instance_id = %(instance_key)s
    )
  )
ORDER BY workflow.name, workflow.id;
