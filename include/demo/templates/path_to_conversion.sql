-- Purpose: in which order people met the ad products before they bought.
-- Parameters: longest_path, the number of steps that are looked at.
-- A row is a path, such as [[1, amazon_dsp], [2, sponsored_products]], and the people who took it.
WITH purchase AS (
    SELECT
        user_id,
        MAX(event_dt_utc) AS bought_at,
        SUM(conversions) AS purchases,
        SUM(total_product_sales) AS product_sales
    FROM conversions
    WHERE event_subtype = 'order'
        AND user_id IS NOT NULL
    GROUP BY user_id
),

contact AS (
    SELECT
        user_id,
        'amazon_dsp' AS ad_product,
        impression_dt_utc AS met_at
    FROM TABLE(EXTEND_TIME_WINDOW('dsp_impressions', 'P14D', 'P0D'))
    WHERE user_id IS NOT NULL
    UNION ALL
    SELECT
        user_id,
        ad_product_type AS ad_product,
        event_dt_utc AS met_at
    FROM TABLE(EXTEND_TIME_WINDOW('sponsored_ads_traffic', 'P14D', 'P0D'))
    WHERE user_id IS NOT NULL
),

first_contact AS (
    SELECT
        contact.user_id,
        contact.ad_product,
        MIN(contact.met_at) AS met_at
    FROM contact
    INNER JOIN purchase
        ON contact.user_id = purchase.user_id
        AND contact.met_at <= purchase.bought_at
    GROUP BY
        contact.user_id,
        contact.ad_product
),

step AS (
    SELECT
        user_id,
        ad_product,
        ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY met_at, ad_product) AS step_no
    FROM first_contact
),

path AS (
    SELECT
        user_id,
        ARRAY_SORT(COLLECT(DISTINCT NAMED_ROW('step_no', step_no, 'ad_product', ad_product))) AS path
    FROM step
    WHERE step_no <= {{longest_path}}
    GROUP BY user_id
)

SELECT
    path.path,
    COUNT(DISTINCT path.user_id) AS buyers,
    SUM(purchase.purchases) AS purchases,
    SUM(purchase.product_sales) AS product_sales
FROM path
INNER JOIN purchase ON path.user_id = purchase.user_id
GROUP BY path.path
