-- Delete old outcomes of conditions, the oldest first. A limit keeps the locks short.
-- Returns one row: the number of deleted rows.
-- Parameters: before (older ones go), limit (at most so many).
WITH deleted AS (
    DELETE FROM result_check_outcomes
    WHERE (execution_id, check_id) IN (
        SELECT execution_id, check_id
        FROM result_check_outcomes
        WHERE evaluated_at < %(before)s
        ORDER BY evaluated_at
        LIMIT %(limit)s
    )
    RETURNING execution_id
)
SELECT COUNT(*) AS deleted
FROM deleted;
