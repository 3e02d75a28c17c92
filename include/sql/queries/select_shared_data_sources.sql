-- What the instances offer of Amazon's own tables, each different description of a table once.
-- A row is one description; where there are several of a table, the order is always the same.
-- Parameters: none.
SELECT
    name,
    is_shared,
    description,
    fields
FROM amc_instance_data_sources
WHERE is_shared
  AND vanished_at IS NULL
GROUP BY name, is_shared, description, fields
ORDER BY name, MIN(instance_id::TEXT);
