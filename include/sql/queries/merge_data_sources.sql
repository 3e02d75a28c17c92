-- Bring the tables that all users share to what the instances offer together.
-- A table that a sync has seen and no instance offers any more is deprecated. A row that was
-- written by hand stays as it is. display_name and category belong to the application once the row
-- exists.
-- Returns the tables that changed, and how.
-- Parameters: sources (JSON: [{name, display_name, description, category, table_type}]), seen_at.
WITH offered AS (
    SELECT *
    FROM jsonb_to_recordset(%(sources)s::JSONB) AS offered (
        name TEXT,
        display_name TEXT,
        description TEXT,
        category TEXT,
        table_type TEXT
    )
),
kept AS (
    INSERT INTO amc_data_sources AS source (
        name,
        display_name,
        description,
        category,
        table_type,
        is_active,
        first_seen_at
    )
    SELECT
        name,
        display_name,
        description,
        category,
        table_type,
        TRUE,
        %(seen_at)s
    FROM offered
    ON CONFLICT (name) DO UPDATE
    SET
        description = COALESCE(EXCLUDED.description, source.description),
        table_type = COALESCE(source.table_type, EXCLUDED.table_type),
        is_active = TRUE,
        deprecated_at = NULL,
        first_seen_at = COALESCE(source.first_seen_at, EXCLUDED.first_seen_at)
    WHERE (
        source.description,
        source.table_type,
        source.is_active,
        source.deprecated_at,
        source.first_seen_at
    ) IS DISTINCT FROM (
        COALESCE(EXCLUDED.description, source.description),
        COALESCE(source.table_type, EXCLUDED.table_type),
        TRUE,
        NULL,
        COALESCE(source.first_seen_at, EXCLUDED.first_seen_at)
    )
    RETURNING source.name
),
removed AS (
    UPDATE amc_data_sources AS source
    SET
        is_active = FALSE,
        deprecated_at = %(seen_at)s
    WHERE source.first_seen_at IS NOT NULL
      AND source.deprecated_at IS NULL
      AND NOT EXISTS (SELECT FROM offered WHERE offered.name = source.name)
    RETURNING source.name
)
SELECT
    kept.name,
    CASE
        WHEN previous.first_seen_at IS NULL THEN 'ADDED'
        WHEN previous.deprecated_at IS NOT NULL THEN 'RESTORED'
        ELSE 'CHANGED'
    END AS change
FROM kept
LEFT JOIN amc_data_sources AS previous ON previous.name = kept.name
UNION ALL
SELECT
    name,
    'REMOVED'
FROM removed
ORDER BY name;
