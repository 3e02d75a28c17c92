-- Delete the findings of an earlier try of a task.
-- Parameters: dag_run_id, task_id.
DELETE FROM maintenance_findings
WHERE dag_run_id = %(dag_run_id)s
  AND task_id = %(task_id)s
RETURNING id;
