-- Read the conditions that the result of an execution must meet, in the order of their ids, with what
-- they are compared with: the latest result of the same definition over an earlier window, or over
-- the window that starts a week before. The window has the same type and length, by the clock of the
-- zone, or both are months. A result that a rule refused is not compared with.
-- reference_measured says what reference_value is of: the condition may have been edited since.
-- Of a result before the condition existed only the number of rows is known.
-- Parameters: execution_id, limit (at most so many).
SELECT
    checked.id,
    checked.name,
    checked.measure,
    checked.column_name,
    checked.key_columns,
    checked.comparison,
    checked.threshold,
    checked.compared_with,
    checked.severity,
    reference.id IS NOT NULL AS has_reference,
    outcome.measured AS reference_measured,
    CASE
        WHEN checked.measure = 'ROWS' THEN reference.result_rows::NUMERIC
        ELSE outcome.value
    END AS reference_value
FROM workflow_executions AS execution
JOIN result_checks AS checked
    ON checked.user_id = execution.user_id
    AND (
        checked.workflow_id = execution.workflow_id
        OR checked.schedule_id = execution.schedule_id
    )
CROSS JOIN LATERAL (
    -- Plain values, so that an index finds the windows. Times of the database are in microseconds.
    SELECT
        CASE checked.compared_with
            WHEN 'PREVIOUS_WINDOW' THEN '-infinity'
            WHEN 'SAME_WEEKDAY' THEN week_before.window_start
        END AS earliest,
        CASE checked.compared_with
            WHEN 'PREVIOUS_WINDOW' THEN execution.window_start - INTERVAL '1 microsecond'
            WHEN 'SAME_WEEKDAY' THEN week_before.window_start
        END AS latest
    FROM (
        SELECT (
            execution.window_start AT TIME ZONE execution.window_time_zone - INTERVAL '7 days'
        ) AT TIME ZONE execution.window_time_zone AS window_start
    ) AS week_before
) AS bounds
LEFT JOIN LATERAL (
    SELECT earlier.id, earlier.result_rows
    FROM workflow_executions AS earlier
    WHERE checked.compared_with <> 'CONSTANT'
      AND earlier.workflow_id = execution.workflow_id
      AND earlier.schedule_id IS NOT DISTINCT FROM execution.schedule_id
      AND earlier.collection_id IS NOT DISTINCT FROM execution.collection_id
      AND earlier.status = 'SUCCESS'
      AND (
          earlier.error_type IS NULL
          OR earlier.error_type NOT IN ('CONTRACT_BROKEN', 'CHECK_FAILED')
      )
      AND earlier.window_start BETWEEN bounds.earliest AND bounds.latest
      AND earlier.window_type = execution.window_type
      AND (
          earlier.window_end AT TIME ZONE execution.window_time_zone
              - earlier.window_start AT TIME ZONE execution.window_time_zone
          = execution.window_end AT TIME ZONE execution.window_time_zone
              - execution.window_start AT TIME ZONE execution.window_time_zone
          -- Months have 28 to 31 days
          OR (
              earlier.window_end - earlier.window_start
                  BETWEEN INTERVAL '27 days 23 hours' AND INTERVAL '31 days 1 hour'
              AND execution.window_end - execution.window_start
                  BETWEEN INTERVAL '27 days 23 hours' AND INTERVAL '31 days 1 hour'
          )
      )
    ORDER BY earlier.window_start DESC, earlier.results_loaded_at DESC NULLS LAST
    LIMIT 1
) AS reference ON true
LEFT JOIN result_check_outcomes AS outcome
    ON outcome.execution_id = reference.id AND outcome.check_id = checked.id
WHERE execution.id = %(execution_id)s
  AND checked.is_active
ORDER BY checked.id
LIMIT %(limit)s;
