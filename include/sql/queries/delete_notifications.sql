-- Forget old events that are settled, the oldest first and so many at a time that no lock is held
-- for long. Returns one row: how many were deleted.
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
