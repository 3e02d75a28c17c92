-- The story of both amazon_attributed_events tables: a row is a conversion and its traffic event.
SELECT
    c.person_no AS _amc_u,
    c.known_at AS _amc_known,
    c.converted_at AS conversion_event_dt_utc,
    coalesce(c.clicked_at, c.shown_at) AS traffic_event_dt_utc,
    c.shown_at AS impression_dt_utc,
    c.clicked_at AS click_dt_utc,
    w.user_id,
    w.user_id_type,
    CASE WHEN ad.ad_product_type IS NULL THEN lower(to_hex(c.touch_no)) END AS request_tag,
    CASE WHEN ad.ad_product_type IS NULL THEN lower(to_hex(c.touch_no))
        ELSE CASE WHEN c.clicked_at IS NULL THEN 'i' ELSE 'c' END || lower(to_hex(c.touch_no))
    END AS traffic_event_id,
    'TRAFFIC' AS traffic_event_type,
    CASE WHEN c.clicked_at IS NULL THEN 'AD_IMP' ELSE 'AD_CLICK' END AS traffic_event_subtype,
    CASE WHEN c.clicked_at IS NULL THEN 1 ELSE 0 END AS impressions,
    CASE WHEN c.clicked_at IS NULL THEN 0 ELSE 1 END AS clicks,
    1 AS conversions,
    c.clicked_at IS NOT NULL AS by_click,
    c.product_no = ad.product_no AS promoted,
    c.new_to_brand,
    CASE WHEN c.stage = 1 THEN 1 ELSE 0 END AS detail_page_view,
    CASE WHEN c.stage = 2 THEN 1 ELSE 0 END AS add_to_cart,
    CASE WHEN c.stage = 3 THEN 1 ELSE 0 END AS purchases,
    c.units AS units_sold,
    c.units * product.price AS product_sales,
    CASE WHEN c.stage = 9 THEN product.price ELSE 0 END AS off_amazon_product_sales,
    CASE WHEN c.stage = 8 THEN 5 ELSE 0 END AS off_amazon_conversion_value,
    c.units * product.price + CASE WHEN c.stage = 9 THEN product.price ELSE 0 END AS combined_sales,
    CASE WHEN c.stage = 3 THEN product.price END AS purchase_unit_price,
    'CONVERSION' AS conversion_event_type,
    stage.event_category AS conversion_event_category,
    stage.event_type_class AS conversion_event_type_class,
    stage.event_subtype AS conversion_event_subtype,
    stage.event_type_description AS conversion_event_type_description,
    stage.definition_name AS conversion_event_name,
    stage.definition_source AS conversion_event_source_name,
    CASE WHEN c.stage = 3 THEN 'Amazon.com' END AS purchase_retail_program,
    p.marketplace_name AS conversion_event_marketplace_name,
    p.marketplace_name AS traffic_event_marketplace_name,
    p.currency_iso_code AS purchase_currency,
    CASE WHEN c.stage = 3 THEN product.asin END AS tracked_asin,
    tracked_item(c.stage, product.asin, p.advertiser_id) AS tracked_item,
    ad.*,
    ad.campaign_budget * 100000 AS campaign_budget_amount,
    ad.line_item_budget * 100000 AS line_item_budget_amount,
    CASE WHEN ad.ad_product_type IS NOT NULL
        THEN ad.terms[1 + CAST(c.touch_no % len(ad.terms) AS INTEGER)] END AS customer_search_term,
    d.device_type,
    d.operating_system,
    d.os_version,
    d.device_make,
    d.device_model,
    environment_of(d.device_type, ad.app_bundle) AS environment_type,
    d.browser_family,
    ad.creative_size AS ad_slot_size,
    p.advertiser,
    p.advertiser_id,
    p.timezone AS advertiser_timezone,
    p.entity_id,
    p.country AS iso_country_code,
    h.state AS iso_state_province_code,
    h.dma AS dma_code,
    h.city AS city_name,
    p.country || '-' || lpad(CAST(h.postal + w.postal_step AS VARCHAR), 5, '0') AS postal_code
FROM conversion AS c
JOIN ad ON ad.ad_no = c.ad_no
JOIN stage ON stage.stage = c.stage
JOIN product ON product.product_no = c.product_no
JOIN person AS w ON w.person_no = c.person_no
JOIN place AS h ON h.place_no = w.place_no
JOIN device AS d
    ON d.person_no = w.person_no AND d.device_type = coalesce(ad.pinned_device, w.device_type)
CROSS JOIN profile AS p
WHERE c.touch_no IS NOT NULL
