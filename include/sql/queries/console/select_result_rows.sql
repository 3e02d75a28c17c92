-- A page of the rows of a result's document, as text that keeps every digit.
-- Parameters: execution_id, row_limit, row_offset.
SELECT listed.result_row::TEXT AS result_row
FROM result_rows(%(execution_id)s, %(row_limit)s, %(row_offset)s) AS listed
ORDER BY listed.row_number;
