-- Change a collection as its owner, unless it has changed since the form was opened.
-- Parameters: workflow_id, instance_id, name, description, start_date, end_date, parameters,
-- late_after, row_id (UUID), version (of select_form_collection.sql).
UPDATE report_data_collections
SET workflow_id = %(workflow_id)s,
    instance_id = %(instance_id)s,
    name = %(name)s,
    description = %(description)s,
    start_date = %(start_date)s,
    end_date = %(end_date)s,
    parameters = %(parameters)s,
    late_after = %(late_after)s::INTERVAL
WHERE id = %(row_id)s
    AND md5(ROW(
        name, description, workflow_id, instance_id, start_date, end_date, parameters,
        late_after
    )::TEXT) = %(version)s
RETURNING id;
