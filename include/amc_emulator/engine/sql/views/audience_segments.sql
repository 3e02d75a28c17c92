-- The story of the audience_segments tables without _snapshot: a row is a person in a segment.
SELECT
    w.person_no AS _amc_u,
    p.segment_region AS _region,
    segment.kind AS _kind,
    segment.segment_id,
    p.marketplace_id AS segment_marketplace_id,
    segment.segment_name,
    w.user_id,
    w.user_id_type
FROM person AS w
JOIN segment ON list_contains(w.segment_ids, segment.segment_id)
CROSS JOIN profile AS p
