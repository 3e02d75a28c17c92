-- Forget old failed calls, the oldest first and so many at a time that no lock is held for long.
-- Returns one row: how many were deleted.
-- Parameters: before (older ones go), limit (at most so many).
WITH deleted AS (
    DELETE FROM amc_api_errors
    WHERE id IN (
        SELECT id
        FROM amc_api_errors
        WHERE at < %(before)s
        ORDER BY at
        LIMIT %(limit)s
    )
    RETURNING id
)
SELECT COUNT(*) AS deleted
FROM deleted;
