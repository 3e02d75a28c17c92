-- Queue an event for the weeks of each collection that are due to be judged and have no results.
-- Returns a row for each such collection, and one with a problem for each that cannot be judged.
SELECT
    late_collection_id AS collection_id,
    late_due_at AS due_at,
    problem
FROM record_late_weeks();
