-- The story of dsp_impressions: a row is an impression.
SELECT
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN t.person_no END AS _amc_u,
    t.shown_at AS impression_dt_utc,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id END AS user_id,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id_type END AS user_id_type,
    lower(to_hex(t.touch_no)) AS request_tag,
    1 AS impressions,
    c.micros // 1000 AS impression_cost,
    c.micros // 1000 + c.micros // 8000 AS total_cost,
    c.micros AS supply_cost,
    c.micros // 20 AS audience_fee,
    c.micros // 12 AS platform_fee,
    0 AS managed_service_fee,
    0 AS third_party_fees,
    0 AS ocm_fee,
    c.micros AS bid_price,
    ad.*,
    ad.campaign_budget * 100000 AS campaign_budget_amount,
    ad.line_item_budget * 100000 AS line_item_budget_amount,
    p.merchant_id,
    ad.frequency_group_ids AS advertiser_account_frequency_group_ids,
    list_transform(ad.frequency_group_ids, lambda one: one + 1000)
        AS manager_account_frequency_group_ids,
    d.device_type,
    environment_of(d.device_type, ad.app_bundle) AS environment_type,
    d.operating_system,
    d.os_version,
    d.device_make,
    d.device_model,
    d.device_id,
    d.browser_family,
    slot_of(t.touch_no) AS slot_position,
    ad.site IN ('amazon', 'Prime Video', 'Fire TV') AS is_amazon_owned,
    ad.creative_size AS ad_slot_size,
    TRUE AS placement_is_view_aware,
    CASE ad.creative_category WHEN 'Video' THEN 0.82 ELSE 0.64 END AS placement_view_rate,
    TRUE AS supply_source_is_view_aware,
    CASE ad.creative_category WHEN 'Video' THEN 0.79 ELSE 0.61 END AS supply_source_view_rate,
    w.segment_ids AS user_behavior_segment_ids,
    list_sort(list_intersect(ad.segment_ids, w.segment_ids)) AS matched_behavior_segment_ids,
    p.advertiser,
    p.advertiser_id,
    p.timezone AS advertiser_timezone,
    p.country AS campaign_country,
    p.country AS iso_country_code,
    p.currency_iso_code,
    p.currency_name,
    p.entity_id,
    p.marketplace_id AS segment_marketplace_id,
    h.state AS iso_state_province_code,
    h.dma AS dma_code,
    h.city AS city_name,
    p.country || '-' || lpad(CAST(h.postal + w.postal_step AS VARCHAR), 5, '0') AS postal_code
FROM touch AS t
JOIN ad ON ad.ad_no = t.ad_no AND ad.ad_product_type IS NULL
JOIN person AS w ON w.person_no = t.person_no
JOIN place AS h ON h.place_no = w.place_no
JOIN device AS d
    ON d.person_no = w.person_no AND d.device_type = coalesce(ad.pinned_device, w.device_type)
CROSS JOIN profile AS p
CROSS JOIN LATERAL (
    SELECT CAST(ad.cost_per_thousand * p.price_factor * 100000 * (0.7 + 0.6 * chance(t.touch_no, 'price'))
        AS BIGINT) AS micros
) AS c
