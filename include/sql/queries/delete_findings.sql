-- Delete old findings, the oldest first. A limit keeps the locks short.
-- Returns one row: the number of deleted rows.
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
