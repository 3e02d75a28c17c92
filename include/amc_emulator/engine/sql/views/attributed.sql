-- The story of both amazon_attributed_events tables: a row is a conversion and its traffic event.
SELECT
    c.person_no AS _amc_u,
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
    CAST(c.units * product.price * CAST(p.price_factor AS DECIMAL(6, 2)) AS DECIMAL(38, 4))
        AS product_sales,
    CAST(c.units * product.price * CAST(p.price_factor AS DECIMAL(6, 2)) AS DECIMAL(38, 4))
        AS combined_sales,
    CASE WHEN c.stage = 3
        THEN CAST(product.price * CAST(p.price_factor AS DECIMAL(6, 2)) AS DECIMAL(38, 4))
    END AS purchase_unit_price,
    'CONVERSION' AS conversion_event_type,
    CASE c.stage WHEN 3 THEN 'purchase' ELSE 'website' END AS conversion_event_category,
    CASE c.stage WHEN 1 THEN 'consideration' ELSE 'conversion' END AS conversion_event_type_class,
    CASE c.stage WHEN 1 THEN 'detailPageView' WHEN 2 THEN 'shoppingCart' ELSE 'order' END
        AS conversion_event_subtype,
    CASE c.stage WHEN 1 THEN 'Product detail page viewed' WHEN 2 THEN 'Add to Shopping Cart'
        ELSE 'Product purchased' END AS conversion_event_type_description,
    p.marketplace_name AS conversion_event_marketplace_name,
    p.marketplace_name AS traffic_event_marketplace_name,
    p.currency_iso_code AS purchase_currency,
    product.asin AS tracked_asin,
    product.asin AS tracked_item,
    ad.*,
    ad.campaign_budget * 100000 AS campaign_budget_amount,
    CASE WHEN ad.ad_product_type IS NOT NULL
        THEN ad.terms[1 + CAST(c.touch_no % len(ad.terms) AS INTEGER)] END AS customer_search_term,
    coalesce(ad.pinned_device, w.device_type) AS device_type,
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
JOIN product ON product.product_no = c.product_no
JOIN person AS w ON w.person_no = c.person_no
JOIN place AS h ON h.place_no = w.place_no
CROSS JOIN profile AS p
WHERE c.touch_no IS NOT NULL
