-- Keep how many executions are in flight at an instance that no open row of ours stands for.
-- Parameters: instance_key (UUID), foreign_executions, counted_at.
UPDATE amc_instances
SET
    foreign_executions = %(foreign_executions)s,
    foreign_counted_at = %(counted_at)s
WHERE id = %(instance_key)s
RETURNING id;
