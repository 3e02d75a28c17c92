-- The story of conversions_with_relevance: a row is a conversion and a campaign it is relevant to,
-- as promoted product where the campaign advertises it, as brand halo otherwise.
SELECT
    c.*,
    CASE WHEN s.promoted OR c.stage > 7 THEN 'PROMOTED' ELSE 'BRAND_HALO' END AS engagement_scope,
    CASE
        WHEN c.stage > 7 THEN NULL
        WHEN c.stage = 6 THEN 'BRAND_KEYWORD'
        WHEN s.promoted THEN 'TRACKED_ASIN'
        ELSE 'BRAND_MARKETPLACE'
    END AS halo_code,
    k.campaign_id,
    k.campaign_id_string,
    k.campaign,
    k.campaign_sales_type,
    k.campaign_budget * 100000 AS campaign_budget_amount,
    p.advertiser,
    p.advertiser_id,
    p.timezone AS advertiser_timezone
FROM base_conversions AS c
CROSS JOIN profile AS p
JOIN (
    SELECT
        campaign_id,
        campaign_id_string,
        campaign,
        any_value(campaign_sales_type) AS campaign_sales_type,
        any_value(campaign_budget) AS campaign_budget,
        list(product_no) AS product_nos
    FROM ad
    GROUP BY campaign_id, campaign_id_string, campaign
) AS k ON c.ad_no IS NOT NULL OR list_contains(k.product_nos, c.product_no)
CROSS JOIN LATERAL (SELECT list_contains(k.product_nos, c.product_no) AS promoted) AS s
