-- The people of the world: where they live, what they hold in their hands, how much they see.
-- The first $users of them are exposed to ads, half as many are not.
INSERT INTO person
WITH drawn AS (
    SELECT
        range AS person_no,
        hash(hash(p.seed, range, 'person')) AS own_seed
    FROM profile AS p, range(CAST($users + $users // 2 AS BIGINT)) AS r
)
SELECT
    person_no,
    'A' || upper(md5(CAST(own_seed AS VARCHAR))) AS user_id,
    CASE
        WHEN chance(own_seed, 'id') < 0.8 THEN 'adUserId'
        WHEN chance(own_seed, 'id') < 0.93 THEN 'adBrowserId'
        ELSE 'sisDeviceId'
    END AS user_id_type,
    CAST(floor(pow(chance(own_seed, 'place'), 1.4) * (SELECT count(*) FROM place)) AS INTEGER),
    CAST(floor(chance(own_seed, 'postal') * 12) AS INTEGER),
    CASE
        WHEN chance(own_seed, 'device') < 0.5 THEN 'Phone'
        WHEN chance(own_seed, 'device') < 0.82 THEN 'PC'
        ELSE 'Tablet'
    END AS device_type,
    0.35 + 1.2 * pow(chance(own_seed, 'activity'), 2) AS activity,
    person_no < $users AS exposed,
    (
        SELECT coalesce(list(segment_id ORDER BY segment_id), [])
        FROM segment
        WHERE chance(hash(own_seed, segment_id), 'member') < share
    ) AS segment_ids
FROM drawn
ORDER BY person_no;
