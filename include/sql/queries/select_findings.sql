-- Read the findings of one run of the maintenance, task by task.
-- Parameters: dag_run_id.
SELECT
    task_id,
    kind,
    subject,
    detail
FROM maintenance_findings
WHERE dag_run_id = %(dag_run_id)s
ORDER BY task_id, id;
