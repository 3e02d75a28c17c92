-- Delete old reconciliations, the oldest first. A limit keeps the locks short.
-- Returns one row: the number of deleted rows.
-- Parameters: before (older ones go), limit (at most so many).
WITH deleted AS (
    DELETE FROM reconciliations
    WHERE id IN (
        SELECT id
        FROM reconciliations
        WHERE at < %(before)s
        ORDER BY at
        LIMIT %(limit)s
    )
    RETURNING id
)
SELECT COUNT(*) AS deleted
FROM deleted;
