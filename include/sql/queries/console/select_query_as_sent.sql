-- The query of one execution as AMC got it, with its declarations, values and options.
-- Parameters: execution_id.
SELECT
    execution.submitted_sql,
    execution.input_parameters,
    execution.parameters,
    execution.amc_options
FROM workflow_executions AS execution
WHERE execution.id = %(execution_id)s;
