-- Read the failed weeks of a collection in their order, and the run of each that its execution names.
-- A week that failed before its execution was inserted names none.
-- Parameters: collection_id, after_week (number of the week before the first), limit (at most so many).
SELECT
    week.week_number,
    execution.dag_run_id
FROM report_data_weeks AS week
LEFT JOIN workflow_executions AS execution
    ON execution.id = week.execution_id AND execution.collection_id = week.collection_id
WHERE week.collection_id = %(collection_id)s
  AND week.status = 'FAILED'
  AND week.week_number > %(after_week)s
ORDER BY week.week_number
LIMIT %(limit)s;
