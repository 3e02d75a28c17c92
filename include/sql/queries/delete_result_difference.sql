-- Delete what is stored of an execution's difference, before it is stored again.
-- Parameters: execution_id.
DELETE FROM result_differences
WHERE execution_id = %(execution_id)s
RETURNING execution_id;
