-- Workflows whose name has a text, the latest changes first.
-- Parameters: pattern (for ILIKE).
SELECT
    workflow.id,
    workflow.name,
    workflow.updated_at,
    workflow.instance_id,
    instance.name AS instance_name,
    owner.email AS owner
FROM workflows AS workflow
JOIN amc_instances AS instance ON instance.id = workflow.instance_id
JOIN users AS owner ON owner.id = workflow.user_id
WHERE workflow.name ILIKE %(pattern)s
ORDER BY workflow.updated_at DESC NULLS LAST, workflow.id
LIMIT 50;
