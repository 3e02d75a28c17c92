-- Store what a condition came to for a result; a load that runs again replaces it.
-- Returns no row where the condition or the execution is deleted. The locks wait for a deletion that
-- is under way.
-- Parameters: execution_id, check_id, measured, value, reference_value, passed (or NULL), note,
-- evaluated_at.
INSERT INTO result_check_outcomes (
    execution_id,
    check_id,
    measured,
    value,
    reference_value,
    passed,
    note,
    evaluated_at
)
SELECT
    (
        SELECT execution.id FROM workflow_executions AS execution
        WHERE execution.id = %(execution_id)s
        FOR KEY SHARE
    ),
    evaluated.id,
    %(measured)s,
    %(value)s::NUMERIC,
    %(reference_value)s::NUMERIC,
    %(passed)s::BOOLEAN,
    %(note)s,
    %(evaluated_at)s::TIMESTAMPTZ
FROM result_checks AS evaluated
WHERE evaluated.id = %(check_id)s
  AND EXISTS (SELECT FROM workflow_executions WHERE id = %(execution_id)s)
FOR KEY SHARE OF evaluated
ON CONFLICT (execution_id, check_id) DO UPDATE
SET
    measured = EXCLUDED.measured,
    value = EXCLUDED.value,
    reference_value = EXCLUDED.reference_value,
    passed = EXCLUDED.passed,
    note = EXCLUDED.note,
    evaluated_at = EXCLUDED.evaluated_at
RETURNING check_id;
