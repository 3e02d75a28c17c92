-- Delete old failed calls, the oldest first. A limit keeps the locks short.
-- Returns one row: the number of deleted rows.
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
