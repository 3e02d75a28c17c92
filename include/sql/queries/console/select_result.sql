-- What the result of one execution is: its columns, files, and how many rows its document has.
-- Parameters: execution_id.
SELECT
    execution.result_rows,
    execution.results_loaded_at,
    execution.result_data_trimmed_at AS trimmed_at,
    execution.result_files_deleted_at AS files_deleted_at,
    execution.superseded_by,
    execution.column_changes,
    document.content -> 'files' AS files,
    document.content #> '{schema,fields}' AS columns,
    COALESCE(document.content -> 'truncated' = 'true', false) AS is_truncated,
    CASE
        WHEN jsonb_typeof(document.content -> 'data') = 'array'
            THEN jsonb_array_length(document.content -> 'data')
        ELSE 0
    END AS document_rows
FROM workflow_executions AS execution
-- Its parts are not read from the disk one by one.
CROSS JOIN LATERAL (SELECT execution.result_data AS content OFFSET 0) AS document
WHERE execution.id = %(execution_id)s;
