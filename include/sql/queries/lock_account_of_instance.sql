-- Hold the account of an instance until the transaction ends: its slots are granted by one at a time.
-- A statement of its own, because what is counted afterwards must be read after the lock is had.
-- Parameters: instance_key (UUID).
SELECT account.id
FROM amc_accounts AS account
JOIN amc_instances AS instance ON instance.account_id = account.id
WHERE instance.id = %(instance_key)s
FOR NO KEY UPDATE OF account;
