-- The columns of the latest result that the pipeline has loaded of a workflow, as its document
-- describes them. The document is read of one row only: it may have megabytes.
-- Parameters: workflow_id.
SELECT result_data #> '{schema,fields}' AS fields
FROM workflow_executions
WHERE id = (
    SELECT id
    FROM workflow_executions
    WHERE workflow_id = %(workflow_id)s
      AND status = 'SUCCESS'
      AND dag_id IS NOT NULL
      AND results_loaded_at IS NOT NULL
    ORDER BY results_loaded_at DESC
    LIMIT 1
);
