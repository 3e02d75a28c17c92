-- The story of conversions: a row is a conversion, credited to an ad or not.
SELECT
    c.person_no AS _amc_u,
    c.converted_at AS event_dt_utc,
    w.user_id,
    w.user_id_type,
    lower(to_hex(c.conversion_no)) AS conversion_id,
    1 AS conversions,
    c.new_to_brand,
    c.units AS total_units_sold,
    CAST(c.units * product.price * CAST(p.price_factor AS DECIMAL(6, 2)) AS DECIMAL(38, 4))
        AS total_product_sales,
    CAST(c.units * product.price * CAST(p.price_factor AS DECIMAL(6, 2)) AS DECIMAL(38, 4))
        AS combined_sales,
    CASE WHEN c.stage = 3
        THEN CAST(product.price * CAST(p.price_factor AS DECIMAL(6, 2)) AS DECIMAL(38, 4))
    END AS purchase_unit_price,
    'CONVERSION' AS event_type,
    CASE c.stage WHEN 3 THEN 'purchase' ELSE 'website' END AS event_category,
    CASE c.stage WHEN 1 THEN 'consideration' ELSE 'conversion' END AS event_type_class,
    CASE c.stage WHEN 1 THEN 'detailPageView' WHEN 2 THEN 'shoppingCart' ELSE 'order' END
        AS event_subtype,
    CASE c.stage WHEN 1 THEN 'Product detail page viewed' WHEN 2 THEN 'Add to Shopping Cart'
        ELSE 'Product purchased' END AS event_type_description,
    p.marketplace_name,
    p.currency_iso_code AS purchase_currency,
    product.asin AS tracked_asin,
    product.asin AS tracked_item
FROM conversion AS c
JOIN product ON product.product_no = c.product_no
JOIN person AS w ON w.person_no = c.person_no
CROSS JOIN profile AS p
