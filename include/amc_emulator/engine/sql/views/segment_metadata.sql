-- The story of segment_metadata: a row is a segment. No user stands behind it.
SELECT
    -1 AS _amc_u,
    segment.segment_id,
    p.marketplace_id AS segment_marketplace_id,
    segment.segment_name,
    segment.segment_description,
    segment.category_level_1,
    segment.category_level_2,
    concat(segment.category_level_1, ' > ', segment.category_level_2, ' > ', segment.segment_name)
        AS category_path
FROM segment
CROSS JOIN profile AS p
