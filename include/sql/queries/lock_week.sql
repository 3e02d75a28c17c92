-- Hold a week until the transaction ends: its runs end one after the other.
-- A statement of its own, because what decides how the week ends must be read after the lock is had.
-- Parameters: collection_id, week_start_date, week_end_date.
SELECT id
FROM report_data_weeks
WHERE collection_id = %(collection_id)s
  AND week_start_date = %(week_start_date)s
  AND week_end_date = %(week_end_date)s
FOR NO KEY UPDATE;
