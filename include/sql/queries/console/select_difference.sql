-- What the result of one execution changed, compared with the version of its window before.
-- Parameters: execution_id.
SELECT
    difference.previous_execution_id,
    difference.key_columns,
    difference.rows_before,
    difference.rows_after,
    difference.rows_new,
    difference.rows_gone,
    difference.rows_changed,
    difference.change_ratio::TEXT AS change_ratio,
    difference.note
FROM result_differences AS difference
WHERE difference.execution_id = %(execution_id)s;
