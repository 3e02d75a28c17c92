-- Rows that one execution's result changed, the largest change first. Values as JSON text.
-- Parameters: execution_id, after (number of the last row of the page before), page_size.
SELECT
    changed.number,
    changed.kind,
    changed.key::TEXT AS key,
    changed.before::TEXT AS before,
    changed.after::TEXT AS after
FROM result_difference_rows AS changed
WHERE changed.execution_id = %(execution_id)s AND changed.number > %(after)s
ORDER BY changed.number
LIMIT %(page_size)s;
