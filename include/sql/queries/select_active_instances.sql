-- Read the active instances of active users, or one of them. A row is an instance with its owner,
-- its health and the time when its tables were read.
-- Parameters: instance_key (UUID, or NULL for all).
SELECT
    instance.id AS instance_key,
    instance.instance_id,
    instance.user_id,
    instance.region,
    account.account_id AS entity_id,
    account.country_code,
    account.marketplace_id,
    COALESCE(instance.health_status, 'UNKNOWN') AS health_status,
    instance.health_error,
    instance.last_health_check,
    instance.schema_last_sync,
    owner.consent_error
FROM amc_instances AS instance
JOIN amc_accounts AS account ON account.id = instance.account_id
JOIN users AS owner ON owner.id = instance.user_id
WHERE instance.is_active
  AND owner.is_active
  AND (%(instance_key)s::UUID IS NULL OR instance.id = %(instance_key)s::UUID)
ORDER BY instance.instance_id, instance.id;
