-- What became of the demo's request, condition and dry runs, a row each.
-- Parameters: user_ids.
SELECT
    'request' AS kind,
    action AS name,
    status AS answer,
    reason AS words
FROM run_requests
WHERE user_id = ANY(%(user_ids)s::uuid[])

UNION ALL

SELECT
    'condition',
    result_checks.name,
    CASE WHEN outcome.passed THEN 'PASSED' WHEN NOT outcome.passed THEN 'FAILED' ELSE 'UNKNOWN' END,
    concat('rows: ', outcome.value)
FROM result_check_outcomes AS outcome
JOIN result_checks ON outcome.check_id = result_checks.id
WHERE result_checks.user_id = ANY(%(user_ids)s::uuid[])

UNION ALL

SELECT
    'dry run',
    workflows.name,
    dry_run.status,
    dry_run.message
FROM workflow_dry_runs AS dry_run
JOIN workflows ON dry_run.workflow_id = workflows.id
WHERE workflows.user_id = ANY(%(user_ids)s::uuid[])
ORDER BY kind, name;
