-- Forget what an earlier demo left in this database: everything hangs on its users and accounts.
-- Parameters: user_ids, account_ids, template_ids.
-- A demo that was broken off may have left open executions, which are never deleted. The emulator that
-- ran them is gone.
UPDATE workflow_executions
SET status = 'CANCELLED'
WHERE user_id = ANY(%(user_ids)s::uuid[]) AND status IN ('PENDING', 'RUNNING');

DELETE FROM users WHERE id = ANY(%(user_ids)s::uuid[]);

DELETE FROM amc_accounts WHERE id = ANY(%(account_ids)s::uuid[]);

DELETE FROM query_templates WHERE id = ANY(%(template_ids)s::uuid[]);
