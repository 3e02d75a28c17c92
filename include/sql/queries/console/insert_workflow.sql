-- Insert a workflow as its owner.
-- Parameters: user_id, instance_id, name, description, sql_query, parameters, tags,
-- result_contract, privacy_filtering, counts_hidden_rows, disable_aggregation_controls.
INSERT INTO workflows (
    user_id, instance_id, name, description, sql_query, parameters, tags, result_contract,
    privacy_filtering, counts_hidden_rows, disable_aggregation_controls
)
VALUES (
    %(user_id)s, %(instance_id)s, %(name)s, %(description)s, %(sql_query)s, %(parameters)s,
    %(tags)s, %(result_contract)s, %(privacy_filtering)s, %(counts_hidden_rows)s,
    %(disable_aggregation_controls)s
)
RETURNING id;
