-- A collection as the form shows it. The version is a digest of what the form changes;
-- update_collection.sql has the same.
-- Parameters: row_id (UUID).
SELECT
    collection.id,
    collection.user_id,
    'amc_collection_' || collection.id AS dag_id,
    collection.workflow_id,
    collection.instance_id,
    instance.name AS instance_name,
    collection.name,
    collection.description,
    collection.start_date,
    collection.end_date,
    COALESCE(collection.parameters, '{}') AS parameters,
    collection.late_after::TEXT AS late_after,
    md5(ROW(
        collection.name, collection.description, collection.workflow_id, collection.instance_id,
        collection.start_date, collection.end_date, collection.parameters, collection.late_after
    )::TEXT) AS version
FROM report_data_collections AS collection
JOIN amc_instances AS instance ON instance.id = collection.instance_id
WHERE collection.id = %(row_id)s;
