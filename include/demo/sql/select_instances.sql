-- The demo's instances: health, tables, campaigns, the products of their owners, mails to be sent.
-- A row is an instance; money is in the currency of its campaigns.
-- Parameters: user_ids.
SELECT
    amc_instances.name,
    amc_instances.health_status,
    amc_instances.health_error,
    amc_instances.schema_last_sync,
    amc_instances.campaigns_last_sync,
    sources.number AS data_sources,
    figures.number AS campaigns,
    figures.currencies,
    figures.spend,
    figures.sales,
    ROUND(100 * figures.spend / NULLIF(figures.sales, 0), 1) AS acos,
    ROUND(figures.sales / NULLIF(figures.spend, 0), 2) AS roas,
    products.number AS products,
    products.found AS products_found,
    products.missing AS products_missing,
    messages.kinds AS messages
FROM amc_instances
CROSS JOIN LATERAL (
    SELECT COUNT(*) AS number
    FROM amc_instance_data_sources
    WHERE amc_instance_data_sources.instance_id = amc_instances.id
) AS sources
CROSS JOIN LATERAL (
    SELECT
        COUNT(*) AS number,
        STRING_AGG(DISTINCT campaigns.currency_code, ', ') AS currencies,
        SUM(campaigns.spend) AS spend,
        SUM(campaigns.sales) AS sales
    FROM campaigns
    WHERE campaigns.instance_id = amc_instances.id
) AS figures
CROSS JOIN LATERAL (
    SELECT
        COUNT(*) AS number,
        COUNT(*) FILTER (WHERE asins.validation_status = 'FOUND') AS found,
        COUNT(*) FILTER (WHERE asins.validation_status = 'NOT_FOUND') AS missing
    FROM asins
    WHERE asins.user_id = amc_instances.user_id
) AS products
CROSS JOIN LATERAL (
    SELECT ARRAY_AGG(notifications.kind ORDER BY notifications.kind) AS kinds
    FROM notifications
    WHERE notifications.user_id = amc_instances.user_id
) AS messages
WHERE amc_instances.user_id = ANY(%(user_ids)s::uuid[])
ORDER BY amc_instances.name;
