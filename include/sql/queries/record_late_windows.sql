-- Queue an event for each window that is due to be judged and has no results.
-- Returns a row for each such window, and one with a problem for each schedule that cannot be judged.
SELECT
    late_schedule_id AS schedule_id,
    late_due_at AS due_at,
    problem
FROM record_late_windows();
