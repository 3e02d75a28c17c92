-- Bring the columns of the shared tables to what the instances offer together, as
-- merge_data_sources does for tables.
-- Returns the columns that changed, and how.
-- Parameters: fields (JSON: [{source, name, data_type, column_type, sensitivity, description}]), seen_at,
-- unknown_type (word for a type that Amazon does not name).
WITH offered AS (
    SELECT
        source.id AS data_source_id,
        offered.*
    FROM jsonb_to_recordset(%(fields)s::JSONB) AS offered (
        source TEXT,
        name TEXT,
        data_type TEXT,
        column_type TEXT,
        sensitivity TEXT,
        description TEXT
    )
    JOIN amc_data_sources AS source ON source.name = offered.source
),
kept AS (
    INSERT INTO amc_schema_fields AS field (
        data_source_id,
        field_name,
        data_type,
        column_type,
        sensitivity,
        description,
        first_seen_at
    )
    SELECT
        data_source_id,
        name,
        COALESCE(data_type, %(unknown_type)s),
        column_type,
        sensitivity,
        description,
        %(seen_at)s
    FROM offered
    ON CONFLICT (data_source_id, field_name) DO UPDATE
    SET
        data_type = COALESCE(NULLIF(EXCLUDED.data_type, %(unknown_type)s), field.data_type),
        column_type = COALESCE(EXCLUDED.column_type, field.column_type),
        sensitivity = COALESCE(EXCLUDED.sensitivity, field.sensitivity),
        description = COALESCE(EXCLUDED.description, field.description),
        is_active = TRUE,
        deprecated_at = NULL,
        first_seen_at = COALESCE(field.first_seen_at, EXCLUDED.first_seen_at)
    WHERE (
        field.data_type,
        field.column_type,
        field.sensitivity,
        field.description,
        field.is_active,
        field.deprecated_at,
        field.first_seen_at
    ) IS DISTINCT FROM (
        COALESCE(NULLIF(EXCLUDED.data_type, %(unknown_type)s), field.data_type),
        COALESCE(EXCLUDED.column_type, field.column_type),
        COALESCE(EXCLUDED.sensitivity, field.sensitivity),
        COALESCE(EXCLUDED.description, field.description),
        TRUE,
        NULL,
        COALESCE(field.first_seen_at, EXCLUDED.first_seen_at)
    )
    RETURNING field.id, field.data_source_id, field.field_name
),
removed AS (
    UPDATE amc_schema_fields AS field
    SET
        is_active = FALSE,
        deprecated_at = %(seen_at)s
    WHERE field.first_seen_at IS NOT NULL
      AND field.deprecated_at IS NULL
      AND NOT EXISTS (
          SELECT FROM offered
          WHERE offered.data_source_id = field.data_source_id AND offered.name = field.field_name
      )
    RETURNING field.data_source_id, field.field_name
)
SELECT
    source.name || '.' || changed.field_name AS name,
    changed.change
FROM (
    SELECT
        kept.data_source_id,
        kept.field_name,
        CASE
            WHEN previous.first_seen_at IS NULL THEN 'ADDED'
            WHEN previous.deprecated_at IS NOT NULL THEN 'RESTORED'
            ELSE 'CHANGED'
        END AS change
    FROM kept
    LEFT JOIN amc_schema_fields AS previous ON previous.id = kept.id
    UNION ALL
    SELECT
        data_source_id,
        field_name,
        'REMOVED'
    FROM removed
) AS changed
JOIN amc_data_sources AS source ON source.id = changed.data_source_id
ORDER BY 1;
