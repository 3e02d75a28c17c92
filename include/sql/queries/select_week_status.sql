-- Read the status of a week of a collection; no row where no week has the dates.
-- Parameters: collection_id, week_start_date, week_end_date.
SELECT status
FROM report_data_weeks
WHERE collection_id = %(collection_id)s
  AND week_start_date = %(week_start_date)s
  AND week_end_date = %(week_end_date)s;
