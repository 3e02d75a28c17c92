-- Forget old findings, the oldest first and so many at a time that no lock is held for long.
-- Returns one row: how many were deleted.
-- Parameters: before (older ones go), limit (at most so many).
WITH deleted AS (
    DELETE FROM maintenance_findings
    WHERE id IN (
        SELECT id
        FROM maintenance_findings
        WHERE at < %(before)s
        ORDER BY at
        LIMIT %(limit)s
    )
    RETURNING id
)
SELECT COUNT(*) AS deleted
FROM deleted;
