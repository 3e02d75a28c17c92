-- Keep how many executions are in flight at an instance that no open row of ours stands for.
-- Rows that end after counted_at still take their slots (grant_slots.sql).
-- Parameters: instance_key (UUID), foreign_executions, counted_at (when AMC's list was begun).
UPDATE amc_instances
SET
    foreign_executions = LEAST(%(foreign_executions)s, 10000),
    foreign_counted_at = %(counted_at)s
WHERE id = %(instance_key)s
RETURNING id;
