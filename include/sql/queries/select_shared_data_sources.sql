-- Read what the instances offer of Amazon's own tables, each different description of a table once.
-- Rows of one table come in the same order each time.
-- Parameters: none.
SELECT
    name,
    is_shared,
    description,
    fields
FROM amc_instance_data_sources
WHERE is_shared
  AND removed_at IS NULL
GROUP BY name, is_shared, description, fields
ORDER BY name, MIN(instance_id::TEXT);
