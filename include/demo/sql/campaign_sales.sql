-- Purpose: what the ads of a day have sold.
-- Parameters: none.
-- A row is a campaign. AMC learns of sales for weeks, so its figures change.
SELECT
    campaign,
    SUM(total_purchases) AS purchases,
    SUM(total_product_sales) AS sales
FROM amazon_attributed_events_by_traffic_time
GROUP BY campaign;
