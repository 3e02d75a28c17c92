-- What the measures of one execution's result changed. Numbers as text, with every digit.
-- Parameters: execution_id.
SELECT
    changed.column_name,
    changed.rows_changed,
    changed.sum_before::TEXT AS sum_before,
    changed.sum_after::TEXT AS sum_after,
    changed.largest_change::TEXT AS largest_change,
    changed.change_ratio::TEXT AS change_ratio
FROM result_difference_columns AS changed
WHERE changed.execution_id = %(execution_id)s
ORDER BY changed.change_ratio DESC NULLS LAST, changed.column_name
LIMIT 200;
