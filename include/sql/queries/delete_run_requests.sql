-- Delete old requests that have ended, the oldest first. A limit keeps the locks short. Rows
-- that another transaction has locked wait for the next time.
-- Returns one row: the number of deleted rows.
-- Parameters: before (older ones go), limit (at most so many).
WITH deleted AS (
    DELETE FROM run_requests
    WHERE id IN (
        SELECT id
        FROM run_requests
        WHERE created_at < %(before)s
          AND status IN ('DONE', 'REFUSED')
        ORDER BY created_at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id
)
SELECT COUNT(*) AS deleted
FROM deleted;
