-- How many attempts of a DAG run AMC has FAILED, of those opened since the run began or was last cleared.
-- Airflow counts the clears of a run that was deleted and made again from 0: its start tells the
-- attempts of both apart.
-- Parameters: dag_id, dag_run_id, clear_number (how often it has been cleared), began_at (when Airflow
-- started it).
SELECT COUNT(*) AS failed
FROM workflow_executions
WHERE dag_id = %(dag_id)s
  AND dag_run_id = %(dag_run_id)s
  AND clear_number = %(clear_number)s
  AND created_at >= %(began_at)s
  AND error_type = 'FAILED';
