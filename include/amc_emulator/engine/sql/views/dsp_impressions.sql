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
    w.device_type AS own_device,
    coalesce(ad.pinned_device, w.device_type) AS device_type,
    CASE coalesce(ad.pinned_device, w.device_type)
        WHEN 'PC' THEN 'Web' WHEN 'TV' THEN 'App'
        ELSE CASE WHEN ad.site = 'weatherapp' THEN 'App' ELSE 'Web' END
    END AS environment_type,
    CASE coalesce(ad.pinned_device, w.device_type)
        WHEN 'PC' THEN 'Windows' WHEN 'TV' THEN 'Fire OS'
        ELSE CASE WHEN w.person_no % 5 < 2 THEN 'iOS' ELSE 'Android' END
    END AS operating_system,
    CASE coalesce(ad.pinned_device, w.device_type)
        WHEN 'PC' THEN NULL WHEN 'TV' THEN 'Amazon'
        ELSE CASE WHEN w.person_no % 5 < 2 THEN 'Apple' ELSE 'Samsung' END
    END AS device_make,
    CASE w.person_no % 4 WHEN 0 THEN 'Safari' WHEN 1 THEN 'Firefox' ELSE 'Chrome' END
        AS browser_family,
    CASE WHEN chance(t.touch_no, 'slot') < 0.55 THEN 'ATF' WHEN chance(t.touch_no, 'slot') < 0.9
        THEN 'BTF' ELSE 'UNKNOWN' END AS slot_position,
    ad.site IN ('amazon', 'Prime Video', 'Fire TV') AS is_amazon_owned,
    ad.creative_size AS ad_slot_size,
    CASE WHEN ad.site IN ('amazon', 'Prime Video', 'Fire TV') THEN 'AMAZON' ELSE 'OPEN EXCHANGE' END
        AS supply_source,
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
CROSS JOIN profile AS p
CROSS JOIN LATERAL (
    SELECT CAST(ad.cost_per_thousand * p.price_factor * 100000 * (0.7 + 0.6 * chance(t.touch_no, 'price'))
        AS BIGINT) AS micros
) AS c
