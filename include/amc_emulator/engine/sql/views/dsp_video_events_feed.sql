-- The story of dsp_video_events_feed: a row is an event of a video, of which some are played to
-- the end. Costs stand on the row of the impression only.
SELECT
    i.* REPLACE (
        i.impression_dt_utc AS impression_dt_utc,
        CASE e.name WHEN 'impression' THEN i.impressions ELSE 0 END AS impressions,
        CASE e.name WHEN 'impression' THEN i.impression_cost ELSE 0 END AS impression_cost,
        CASE e.name WHEN 'impression' THEN i.total_cost ELSE 0 END AS total_cost,
        CASE e.name WHEN 'impression' THEN i.supply_cost ELSE 0 END AS supply_cost,
        CASE e.name WHEN 'impression' THEN i.audience_fee ELSE 0 END AS audience_fee,
        CASE e.name WHEN 'impression' THEN i.platform_fee ELSE 0 END AS platform_fee
    ),
    CASE e.name WHEN 'impression' THEN 1 ELSE 0 END AS video_impression,
    CASE e.name WHEN 'creative_view' THEN 1 ELSE 0 END AS video_creative_view,
    CASE e.name WHEN 'start' THEN 1 ELSE 0 END AS video_start,
    CASE e.name WHEN 'first_quartile' THEN 1 ELSE 0 END AS video_first_quartile,
    CASE e.name WHEN 'midpoint' THEN 1 ELSE 0 END AS video_midpoint,
    CASE e.name WHEN 'third_quartile' THEN 1 ELSE 0 END AS video_third_quartile,
    CASE e.name WHEN 'complete' THEN 1 ELSE 0 END AS video_complete,
    CASE e.name WHEN 'mute' THEN 1 ELSE 0 END AS video_mute,
    CASE e.name WHEN 'unmute' THEN 1 ELSE 0 END AS video_unmute,
    CASE e.name WHEN 'pause' THEN 1 ELSE 0 END AS video_pause,
    CASE e.name WHEN 'resume' THEN 1 ELSE 0 END AS video_resume,
    CASE e.name WHEN 'replay' THEN 1 ELSE 0 END AS video_replay,
    CASE e.name WHEN 'skip_forward' THEN 1 ELSE 0 END AS video_skip_forward,
    CASE e.name WHEN 'skip_backward' THEN 1 ELSE 0 END AS video_skip_backward,
    CASE e.name WHEN 'click' THEN 1 ELSE 0 END AS video_click
FROM base_dsp_impressions AS i
-- One roll decides how far a video is played: what is rarer happens after what is more frequent.
JOIN (
    VALUES ('impression', 'play', 1.0), ('creative_view', 'play', 0.99), ('start', 'play', 0.97),
        ('first_quartile', 'play', 0.9), ('midpoint', 'play', 0.82), ('third_quartile', 'play', 0.76),
        ('complete', 'play', 0.7), ('mute', 'sound', 0.1), ('unmute', 'sound', 0.04),
        ('pause', 'stop', 0.05), ('resume', 'stop', 0.04), ('replay', 'again', 0.01),
        ('skip_forward', 'skip', 0.02), ('skip_backward', 'skip', 0.01), ('click', 'press', 0.01)
) AS e (name, roll, likelihood) ON chance(hash(i.request_tag), e.roll) < e.likelihood
WHERE i.creative_category = 'Video'
