-- Delete the rows of an earlier demo: all others reference its users and accounts.
-- Parameters: user_ids, account_ids, template_ids.
-- An interrupted demo may have left open executions. A trigger keeps these from deletion, so they are
-- cancelled first. Their emulator has ended.
UPDATE workflow_executions
SET status = 'CANCELLED'
WHERE user_id = ANY(%(user_ids)s::uuid[]) AND status IN ('PENDING', 'RUNNING');

DELETE FROM users WHERE id = ANY(%(user_ids)s::uuid[]);

DELETE FROM amc_accounts WHERE id = ANY(%(account_ids)s::uuid[]);

DELETE FROM query_templates WHERE id = ANY(%(template_ids)s::uuid[]);
