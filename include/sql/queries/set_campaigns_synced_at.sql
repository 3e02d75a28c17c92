-- Store the time of a complete sync of campaigns and figures. An earlier time changes nothing.
-- Parameters: instance_key (UUID), synced_at.
UPDATE amc_instances
SET campaigns_last_sync = %(synced_at)s
WHERE id = %(instance_key)s
  AND (campaigns_last_sync IS NULL OR campaigns_last_sync < %(synced_at)s)
RETURNING id;
