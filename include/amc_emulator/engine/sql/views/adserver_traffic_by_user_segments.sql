-- The story of adserver_traffic_by_user_segments: a row is an event and a segment of its user.
SELECT
    t.*,
    segment.segment_id AS behavior_segment_id,
    segment.segment_name AS behavior_segment_name,
    segment.segment_description AS behavior_segment_description
FROM base_adserver_traffic AS t
JOIN segment ON list_contains(t.segment_ids, segment.segment_id)
