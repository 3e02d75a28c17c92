-- The story of the adserver_conversions tables: a row is an off-Amazon conversion. The ad server
-- counts the conversions of `conversions` that Events Manager measured.
SELECT
    c._amc_u,
    c._amc_known,
    c.event_dt_utc,
    c.user_id,
    c.ad_no IS NOT NULL AS _ad_shown,
    c.conversion_id,
    1 AS conversions,
    c.conversion_event_name AS conversion_activity,
    CAST(CAST(c.event_subtype AS INTEGER) + 60000 AS VARCHAR) AS conversion_activity_id,
    CASE WHEN c.stage = 9 THEN 'sales' ELSE 'counter' END AS conversion_type,
    c.purchase_currency AS conversion_currency,
    c.purchase_currency AS account_currency,
    c.off_amazon_product_sales AS revenue,
    CASE WHEN c.stage = 9 THEN 1 ELSE 0 END AS quantity,
    concat('ORDER', upper(c.conversion_id)) AS order_id,
    product.asin AS product_id,
    product.item AS product_info,
    'https://shop.example.com/' AS referrer,
    'Shop tags' AS tag_manager,
    61001 AS tag_manager_id,
    'Kestrel Ridge' AS adserver_brand,
    7001 AS adserver_brand_id,
    'Outdoor' AS vertical,
    p.timezone AS account_timezone,
    p.timezone AS advertiser_timezone,
    p.advertiser,
    p.advertiser_id,
    w.device_type,
    d.device_make AS device_brand,
    d.device_model,
    d.operating_system,
    d.browser_family,
    'web' AS environment,
    p.country AS iso_country_code,
    h.state AS iso_state_province_code,
    h.dma AS dma_code,
    h.city,
    p.country || '-' || lpad(CAST(h.postal + w.postal_step AS VARCHAR), 5, '0') AS postal_code
FROM base_conversions AS c
JOIN product ON product.product_no = c.product_no
JOIN person AS w ON w.person_no = c._amc_u
JOIN device AS d ON d.person_no = w.person_no AND d.device_type = w.device_type
JOIN place AS h ON h.place_no = w.place_no
CROSS JOIN profile AS p
WHERE c.stage > 7
