-- The story of dsp_views: a row is a measured impression, viewed or not.
SELECT
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN t.person_no END AS _amc_u,
    t.shown_at + to_seconds(1 + t.touch_no % 4) AS event_dt_utc,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id END AS user_id,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id_type END AS user_id_type,
    lower(to_hex(t.touch_no)) AS impression_id,
    'VIEW' AS event_type,
    'MRC' AS view_definition,
    1 AS events,
    1 AS measurable_impressions,
    CASE WHEN chance(t.touch_no, 'view') < 0.64 THEN 1 ELSE 0 END AS viewable_impressions,
    ad.*,
    ad.creative_size AS ad_slot_size,
    CASE WHEN d.device_type = 'TV' THEN 'App' ELSE 'Web' END AS environment_type,
    d.operating_system,
    d.os_version,
    d.device_make,
    d.device_model,
    slot_of(t.touch_no) AS slot_position,
    p.merchant_id,
    ad.frequency_group_ids AS advertiser_account_frequency_group_ids,
    list_transform(ad.frequency_group_ids, lambda one: one + 1000)
        AS manager_account_frequency_group_ids,
    p.advertiser,
    p.advertiser_id,
    p.timezone AS advertiser_timezone,
    p.country AS campaign_country,
    p.entity_id,
    h.city AS city_name
FROM touch AS t
JOIN ad ON ad.ad_no = t.ad_no AND ad.ad_product_type IS NULL
JOIN person AS w ON w.person_no = t.person_no
JOIN place AS h ON h.place_no = w.place_no
JOIN device AS d
    ON d.person_no = w.person_no AND d.device_type = coalesce(ad.pinned_device, w.device_type)
CROSS JOIN profile AS p
WHERE chance(t.touch_no, 'measured') < 0.95
