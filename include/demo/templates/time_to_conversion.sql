-- Purpose: how long after the credited ad contact people buy.
-- Parameters: none.
-- A row is a span of time. The moments are sensitive: a span needs a hundred buyers to be shown.
SELECT
    CASE
        WHEN SECONDS_BETWEEN(traffic_event_dt_utc, conversion_event_dt_utc) < 43200
            THEN '1 | within 12 hours'
        WHEN SECONDS_BETWEEN(traffic_event_dt_utc, conversion_event_dt_utc) < 172800
            THEN '2 | 12 to 48 hours'
        WHEN SECONDS_BETWEEN(traffic_event_dt_utc, conversion_event_dt_utc) < 604800
            THEN '3 | 2 to 7 days'
        ELSE '4 | more than 7 days'
    END AS time_to_conversion,
    COUNT(DISTINCT user_id) AS buyers,
    SUM(total_purchases) AS purchases,
    SUM(total_product_sales) AS product_sales
FROM amazon_attributed_events_by_conversion_time
WHERE conversion_event_subtype = 'order'
GROUP BY 1
