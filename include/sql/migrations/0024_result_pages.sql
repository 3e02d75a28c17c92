-- A page of a result's rows reads the document once.

-- As in 0016 but for the materialized CTE: "truncated" was read from the whole document for each row.
CREATE OR REPLACE FUNCTION public.result_rows(
    execution_id UUID, row_limit INTEGER DEFAULT 1000, row_offset INTEGER DEFAULT 0
)
RETURNS TABLE (
    row_number BIGINT,
    result_row JSONB,
    result_rows INTEGER,
    is_truncated BOOLEAN
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF row_limit IS NULL OR row_limit NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'result_rows: row_limit is %; write a number from 1 to 10000',
            COALESCE(row_limit::TEXT, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    ELSIF row_offset IS NULL OR row_offset NOT BETWEEN 0 AND 10000 THEN
        RAISE EXCEPTION 'result_rows: row_offset is %; write a number from 0 to 10000',
            COALESCE(row_offset::TEXT, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    WITH result AS MATERIALIZED (
        SELECT
            execution.result_rows,
            COALESCE(execution.result_data -> 'truncated' = 'true', false) AS is_truncated,
            jsonb_path_query_array(
                execution.result_data,
                '$.data[$first to $last]',
                jsonb_build_object('first', row_offset, 'last', row_offset + row_limit - 1)
            ) AS page
        FROM public.workflow_executions AS execution
        WHERE execution.id = result_rows.execution_id AND execution.status = 'SUCCESS'
    )
    SELECT row_offset + listed.place, listed.value, result.result_rows, result.is_truncated
    FROM result
    CROSS JOIN LATERAL jsonb_array_elements(result.page) WITH ORDINALITY AS listed (value, place)
    ORDER BY listed.place;
END;
$$;
