-- Store what a version of a window changed.
-- Parameters: execution_id, previous_execution_id, compared_at, key_columns, rows_before, rows_after,
-- rows_new, rows_gone, rows_changed, change_ratio, note (from rows_before on they may be NULL).
INSERT INTO result_differences (
    execution_id,
    previous_execution_id,
    compared_at,
    key_columns,
    rows_before,
    rows_after,
    rows_new,
    rows_gone,
    rows_changed,
    change_ratio,
    note
)
VALUES (
    %(execution_id)s,
    %(previous_execution_id)s,
    %(compared_at)s,
    %(key_columns)s::TEXT[],
    %(rows_before)s,
    %(rows_after)s,
    %(rows_new)s,
    %(rows_gone)s,
    %(rows_changed)s,
    %(change_ratio)s,
    %(note)s
)
RETURNING execution_id;
