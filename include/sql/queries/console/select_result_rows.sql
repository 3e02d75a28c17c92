-- A page of the rows of a result's document, as text that keeps every digit.
-- Parameters: execution_id, page_size, skipped_rows.
SELECT listed.result_row::TEXT AS result_row
FROM result_rows(%(execution_id)s, %(page_size)s, %(skipped_rows)s) AS listed;
