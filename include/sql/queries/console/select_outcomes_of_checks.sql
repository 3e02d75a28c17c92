-- How the result of one execution met the conditions on it. Numbers as text, with every digit.
-- Parameters: execution_id.
SELECT
    checked.name,
    checked.severity,
    outcome.measured,
    outcome.value::TEXT AS value,
    outcome.reference_value::TEXT AS reference_value,
    outcome.passed,
    outcome.note
FROM result_check_outcomes AS outcome
JOIN result_checks AS checked ON checked.id = outcome.check_id
WHERE outcome.execution_id = %(execution_id)s
ORDER BY outcome.passed NULLS FIRST, checked.name
LIMIT 100;
