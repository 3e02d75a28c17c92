-- The weeks of the demo's collection, each with the status and counters of the collection.
-- Parameters: user_ids.
SELECT
    report_data_weeks.week_number,
    report_data_weeks.week_start_date,
    report_data_weeks.week_end_date,
    report_data_weeks.status,
    report_data_weeks.result_rows,
    report_data_collections.status AS collection_status,
    report_data_collections.total_weeks,
    report_data_collections.completed_weeks,
    report_data_collections.failed_weeks,
    report_data_collections.progress_percentage
FROM report_data_weeks
INNER JOIN report_data_collections
    ON report_data_weeks.collection_id = report_data_collections.id
WHERE report_data_collections.user_id = ANY(%(user_ids)s::uuid[])
ORDER BY report_data_weeks.week_start_date;
