-- Read the instances whose tables are known.
-- Parameters: none.
SELECT
    instance.id AS instance_key,
    instance.instance_id
FROM amc_instances AS instance
WHERE EXISTS (
    SELECT FROM amc_instance_data_sources AS source WHERE source.instance_id = instance.id
)
ORDER BY instance.instance_id, instance.id;
