-- The story of the audience_segments_*_snapshot tables: a row is a person in a segment on the first
-- Thursday of a month. One in ten has left the segment in a month.
SELECT
    s.*,
    CAST(month.month + to_days(CAST((11 - isodow(month.month)) % 7 AS INTEGER)) AS DATE)
        AS snapshot_datetime
FROM base_audience_segments AS s
CROSS JOIN month
WHERE chance(hash(hash(s.user_id, s.segment_id), month.month), 'member') < 0.9
