-- Lock the account of an instance until the transaction ends: one transaction at a time grants its
-- slots. It is a statement of its own, because the next statement must read the rows after the
-- lock.
-- Parameters: instance_key (UUID).
SELECT account.id
FROM amc_accounts AS account
JOIN amc_instances AS instance ON instance.account_id = account.id
WHERE instance.id = %(instance_key)s
FOR NO KEY UPDATE OF account;
