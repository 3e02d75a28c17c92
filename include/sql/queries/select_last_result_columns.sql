-- Read the columns of the latest loaded result of the same query, as its document describes them. The
-- same query has the same workflow, instance and text, and parameters of the same names and types, so
-- AMC gives its columns the same types. Only one document is read: it may have megabytes.
-- Parameters: execution_id (whose columns are looked for).
SELECT result_data #> '{schema,fields}' AS fields
FROM workflow_executions
WHERE id = (
    SELECT earlier.id
    FROM workflow_executions AS execution
    JOIN workflow_executions AS earlier
        ON earlier.workflow_id = execution.workflow_id
        AND earlier.instance_id = execution.instance_id
        AND earlier.submitted_sql = execution.submitted_sql
        AND jsonb_path_query_array(earlier.input_parameters, '$[*].name')
            = jsonb_path_query_array(execution.input_parameters, '$[*].name')
        AND jsonb_path_query_array(earlier.input_parameters, '$[*].dataType')
            = jsonb_path_query_array(execution.input_parameters, '$[*].dataType')
    WHERE execution.id = %(execution_id)s
      AND earlier.status = 'SUCCESS'
      AND earlier.dag_id IS NOT NULL
      AND earlier.results_loaded_at IS NOT NULL
    ORDER BY earlier.results_loaded_at DESC
    LIMIT 1
);
