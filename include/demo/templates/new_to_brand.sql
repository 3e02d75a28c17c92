-- Purpose: how many purchases of each campaign came from customers new to the brand.
-- Parameters: none.
-- A row is a campaign with at least one purchase; DSP campaigns have no ad product type of their own.
SELECT
    COALESCE(ad_product_type, 'amazon_dsp') AS ad_product,
    campaign,
    SUM(total_purchases) AS purchases,
    SUM(new_to_brand_total_purchases) AS new_to_brand_purchases,
    SUM(total_product_sales) AS product_sales,
    SUM(new_to_brand_total_product_sales) AS new_to_brand_product_sales,
    SUM(new_to_brand_total_purchases) / SUM(total_purchases) AS new_to_brand_share
FROM amazon_attributed_events_by_conversion_time
GROUP BY
    COALESCE(ad_product_type, 'amazon_dsp'),
    campaign
HAVING SUM(total_purchases) > 0
