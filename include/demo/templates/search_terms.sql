-- Purpose: the search terms that are worth a look.
-- Parameters: match_types, the match types to look at; minimum_clicks, the clicks a term must have.
-- A row is a search term under one match type.
SELECT
    customer_search_term,
    match_type,
    SUM(impressions) AS impressions,
    SUM(clicks) AS clicks,
    SUM(spend) / 100000000 AS spend,
    SUM(spend) / SUM(clicks) / 100000000 AS cost_per_click
FROM sponsored_ads_traffic
WHERE match_type IN ({{match_types}})
GROUP BY
    customer_search_term,
    match_type
HAVING SUM(clicks) >= {{minimum_clicks}}
