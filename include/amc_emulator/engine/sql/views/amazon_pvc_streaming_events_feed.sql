-- The story of amazon_pvc_streaming_events_feed: a row is a playback, up to four a month of one
-- person in five.
SELECT
    w.person_no AS _amc_u,
    w.user_id,
    w.user_id_type,
    p.marketplace_id,
    p.marketplace_name,
    month.month + to_seconds(CAST(
        chance(s.seed, 'moment') * 86400 * day(last_day(month.month)) AS BIGINT
    )) AS pv_playback_dt_utc,
    lower(to_hex(s.seed)) AS pv_session_id,
    CAST(floor(60 + 3000 * chance(s.seed, 'length')) AS DECIMAL(38, 4)) AS pv_seconds_viewed,
    'Channel subscription' AS pv_access_type,
    'subscription' AS pv_offer_group,
    CASE WHEN title.sport IS NULL THEN 'VOD' ELSE 'live-event' END AS pv_stream_type,
    CASE WHEN title.sport IS NULL THEN 'full' ELSE 'live' END AS pv_material_type,
    FALSE AS pv_is_avod,
    TRUE AS pv_is_channels,
    chance(s.seed, 'share') < 0.15 AS pv_is_hh_share,
    FALSE AS pv_is_svod,
    chance(s.seed, 'started') < 0.9 AS pv_is_user_initiated,
    concat('B0PV', lpad(CAST(title.title_no AS VARCHAR), 6, '0')) AS pv_streaming_asin,
    concat('amzn1.dv.gti.', title.title_no) AS pv_streaming_gti,
    p.country AS pv_streaming_geo_country,
    CASE p.country WHEN 'DE' THEN 'de' ELSE 'en' END AS pv_streaming_language,
    title.name AS pv_gti_title_name,
    title.series AS pv_gti_series_or_movie_name,
    title.season AS pv_gti_season,
    title.episode AS pv_gti_episode,
    title.content_type AS pv_gti_content_type,
    'Feature' AS pv_gti_content_entity_type,
    '7+' AS pv_gti_content_rating,
    [title.genre] AS pv_gti_genre,
    ['A. Example', 'B. Example'] AS pv_gti_cast,
    ['C. Example'] AS pv_gti_director,
    'Ridge Pictures' AS pv_gti_studio,
    DATE '2023-05-01' + 30 * title.title_no AS pv_gti_release_date,
    title.sport IS NOT NULL AS pv_gti_is_live,
    title.sport AS pv_gti_event_sport,
    CASE WHEN title.sport IS NOT NULL THEN title.name END AS pv_gti_event_name,
    CASE WHEN title.sport IS NOT NULL THEN 'Trail League' END AS pv_gti_event_league,
    CASE WHEN title.sport IS NOT NULL THEN 'Final' END AS pv_gti_event_context,
    CASE WHEN title.sport IS NOT NULL THEN 'Main feed' END AS pv_gti_event_item
FROM person AS w
CROSS JOIN month
CROSS JOIN range(4) AS slot
CROSS JOIN profile AS p
CROSS JOIN LATERAL (
    SELECT hash(hash(w.user_id, month.month, 'stream', slot.range)) AS seed
) AS s
JOIN (
    VALUES (0, 'The Long Trail', 'The Long Trail', NULL, NULL, 'Movie', 'Documentary', NULL),
        (1, 'First Light', 'High Country', '1', '1', 'TV Episode', 'Drama', NULL),
        (2, 'Whiteout', 'High Country', '1', '2', 'TV Episode', 'Drama', NULL),
        (3, 'Ridge Run Final', 'Ridge Run', NULL, NULL, 'Live event', 'Sports', 'Trail running')
) AS title (title_no, name, series, season, episode, content_type, genre, sport)
    ON title.title_no = CAST(floor(chance(s.seed, 'title') * 4) AS INTEGER)
WHERE chance(hash(w.user_id), 'channel') < 0.2 AND chance(s.seed, 'played') < 0.7
