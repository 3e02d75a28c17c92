-- Keep what a check of an instance found, unless a later check has been kept already.
-- Parameters: instance_key (UUID), health_status, health_error (or NULL), checked_at (when it began).
UPDATE amc_instances
SET
    health_status = %(health_status)s,
    health_error = %(health_error)s,
    last_health_check = %(checked_at)s
WHERE id = %(instance_key)s
  AND (last_health_check IS NULL OR last_health_check <= %(checked_at)s)
RETURNING id;
