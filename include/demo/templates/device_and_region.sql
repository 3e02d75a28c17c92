-- Purpose: on which devices and in which regions DSP ads are shown, seen and clicked.
-- Parameters: none.
-- A row is a kind of device in a state or province.
SELECT
    dsp_impressions.device_type,
    dsp_impressions.iso_state_province_code,
    SUM(dsp_impressions.impressions) AS impressions,
    SUM(COALESCE(dsp_views.viewable_impressions, 0)) AS viewable_impressions,
    SUM(COALESCE(dsp_clicks.clicks, 0)) AS clicks,
    COUNT(DISTINCT dsp_impressions.user_id) AS reach,
    SUM(dsp_impressions.total_cost) / 100000 AS spend
FROM dsp_impressions
LEFT JOIN dsp_views ON dsp_impressions.request_tag = dsp_views.impression_id
LEFT JOIN dsp_clicks ON dsp_impressions.request_tag = dsp_clicks.request_tag
GROUP BY
    dsp_impressions.device_type,
    dsp_impressions.iso_state_province_code
