-- The story of both dsp_impressions_by_*_segments tables: a row is an impression and a segment of
-- its user, targeted by the line item or not.
SELECT
    i.*,
    segment.segment_id AS behavior_segment_id,
    segment.segment_name AS behavior_segment_name,
    segment.segment_description AS behavior_segment_description,
    CASE WHEN list_contains(i.matched_behavior_segment_ids, segment.segment_id) THEN 1 ELSE 0 END
        AS behavior_segment_matched
FROM base_dsp_impressions AS i
JOIN segment ON list_contains(i.user_behavior_segment_ids, segment.segment_id)
