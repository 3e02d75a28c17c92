-- Count the attempts of a DAG run that AMC has FAILED since the run began or was last cleared. Airflow
-- counts the clears of a deleted and recreated run from 0; its start tells the two runs apart.
-- Parameters: dag_id, dag_run_id, clear_number (how often it has been cleared), began_at (when Airflow
-- started it).
SELECT COUNT(*) AS failed
FROM workflow_executions
WHERE dag_id = %(dag_id)s
  AND dag_run_id = %(dag_run_id)s
  AND clear_number = %(clear_number)s
  AND created_at >= %(began_at)s
  AND error_type = 'FAILED';
