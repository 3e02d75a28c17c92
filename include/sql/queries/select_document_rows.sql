-- Read the rows of a result's document as text, which keeps every digit of its numbers.
-- Parameters: execution_id.
SELECT execution.result_data ->> 'data' AS data
FROM workflow_executions AS execution
WHERE execution.id = %(execution_id)s
  AND execution.status = 'SUCCESS';
