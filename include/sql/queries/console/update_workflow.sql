-- Change a workflow as its owner, unless it has changed since the form was opened.
-- Parameters: instance_id, name, description, sql_query, parameters, tags, result_contract,
-- privacy_filtering, counts_hidden_rows, disable_aggregation_controls, row_id (UUID), version
-- (of select_form_workflow.sql).
UPDATE workflows
SET instance_id = %(instance_id)s,
    name = %(name)s,
    description = %(description)s,
    sql_query = %(sql_query)s,
    parameters = %(parameters)s,
    tags = %(tags)s,
    result_contract = %(result_contract)s,
    privacy_filtering = %(privacy_filtering)s,
    counts_hidden_rows = %(counts_hidden_rows)s,
    disable_aggregation_controls = %(disable_aggregation_controls)s
WHERE id = %(row_id)s
    AND md5(ROW(
        name, description, sql_query, instance_id, parameters, tags, result_contract,
        privacy_filtering, counts_hidden_rows, disable_aggregation_controls
    )::TEXT) = %(version)s
RETURNING id;
