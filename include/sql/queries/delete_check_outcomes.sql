-- Delete old outcomes of conditions, the oldest first. A limit keeps the locks short.
-- Rows that a user keeps locked are left to a later round.
-- Returns one row: the number of deleted rows.
-- Parameters: before (older ones go), limit (at most so many).
WITH old AS MATERIALIZED (
    SELECT execution_id, check_id
    FROM result_check_outcomes
    WHERE evaluated_at < %(before)s
    ORDER BY evaluated_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
deleted AS (
    DELETE FROM result_check_outcomes AS outcome
    USING old
    WHERE outcome.execution_id = old.execution_id AND outcome.check_id = old.check_id
    RETURNING outcome.execution_id
)
SELECT COUNT(*) AS deleted
FROM deleted;
