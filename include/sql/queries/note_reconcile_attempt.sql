-- Keep when the reconciliation last tried an instance, also where the try fails.
-- Parameters: instance_key (UUID), attempted_at.
UPDATE amc_instances
SET reconcile_attempted_at = %(attempted_at)s
WHERE id = %(instance_key)s
RETURNING id;
