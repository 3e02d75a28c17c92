-- The story of adserver_traffic: a row is an impression of a DSP ad that the ad server counted, or
-- a click on a search ad.
SELECT
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN t.person_no END AS _amc_u,
    CASE WHEN s.search THEN t.clicked_at ELSE t.shown_at END AS event_dt_utc,
    CASE WHEN chance(t.touch_no, 'known') < 0.97 THEN w.user_id END AS user_id,
    w.segment_ids,
    CASE WHEN NOT s.search THEN lower(to_hex(t.touch_no)) END AS request_tag,
    lower(to_hex(hash(t.touch_no, 'session'))) AS adserver_session_id,
    p.currency_iso_code AS account_currency,
    p.timezone AS account_timezone,
    p.timezone AS advertiser_timezone,
    p.advertiser,
    p.advertiser_id,
    'Outdoor' AS vertical,
    'Kestrel Ridge' AS adserver_brand,
    7001 AS adserver_brand_id,
    'Amazon DSP' AS adserver_site,
    'Run of network' AS section,
    7101 AS section_id,
    ad.campaign,
    ad.campaign_id,
    CASE WHEN s.search THEN 'search' ELSE 'display' END AS campaign_type,
    coalesce(ad.creative, ad.line_item) AS ad,
    coalesce(ad.creative_id, ad.line_item_id) AS ad_id,
    CASE WHEN s.video THEN 'In-stream video' WHEN s.search THEN 'Search' ELSE 'In-banner' END
        AS ad_format,
    '120' AS ad_size,
    coalesce(ad.creative_duration, 0) AS ad_length,
    ad.line_item AS placement,
    ad.line_item_id AS placement_id,
    CASE WHEN s.video THEN 'In-stream video tracking' ELSE 'In-banner' END AS placement_type,
    ad.creative_size AS placement_dimensions,
    concat(ad.campaign, ' package') AS package,
    ad.campaign_id + 1 AS package_id,
    CASE WHEN s.search THEN 'CPC' ELSE 'CPM' END AS cost_model_type,
    CAST(CASE WHEN s.search THEN ad.cost_per_click ELSE ad.cost_per_thousand END AS VARCHAR)
        AS cost_per_unit,
    100000 AS ordered_units,
    ad.creative_category = 'Display' AS is_dco_ad,
    CASE WHEN ad.creative_category = 'Display' THEN 8001 END AS version_id,
    CASE WHEN ad.creative_category = 'Display' THEN 'Spring version' END AS version_name,
    CASE WHEN ad.creative_category = 'Display' THEN 'headline, image' END AS smart_items_list,
    CASE WHEN NOT s.search THEN 8101 END AS target_audience_id,
    CASE WHEN NOT s.search THEN 'Hikers' END AS target_audience_name,
    CASE WHEN s.search THEN 'AdWords' END AS search_vendor,
    CASE WHEN s.search THEN 'Direct' END AS search_integration,
    CASE WHEN s.search THEN 9001 END AS search_account_id,
    CASE WHEN s.search THEN ad.campaign_id END AS search_campaign_id,
    CASE WHEN s.search THEN 'Search' END AS search_campaign_type,
    CASE WHEN s.search THEN ad.line_item END AS search_ad_group,
    CASE WHEN s.search THEN ad.line_item_id END AS search_ad_group_id,
    CASE WHEN s.search THEN 'Kestrel Ridge' END AS search_ad,
    CASE WHEN s.search THEN ad.line_item_id + 1 END AS search_ad_id,
    CASE WHEN s.search THEN 'Gear for the trail' END AS search_ad_text,
    CASE WHEN s.search THEN 'shop.example.com' END AS search_ad_display_url,
    CASE WHEN s.search THEN 'https://shop.example.com/gear' END AS search_ad_click_through_url,
    CASE WHEN s.search THEN ad.line_item_id + 2 END AS search_keyword_id,
    CASE WHEN s.search THEN ad.targeting END AS search_keyword_text,
    CASE WHEN s.search THEN 'keyword' END AS search_keyword_type,
    CASE WHEN s.search THEN coalesce(ad.match_type, 'BROAD') END AS search_match_type,
    d.device_type,
    d.device_make AS device_brand,
    d.device_model,
    d.operating_system,
    d.browser_family,
    CASE WHEN d.device_type = 'TV' THEN 'in-app' ELSE 'web' END AS environment,
    p.country AS iso_country_code,
    h.state AS iso_state_province_code,
    h.dma AS dma_code,
    h.city,
    p.country || '-' || lpad(CAST(h.postal + w.postal_step AS VARCHAR), 5, '0') AS postal_code,
    CASE WHEN s.search THEN 0 ELSE 1 END AS impressions,
    CASE WHEN t.clicked_at IS NULL THEN 0 ELSE 1 END AS clicks,
    CASE WHEN s.search THEN 1 ELSE 0 END AS search_clicks,
    CASE WHEN s.search THEN 0 ELSE 1 END AS ad_started,
    CASE WHEN s.search THEN 0 ELSE 1 END AS measurable_impressions,
    CASE WHEN s.search THEN 0 ELSE 1 END AS recordable_impressions,
    CASE WHEN NOT s.search AND chance(t.touch_no, 'view') < 0.64 THEN 1 ELSE 0 END
        AS viewable_impressions,
    CASE WHEN s.search THEN 0 ELSE CAST(1 + chance(t.touch_no, 'view') * 20 AS BIGINT) END
        AS ad_duration,
    CASE WHEN s.video THEN 1 ELSE 0 END AS video_started,
    CASE WHEN s.video AND s.played < 0.9 THEN 1 ELSE 0 END AS video_played_25pc,
    CASE WHEN s.video AND s.played < 0.82 THEN 1 ELSE 0 END AS video_played_50pc,
    CASE WHEN s.video AND s.played < 0.76 THEN 1 ELSE 0 END AS video_played_75pc,
    CASE WHEN s.video AND s.played < 0.7 THEN 1 ELSE 0 END AS video_played_100pc
FROM touch AS t
JOIN ad ON ad.ad_no = t.ad_no
JOIN person AS w ON w.person_no = t.person_no
JOIN place AS h ON h.place_no = w.place_no
JOIN device AS d
    ON d.person_no = w.person_no AND d.device_type = coalesce(ad.pinned_device, w.device_type)
CROSS JOIN profile AS p
CROSS JOIN LATERAL (
    SELECT
        ad.ad_product_type IS NOT NULL AS search,
        coalesce(ad.creative_category = 'Video', FALSE) AS video,
        chance(hash(lower(to_hex(t.touch_no))), 'play') AS played
) AS s
WHERE ad.ad_product_type IS NULL
    OR (ad.ad_product_type = 'sponsored_products' AND t.clicked_at IS NOT NULL)
