-- The story of dsp_clicks: a row is a click.
SELECT
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN t.person_no END AS _amc_u,
    t.clicked_at AS click_dt_utc,
    t.shown_at AS impression_dt_utc,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id END AS user_id,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id_type END AS user_id_type,
    lower(to_hex(t.touch_no)) AS request_tag,
    1 AS clicks,
    0 AS click_cost,
    ad.*,
    ad.campaign_budget * 100000 AS campaign_budget_amount,
    ad.line_item_budget * 100000 AS line_item_budget_amount,
    p.merchant_id,
    ad.frequency_group_ids AS advertiser_account_frequency_group_ids,
    list_transform(ad.frequency_group_ids, lambda one: one + 1000)
        AS manager_account_frequency_group_ids,
    d.device_type,
    CASE WHEN ad.site = 'weatherapp' THEN 'App' ELSE 'Web' END AS environment_type,
    d.operating_system,
    d.os_version,
    d.device_make,
    d.device_model,
    d.device_id,
    slot_of(t.touch_no) AS slot_position,
    ad.site = 'amazon' AS is_amazon_owned,
    ad.creative_size AS ad_slot_size,
    d.browser_family,
    p.advertiser,
    p.advertiser_id,
    p.timezone AS advertiser_timezone,
    p.country AS campaign_country,
    p.country AS iso_country_code,
    p.currency_iso_code,
    p.currency_name,
    p.entity_id,
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
WHERE t.clicked_at IS NOT NULL
