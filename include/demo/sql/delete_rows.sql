-- Forget what an earlier demo left in this database: everything hangs on its users and accounts.
-- Parameters: user_ids, account_ids, template_ids.
DELETE FROM users WHERE id = ANY(%(user_ids)s::uuid[]);

DELETE FROM amc_accounts WHERE id = ANY(%(account_ids)s::uuid[]);

DELETE FROM query_templates WHERE id = ANY(%(template_ids)s::uuid[]);
