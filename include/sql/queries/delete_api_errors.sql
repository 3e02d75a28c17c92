-- Delete old failed calls, the oldest first. A limit keeps the locks short.
-- Rows that a user keeps locked are left to a later round.
-- Returns one row: the number of deleted rows.
-- Parameters: before (older ones go), limit (at most so many).
WITH old AS MATERIALIZED (
    SELECT id
    FROM amc_api_errors
    WHERE at < %(before)s
    ORDER BY at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
deleted AS (
    DELETE FROM amc_api_errors AS error
    USING old
    WHERE error.id = old.id
    RETURNING error.id
)
SELECT COUNT(*) AS deleted
FROM deleted;
