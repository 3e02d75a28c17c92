-- Sums of a measure by one or two columns of a result's document, the largest first.
-- Parameters: execution_id, x (column), y (numeric column; NULL: the number of rows), colour
-- (column; NULL: none), points (how many at most).
SELECT
    line.value ->> %(x)s AS x,
    line.value ->> %(colour)s::TEXT AS colour,
    CASE
        WHEN %(y)s::TEXT IS NULL THEN COUNT(*)
        ELSE SUM((line.value ->> %(y)s::TEXT)::NUMERIC)
    END::FLOAT8 AS y,
    COUNT(*) OVER () AS points
FROM workflow_executions AS execution
CROSS JOIN LATERAL jsonb_path_query(execution.result_data, '$.data[*]') AS line (value)
WHERE execution.id = %(execution_id)s AND execution.status = 'SUCCESS'
GROUP BY 1, 2
ORDER BY abs(
    CASE
        WHEN %(y)s::TEXT IS NULL THEN COUNT(*)
        ELSE SUM((line.value ->> %(y)s::TEXT)::NUMERIC)
    END
) DESC NULLS LAST
LIMIT %(points)s;
