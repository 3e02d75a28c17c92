-- Read the profile that the account of an instance names; NULL where it names none.
-- Parameters: instance_key (UUID).
SELECT NULLIF(account.profile_id, '') AS profile_id
FROM amc_instances AS instance
JOIN amc_accounts AS account ON account.id = instance.account_id
WHERE instance.id = %(instance_key)s;
