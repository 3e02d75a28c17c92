-- Store what a version of a window changed in each measure.
-- Parameters: execution_id, columns (a JSON list of objects with the names of the columns).
INSERT INTO result_difference_columns (
    execution_id, column_name, rows_changed, sum_before, sum_after, largest_change, change_ratio
)
SELECT
    %(execution_id)s,
    listed.column_name,
    listed.rows_changed,
    listed.sum_before,
    listed.sum_after,
    listed.largest_change,
    listed.change_ratio
FROM jsonb_to_recordset(%(columns)s::JSONB) AS listed (
    column_name TEXT,
    rows_changed BIGINT,
    sum_before NUMERIC,
    sum_after NUMERIC,
    largest_change NUMERIC,
    change_ratio NUMERIC
)
RETURNING true AS is_stored;
