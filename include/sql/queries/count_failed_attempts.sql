-- How many attempts of a DAG run AMC has FAILED, of those opened since the run was last cleared.
-- Parameters: dag_id, dag_run_id, clear_number (how often it has been cleared).
SELECT COUNT(*) AS failed
FROM workflow_executions
WHERE dag_id = %(dag_id)s
  AND dag_run_id = %(dag_run_id)s
  AND clear_number = %(clear_number)s
  AND error_type = 'FAILED';
