-- Delete old events that are not open, the oldest first. A limit keeps the locks short.
-- Returns one row: the number of deleted rows.
-- Parameters: before (older ones go), limit (at most so many).
WITH deleted AS (
    DELETE FROM notifications
    WHERE id IN (
        SELECT id
        FROM notifications
        WHERE created_at < %(before)s
          AND status NOT IN ('PENDING', 'CLAIMED', 'SENDING')
        ORDER BY created_at
        LIMIT %(limit)s
    )
    RETURNING id
)
SELECT COUNT(*) AS deleted
FROM deleted;
