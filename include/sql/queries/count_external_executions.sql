-- Store the number of executions in flight at an instance that no open row stands for. Rows that
-- end after counted_at still take their slots (grant_slots.sql).
-- Parameters: instance_key (UUID), external_executions, counted_at (when AMC's list was begun).
UPDATE amc_instances
SET
    external_executions = LEAST(%(external_executions)s, 10000),
    external_counted_at = %(counted_at)s
WHERE id = %(instance_key)s
RETURNING id;
