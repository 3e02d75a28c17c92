-- The conversions of the people whom no ads reached; a row is one stage of one journey.
SELECT
    person_no,
    converted_at + to_seconds(known_after(hash(seed, stage))) AS known_at,
    converted_at,
    hash(hash(seed, stage)) AS conversion_no,
    stage,
    product_no,
    CASE WHEN stage = 3 THEN 1 ELSE 0 END AS units,
    stage = 3 AND chance(seed, 'new') < 0.5 AS new_to_brand
FROM (
    SELECT
        *,
        begun_at + to_seconds(7200 * stage) AS converted_at,
        CAST(floor(chance(seed, 'wish') * 6) AS INTEGER) + 1 AS product_no
    FROM (
        SELECT
            *,
            month + to_seconds(CAST(chance(seed, 'begun') * 2400000 AS BIGINT)) AS begun_at
        FROM (
            SELECT
                month.month,
                person.person_no,
                hash(hash(profile.seed, person.person_no, month.month, 'unexposed')) AS seed
            FROM month, person, profile
            WHERE NOT person.exposed
        )
        WHERE chance(seed, 'organic') < 0.4
    )
    JOIN (VALUES (1), (2), (3)) AS steps (stage)
        ON stage <= 1 + floor(chance(seed, 'reached') * 3)
)
