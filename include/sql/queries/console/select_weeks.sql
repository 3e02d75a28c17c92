-- The weeks of some collections, in order.
-- Parameters: shown_ids (UUID array: those of one page).
SELECT
    week.collection_id,
    week.week_start_date AS first_day,
    week.week_end_date AS last_day,
    week.status,
    week.result_rows,
    week.execution_duration AS duration_seconds,
    week.execution_id,
    left(week.error_message, 300) AS error_message
FROM report_data_weeks AS week
WHERE week.collection_id = ANY(%(shown_ids)s::UUID[])
ORDER BY week.collection_id, week.week_start_date;
