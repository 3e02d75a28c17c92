-- The story of conversions_all: a row is a conversion, of a user whom ads reached or of another.
SELECT
    c.person_no AS _amc_u,
    c.known_at AS _amc_known,
    c.converted_at AS event_dt_utc,
    w.user_id,
    w.user_id_type,
    lower(to_hex(c.conversion_no)) AS conversion_id,
    CASE WHEN c.exposed THEN 'ad-exposed' ELSE 'non-ad-exposed' END AS exposure_type,
    1 AS conversions,
    c.new_to_brand,
    c.units AS total_units_sold,
    c.units * product.price AS total_product_sales,
    CASE WHEN c.stage = 9 THEN product.price ELSE 0 END AS off_amazon_product_sales,
    CASE WHEN c.stage = 8 THEN 5 ELSE 0 END AS off_amazon_conversion_value,
    c.units * product.price + CASE WHEN c.stage = 9 THEN product.price ELSE 0 END AS combined_sales,
    CASE WHEN c.stage = 3 THEN product.price END AS purchase_unit_price,
    'CONVERSION' AS event_type,
    stage.event_category,
    stage.event_type_class,
    stage.event_subtype,
    stage.event_type_description,
    stage.definition_name AS conversion_event_name,
    stage.definition_source AS conversion_event_source_name,
    stage.definition_source AS conversion_event_source,
    CASE WHEN stage.definition_name IS NULL THEN 'RETAIL' ELSE 'EVENTS_MANAGER' END AS event_source,
    p.marketplace_id,
    p.marketplace_name,
    p.currency_iso_code AS purchase_currency,
    CASE WHEN c.stage = 3 THEN 'Amazon.com' END AS purchase_retail_program,
    CASE WHEN c.stage = 4 THEN 'SNS' || lower(to_hex(c.conversion_no)) END AS sns_subscription_id,
    CASE WHEN c.stage = 3 THEN product.asin END AS tracked_asin,
    tracked_item(c.stage, product.asin, p.advertiser_id) AS tracked_item,
    c.exposed,
    c.stage,
    c.product_no,
    c.ad_no
FROM (
    SELECT
        person_no,
        known_at,
        converted_at,
        conversion_no,
        stage,
        product_no,
        units,
        new_to_brand,
        ad_no,
        TRUE AS exposed
    FROM conversion
    UNION ALL
    SELECT *, NULL, FALSE FROM base_unexposed_conversion
) AS c
JOIN stage ON stage.stage = c.stage
JOIN product ON product.product_no = c.product_no
JOIN person AS w ON w.person_no = c.person_no
CROSS JOIN profile AS p
