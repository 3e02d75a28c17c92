-- Store the outcome of a health check, unless a later check is stored already.
-- Parameters: instance_key (UUID), health_status, health_error (or NULL), instance_type (Amazon's word,
-- or NULL where it did not say), checked_at (when it began).
UPDATE amc_instances
SET
    health_status = %(health_status)s,
    health_error = %(health_error)s,
    instance_type = COALESCE(%(instance_type)s, instance_type),
    last_health_check = %(checked_at)s
WHERE id = %(instance_key)s
  AND (last_health_check IS NULL OR last_health_check <= %(checked_at)s)
RETURNING id;
