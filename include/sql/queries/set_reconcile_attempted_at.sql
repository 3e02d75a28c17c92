-- Store the time of the last reconciliation of an instance, failed or not.
-- Parameters: instance_key (UUID), attempted_at.
UPDATE amc_instances
SET reconcile_attempted_at = %(attempted_at)s
WHERE id = %(instance_key)s
RETURNING id;
