-- The story of amazon_retail_purchases: a row is an order of one product, by an exposed person or not.
SELECT
    c._amc_u,
    c._amc_known,
    c.event_dt_utc AS purchase_dt_utc,
    c.user_id,
    'adUserId' AS user_id_type,
    concat('E', c.conversion_id) AS event_id,
    concat('P', c.conversion_id) AS purchase_id,
    concat('O', c.conversion_id) AS origin_session_id,
    concat('S', c.conversion_id) AS purchase_session_id,
    c.tracked_asin AS asin,
    c.tracked_asin AS asin_parent,
    product.item AS asin_name,
    'Kestrel Ridge' AS asin_brand,
    c.purchase_currency AS currency_code,
    c.marketplace_id,
    c.marketplace_name,
    chance(hash(c.conversion_id), 'business') < 0.06 AS is_business_flag,
    chance(hash(c.conversion_id), 'gift') < 0.04 AS is_gift_flag,
    CASE WHEN chance(hash(c.conversion_id), 'method') < 0.7 THEN 'S'
        WHEN chance(hash(c.conversion_id), 'method') < 0.9 THEN 'B' ELSE '1' END
        AS purchase_order_method,
    CASE WHEN chance(hash(c.user_id), 'prime') < 0.75 THEN 'Prime' ELSE 'NON-PRIME' END
        AS purchase_order_type,
    'Amazon.com' AS purchase_program_name,
    c.total_units_sold AS purchase_units_sold,
    c.purchase_unit_price AS unit_price
FROM base_conversions_all AS c
JOIN product ON product.product_no = c.product_no
WHERE c.stage = 3
