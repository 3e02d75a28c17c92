-- Read what a triggerer needs to wait for executions, and no more: it holds the rows of thousands.
-- A row without times has ended, and its task looks for itself. An execution on another user's
-- instance is left out: AMC would be asked with that user's tokens.
-- Parameters: execution_ids (array of UUIDs).
SELECT
    execution.id,
    execution.status,
    execution.amc_execution_id,
    execution.slot_granted_at,
    COALESCE(execution.submitted_at, execution.created_at, NOW()) AS submitted_at,
    COALESCE(execution.deadline_at, NOW()) AS deadline_at,
    execution.user_id,
    instance.id AS instance_key,
    instance.instance_id,
    instance.region,
    account.id AS account_key,
    account.account_id AS entity_id,
    account.country_code,
    account.marketplace_id
FROM workflow_executions AS execution
JOIN amc_instances AS instance
    ON instance.id = execution.instance_id AND instance.user_id = execution.user_id
JOIN amc_accounts AS account ON account.id = instance.account_id
WHERE execution.id = ANY(%(execution_ids)s::UUID[]);
