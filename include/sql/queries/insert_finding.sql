-- Insert a finding of the maintenance that a person should look at.
-- Parameters: dag_run_id, task_id, at, kind, subject, detail.
INSERT INTO maintenance_findings (dag_run_id, task_id, at, kind, subject, detail)
VALUES (%(dag_run_id)s, %(task_id)s, %(at)s, %(kind)s, %(subject)s, %(detail)s)
RETURNING id;
