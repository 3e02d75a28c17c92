-- Calls of Amazon that failed for one execution, the latest first.
-- Parameters: execution_id.
SELECT
    failed.at,
    failed.operation,
    failed.status,
    failed.code,
    failed.message,
    failed.request_id
FROM amc_api_errors AS failed
WHERE failed.execution_id = %(execution_id)s
ORDER BY failed.at DESC, failed.id DESC
LIMIT 50;
