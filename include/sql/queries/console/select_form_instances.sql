-- The instances that a new workflow or collection may run on, or one of them.
-- Parameters: instance_id (UUID, or NULL for all).
SELECT
    instance.id,
    instance.user_id,
    instance.name,
    instance.instance_id AS amc_instance_id,
    instance.instance_type,
    owner.email AS owner
FROM amc_instances AS instance
JOIN users AS owner ON owner.id = instance.user_id
WHERE %(instance_id)s::UUID IS NULL OR instance.id = %(instance_id)s::UUID
ORDER BY instance.name, owner.email, instance.id
LIMIT 500;
