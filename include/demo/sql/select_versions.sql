-- The versions of each window of a schedule, and what each changed against the one before.
-- Parameters: sales_schedule_id.
SELECT
    window_start,
    window_time_zone,
    version,
    result_rows,
    rows_changed,
    rows_new,
    change_ratio,
    note
FROM versions_of_results()
WHERE schedule_id = %(sales_schedule_id)s
ORDER BY window_start, version;
