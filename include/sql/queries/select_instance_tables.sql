-- Read the tables of an instance, removed ones included, with the names of their columns, and of
-- the columns that are TIMESTAMP.
-- Parameters: instance_key (UUID).
SELECT
    offered.name,
    offered.removed_at IS NULL AS is_offered,
    ARRAY(
        SELECT field ->> 'name' FROM jsonb_array_elements(offered.fields) AS field
    ) AS fields,
    ARRAY(
        SELECT field ->> 'name'
        FROM jsonb_array_elements(offered.fields) AS field
        WHERE field ->> 'data_type' = 'TIMESTAMP'
    ) AS timestamp_fields,
    ARRAY(
        SELECT field.field_name
        FROM amc_data_sources AS source
        JOIN amc_schema_fields AS field ON field.data_source_id = source.id
        WHERE source.name = offered.name
          AND NOT field.is_active
    ) AS removed_fields
FROM amc_instance_data_sources AS offered
WHERE offered.instance_id = %(instance_key)s
ORDER BY offered.name;
