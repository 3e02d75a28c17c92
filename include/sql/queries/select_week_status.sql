-- The status of a week of a collection; no row where the dates are no week of it.
-- Parameters: collection_id, week_start_date, week_end_date.
SELECT status
FROM report_data_weeks
WHERE collection_id = %(collection_id)s
  AND week_start_date = %(week_start_date)s
  AND week_end_date = %(week_end_date)s;
