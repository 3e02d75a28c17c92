-- The story of conversions_with_relevance: a row is a conversion and a campaign it is relevant to,
-- as promoted product where the campaign advertises it, as brand halo otherwise.
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
    CASE WHEN promoted THEN 'PROMOTED' ELSE 'BRAND_HALO' END AS engagement_scope,
    CASE WHEN promoted THEN 'TRACKED_ASIN' ELSE 'BRAND_MARKETPLACE' END AS halo_code,
    k.campaign_id,
    k.campaign_id_string,
    k.campaign,
    k.campaign_budget * 100000 AS campaign_budget_amount,
    p.advertiser,
    p.advertiser_id,
    p.timezone AS advertiser_timezone,
    p.marketplace_name,
    p.currency_iso_code AS purchase_currency,
    product.asin AS tracked_asin,
    product.asin AS tracked_item
FROM conversion AS c
JOIN product ON product.product_no = c.product_no
JOIN person AS w ON w.person_no = c.person_no
CROSS JOIN profile AS p
JOIN (
    SELECT
        campaign_id,
        campaign_id_string,
        campaign,
        any_value(campaign_budget) AS campaign_budget,
        list(product_no) AS product_nos
    FROM ad
    GROUP BY campaign_id, campaign_id_string, campaign
) AS k ON c.ad_no IS NOT NULL OR list_contains(k.product_nos, c.product_no)
CROSS JOIN LATERAL (SELECT list_contains(k.product_nos, c.product_no) AS promoted) AS s
