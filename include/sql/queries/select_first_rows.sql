-- Read the first rows of a result from its document, as text: the names of the columns, then row
-- after row. Nothing where the execution is another user's, or has no results.
-- Parameters: execution_id, user_id, limit (at most so many rows).
WITH result AS (
    SELECT
        result_data #> '{schema,fields}' AS fields,
        result_data -> 'data' AS records
    FROM workflow_executions
    WHERE id = %(execution_id)s
      AND user_id = %(user_id)s
      AND status = 'SUCCESS'
      AND jsonb_typeof(result_data #> '{schema,fields}') = 'array'
      AND jsonb_typeof(result_data -> 'data') = 'array'
)
SELECT
    0 AS place,
    ARRAY(
        SELECT field.value ->> 'name'
        FROM jsonb_array_elements(result.fields) WITH ORDINALITY AS field (value, place)
        ORDER BY field.place
    ) AS cells
FROM result
UNION ALL
SELECT
    record.place,
    ARRAY(
        SELECT record.value ->> (field.value ->> 'name')
        FROM jsonb_array_elements(result.fields) WITH ORDINALITY AS field (value, place)
        ORDER BY field.place
    )
FROM result
CROSS JOIN jsonb_array_elements(result.records) WITH ORDINALITY AS record (value, place)
WHERE record.place <= %(limit)s
ORDER BY place;
