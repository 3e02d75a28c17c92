-- A page of the rows of a result's document, as text that keeps every digit. result_rows() would
-- read the document once for each row.
-- Parameters: execution_id, first_place and last_place (from 0 on).
SELECT listed.value::TEXT AS result_row
FROM workflow_executions AS execution
CROSS JOIN LATERAL jsonb_path_query(
    execution.result_data,
    '$.data[$first to $last]',
    jsonb_build_object(
        'first', %(first_place)s::INTEGER, 'last', %(last_place)s::INTEGER
    )
) WITH ORDINALITY AS listed (value, place)
WHERE execution.id = %(execution_id)s AND execution.status = 'SUCCESS'
ORDER BY listed.place;
