-- Record that the execution of a week is in flight. A week with results and a skipped week stay as
-- they are. So does any week if the execution is no longer as its task has read it: its run may have
-- ended since. The execution is locked before the week, as by the statements that end both.
-- Parameters: collection_id, week_start_date, week_end_date, execution_id, execution_status (as read),
-- retry_count, started_at.
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
  AND EXISTS (
      SELECT FROM workflow_executions AS execution
      WHERE execution.id = %(execution_id)s
        AND execution.status = %(execution_status)s
      FOR SHARE
  )
RETURNING id;
