-- Purpose: what sponsored ads cost.
-- Parameters: none.
-- A row is a campaign on a day.
SELECT
    event_date_utc,
    campaign,
    SUM(impressions) AS impressions,
    SUM(clicks) AS clicks,
    SUM(spend) / 100000000 AS spend
FROM sponsored_ads_traffic
GROUP BY
    event_date_utc,
    campaign;
