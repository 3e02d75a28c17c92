-- Record that the execution of a week is in flight. A week with results and a skipped week stay as
-- they are.
-- Parameters: collection_id, week_start_date, week_end_date, execution_id, retry_count, started_at.
UPDATE report_data_weeks
SET
    status = 'RUNNING',
    execution_id = %(execution_id)s,
    retry_count = %(retry_count)s,
    error_message = NULL,
    started_at = %(started_at)s,
    completed_at = NULL
WHERE collection_id = %(collection_id)s
  AND week_start_date = %(week_start_date)s
  AND week_end_date = %(week_end_date)s
  AND status NOT IN ('SUCCESS', 'SKIPPED')
RETURNING id;
