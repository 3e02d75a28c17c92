-- Read the conditions that the result of an execution must meet, in the order of their ids, with what
-- they are compared with: the latest result of the same definition over an earlier window, or over
-- the window that starts a week before.
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
LEFT JOIN LATERAL (
    SELECT earlier.id, earlier.result_rows
    FROM workflow_executions AS earlier
    WHERE earlier.workflow_id = execution.workflow_id
      AND earlier.schedule_id IS NOT DISTINCT FROM execution.schedule_id
      AND earlier.collection_id IS NOT DISTINCT FROM execution.collection_id
      AND earlier.status = 'SUCCESS'
      AND CASE checked.compared_with
          WHEN 'PREVIOUS_WINDOW' THEN earlier.window_start < execution.window_start
          WHEN 'SAME_WEEKDAY' THEN earlier.window_start = (
              execution.window_start AT TIME ZONE execution.window_time_zone - INTERVAL '7 days'
          ) AT TIME ZONE execution.window_time_zone
          ELSE false
      END
    ORDER BY earlier.window_start DESC, earlier.results_loaded_at DESC NULLS LAST
    LIMIT 1
) AS reference ON true
LEFT JOIN result_check_outcomes AS outcome
    ON outcome.execution_id = reference.id AND outcome.check_id = checked.id
WHERE execution.id = %(execution_id)s
  AND checked.is_active
ORDER BY checked.id
LIMIT %(limit)s;
