-- Store what an instance offers now. A table that it stopped offering stays, with the time of that.
-- Returns the data sources that changed, and how: ADDED, CHANGED, RESTORED or REMOVED.
-- Parameters: instance_key (UUID), sources (JSON: [{name, is_shared, description, fields}]), seen_at.
WITH offered AS (
    SELECT *
    FROM jsonb_to_recordset(%(sources)s::JSONB) AS offered (
        name TEXT,
        is_shared BOOLEAN,
        description TEXT,
        fields JSONB
    )
),
kept AS (
    INSERT INTO amc_instance_data_sources AS source (
        instance_id,
        name,
        is_shared,
        description,
        fields,
        first_seen_at
    )
    SELECT
        %(instance_key)s::UUID,
        name,
        is_shared,
        description,
        fields,
        %(seen_at)s
    FROM offered
    ON CONFLICT (instance_id, name) DO UPDATE
    SET
        is_shared = EXCLUDED.is_shared,
        description = EXCLUDED.description,
        fields = EXCLUDED.fields,
        removed_at = NULL
    WHERE (source.is_shared, source.description, source.fields, source.removed_at)
        IS DISTINCT FROM (EXCLUDED.is_shared, EXCLUDED.description, EXCLUDED.fields, NULL)
    RETURNING source.name
),
removed AS (
    UPDATE amc_instance_data_sources AS source
    SET removed_at = %(seen_at)s
    WHERE source.instance_id = %(instance_key)s::UUID
      AND source.removed_at IS NULL
      AND NOT EXISTS (SELECT FROM offered WHERE offered.name = source.name)
    RETURNING source.name
)
SELECT
    kept.name,
    CASE
        WHEN previous.name IS NULL THEN 'ADDED'
        WHEN previous.removed_at IS NOT NULL THEN 'RESTORED'
        ELSE 'CHANGED'
    END AS change
FROM kept
LEFT JOIN amc_instance_data_sources AS previous
    ON previous.instance_id = %(instance_key)s::UUID AND previous.name = kept.name
UNION ALL
SELECT
    name,
    'REMOVED'
FROM removed
ORDER BY name;
