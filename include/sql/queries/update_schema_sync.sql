-- Say when the tables of an instance were last read whole.
-- Parameters: instance_key (UUID), synced_at.
UPDATE amc_instances
SET schema_last_sync = %(synced_at)s
WHERE id = %(instance_key)s
RETURNING id;
