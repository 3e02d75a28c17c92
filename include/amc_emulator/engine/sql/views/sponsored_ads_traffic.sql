-- The story of sponsored_ads_traffic: a row is an impression, or a click with its price.
SELECT
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN t.person_no END AS _amc_u,
    e.happened_at AS event_dt_utc,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id END AS user_id,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id_type END AS user_id_type,
    e.letter || lower(to_hex(t.touch_no)) AS event_id,
    CASE WHEN e.letter = 'i' THEN 1 ELSE 0 END AS impressions,
    CASE WHEN e.letter = 'c' THEN 1 ELSE 0 END AS clicks,
    CASE WHEN e.letter = 'i' AND chance(t.touch_no, 'view') < 0.7 THEN 1 ELSE 0 END
        AS viewable_impressions,
    CAST(
        CASE e.letter WHEN 'c' THEN ad.cost_per_click ELSE ad.cost_per_thousand / 1000 END
        * p.price_factor * 100000000 * (0.7 + 0.6 * chance(t.touch_no, 'price')) AS BIGINT
    ) AS spend,
    CASE WHEN ad.creative_type = 'video' AND e.letter = 'i' AND chance(t.touch_no, 'video') < 0.35
        THEN 1 ELSE 0 END AS video_complete_views,
    CASE WHEN ad.creative_type = 'video' AND e.letter = 'i' AND chance(t.touch_no, 'video') < 0.45
        THEN 1 ELSE 0 END AS five_sec_views,
    CASE WHEN ad.creative_type = 'video' AND e.letter = 'i' AND chance(t.touch_no, 'video') < 0.7
        THEN 1 ELSE 0 END AS video_first_quartile_views,
    CASE WHEN ad.creative_type = 'video' AND e.letter = 'i' AND chance(t.touch_no, 'video') < 0.55
        THEN 1 ELSE 0 END AS video_midpoint_views,
    CASE WHEN ad.creative_type = 'video' AND e.letter = 'i' AND chance(t.touch_no, 'video') < 0.42
        THEN 1 ELSE 0 END AS video_third_quartile_views,
    ad.*,
    ad.line_item AS ad_group,
    'ENABLED' AS ad_group_status,
    'DAILY_BUDGET' AS campaign_budget_type,
    product.asin AS creative_asin,
    ad.terms[1 + CAST(t.touch_no % len(ad.terms) AS INTEGER)] AS customer_search_term,
    d.operating_system,
    d.os_version,
    CASE WHEN chance(t.touch_no, 'view') < 0.7 AND e.letter = 'i' THEN 'MRC' END AS view_definition,
    CAST(list_intersect(ad.segment_ids, w.segment_ids)[1] AS VARCHAR)
        AS matched_behavior_segment_ids,
    p.advertiser,
    p.timezone AS advertiser_timezone,
    p.currency_iso_code,
    p.currency_name,
    p.entity_id,
    p.marketplace_name
FROM touch AS t
JOIN ad ON ad.ad_no = t.ad_no AND ad.ad_product_type IS NOT NULL
JOIN product ON product.product_no = ad.product_no
JOIN person AS w ON w.person_no = t.person_no
JOIN device AS d ON d.person_no = w.person_no AND d.device_type = w.device_type
CROSS JOIN profile AS p
CROSS JOIN LATERAL (
    SELECT 'i' AS letter, t.shown_at AS happened_at
    UNION ALL
    SELECT 'c', t.clicked_at
) AS e
WHERE e.happened_at IS NOT NULL
