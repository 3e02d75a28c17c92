-- Read what the rows show as the results of a schedule or a collection over a window. That is the
-- latest SUCCESS of its workflow, else a week that is SUCCESS and names no execution of the
-- pipeline (an adopted database, or a deleted execution).
-- Only executions of the same query, values and options count: the row may have been edited since, and a
-- manual run or a backfill may have had other values.
-- is_recorded: the schedule has a run, or the collection a week, that shows the results.
-- Results of another instance are of other data. Results queried before the window was due may lack
-- data.
-- Parameters: workflow_id, user_id, instance_key, schedule_id or collection_id (UUIDs, the other is
-- NULL), due_at (of the window), window_type, window_start, window_end, week_start_date and
-- week_end_date (NULL where it is not a week), submitted_sql, parameters (JSON),
-- amc_options (JSON).
WITH week AS (
    SELECT shown.execution_id, shown.completed_at, execution.dag_run_id
    FROM report_data_weeks AS shown
    LEFT JOIN workflow_executions AS execution ON execution.id = shown.execution_id
    WHERE shown.collection_id = %(collection_id)s
      AND shown.week_start_date = %(week_start_date)s
      AND shown.week_end_date = %(week_end_date)s
      AND shown.status = 'SUCCESS'
),
loaded AS (
    SELECT
        execution.id AS execution_id,
        execution.completed_at,
        EXISTS (SELECT FROM week)
        OR EXISTS (
            SELECT FROM schedule_runs AS run
            WHERE run.schedule_id = execution.schedule_id
              AND run.execution_id = execution.id
        ) AS is_recorded
    FROM workflow_executions AS execution
    WHERE execution.workflow_id = %(workflow_id)s
      AND execution.window_start = %(window_start)s
      AND execution.window_end = %(window_end)s
      AND execution.window_type = %(window_type)s
      AND execution.status = 'SUCCESS'
      -- A rule of the user refuses them
      AND COALESCE(execution.error_type, '') NOT IN ('CONTRACT_BROKEN', 'CHECK_FAILED')
      AND execution.user_id = %(user_id)s
      AND execution.instance_id = %(instance_key)s
      AND execution.created_at >= %(due_at)s
      AND (
          execution.schedule_id = %(schedule_id)s
          OR execution.collection_id = %(collection_id)s
      )
      AND execution.submitted_sql = %(submitted_sql)s
      AND execution.parameters = %(parameters)s::JSONB
      AND execution.amc_options = %(amc_options)s::JSONB
    ORDER BY execution.completed_at DESC, execution.id
    LIMIT 1
)
SELECT execution_id, completed_at, is_recorded
FROM loaded
UNION ALL
SELECT execution_id, completed_at, TRUE
FROM week
WHERE dag_run_id IS NULL
  AND NOT EXISTS (SELECT FROM loaded);
