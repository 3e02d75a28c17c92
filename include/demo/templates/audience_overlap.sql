-- Purpose: whether people who see both DSP and sponsored ads buy more often.
-- Parameters: none.
-- A row is a group of people: those who saw DSP ads only, sponsored ads only, or both.
WITH dsp AS (
    SELECT
        user_id,
        SUM(impressions) AS impressions
    FROM dsp_impressions
    WHERE user_id IS NOT NULL
    GROUP BY user_id
),

sponsored AS (
    SELECT
        user_id,
        SUM(impressions) AS impressions
    FROM sponsored_ads_traffic
    WHERE user_id IS NOT NULL
    GROUP BY user_id
),

exposed AS (
    SELECT
        COALESCE(dsp.user_id, sponsored.user_id) AS user_id,
        CASE
            WHEN sponsored.user_id IS NULL THEN 'DSP only'
            WHEN dsp.user_id IS NULL THEN 'sponsored ads only'
            ELSE 'both'
        END AS exposure,
        COALESCE(dsp.impressions, 0) + COALESCE(sponsored.impressions, 0) AS impressions
    FROM dsp
    FULL OUTER JOIN sponsored ON dsp.user_id = sponsored.user_id
),

purchase AS (
    SELECT
        user_id,
        SUM(conversions) AS purchases,
        SUM(total_product_sales) AS product_sales
    FROM conversions
    WHERE event_subtype = 'order'
        AND user_id IS NOT NULL
    GROUP BY user_id
)

SELECT
    exposed.exposure,
    COUNT(DISTINCT exposed.user_id) AS users,
    SUM(exposed.impressions) AS impressions,
    COUNT(DISTINCT purchase.user_id) AS buyers,
    SUM(COALESCE(purchase.purchases, 0)) AS purchases,
    SUM(COALESCE(purchase.product_sales, 0)) AS product_sales,
    COUNT(DISTINCT purchase.user_id) / COUNT(DISTINCT exposed.user_id) AS purchase_rate
FROM exposed
LEFT JOIN purchase ON exposed.user_id = purchase.user_id
GROUP BY exposed.exposure
