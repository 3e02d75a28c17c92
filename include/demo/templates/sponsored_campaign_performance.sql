-- Purpose: what each sponsored ads campaign cost and brought.
-- Parameters: none.
-- A row is a campaign. Sales are counted when the purchase was made, whenever the ad was seen.
WITH traffic AS (
    SELECT
        campaign_id_string,
        campaign,
        ad_product_type,
        SUM(impressions) AS impressions,
        SUM(clicks) AS clicks,
        SUM(spend) / 100000000 AS spend
    FROM sponsored_ads_traffic
    GROUP BY
        campaign_id_string,
        campaign,
        ad_product_type
),

sales AS (
    SELECT
        campaign_id_string,
        SUM(total_purchases) AS purchases,
        SUM(total_units_sold) AS units_sold,
        SUM(total_product_sales) AS product_sales
    FROM amazon_attributed_events_by_conversion_time
    WHERE ad_product_type IS NOT NULL
    GROUP BY campaign_id_string
)

SELECT
    traffic.ad_product_type,
    traffic.campaign,
    SUM(traffic.impressions) AS impressions,
    SUM(traffic.clicks) AS clicks,
    SUM(traffic.spend) AS spend,
    SUM(COALESCE(sales.purchases, 0)) AS purchases,
    SUM(COALESCE(sales.units_sold, 0)) AS units_sold,
    SUM(COALESCE(sales.product_sales, 0)) AS product_sales,
    SUM(traffic.clicks) / SUM(traffic.impressions) AS click_through_rate,
    SUM(COALESCE(sales.product_sales, 0)) / SUM(traffic.spend) AS return_on_ad_spend
FROM traffic
LEFT JOIN sales ON traffic.campaign_id_string = sales.campaign_id_string
GROUP BY
    traffic.ad_product_type,
    traffic.campaign
