-- Generate the conversions that follow the contacts of a month [$month, $next_month), within
-- fourteen days of the contact, and the organic ones; a row is one stage of one journey.
-- AMC knows all of them thirty days after the contact at the latest.
INSERT INTO conversion
WITH led AS (
    SELECT
        touch.*,
        ad.product_no AS promoted_no,
        chance(touch.touch_no, 'convert') AS roll,
        CASE WHEN touch.clicked_at IS NULL THEN 0.03 ELSE 0.34 END AS buying,
        CASE WHEN touch.clicked_at IS NULL THEN 45.0 ELSE 14.0 END AS mean_hours
    FROM touch
    JOIN ad ON ad.ad_no = touch.ad_no
    WHERE touch.shown_at >= $month AND touch.shown_at < $next_month
        AND chance(touch.touch_no, 'known') < 0.97
),

journey AS (
    SELECT
        touch_no,
        touch_no AS seed,
        person_no,
        ad_no,
        shown_at,
        clicked_at,
        promoted_no,
        coalesce(clicked_at, shown_at) AS begun_at,
        least(-ln(1 - chance(touch_no, 'delay')) * mean_hours, 333) AS hours,
        CASE WHEN roll < buying THEN 3 WHEN roll < buying * 1.5 THEN 2 ELSE 1 END AS reached
    FROM led
    WHERE roll < buying * 2.6
    UNION ALL
    SELECT
        NULL,
        seed,
        person_no,
        NULL,
        NULL,
        NULL,
        CAST(floor(chance(seed, 'wish') * 6) AS INTEGER) + 1,
        $month + to_seconds(CAST(chance(seed, 'begun') * 2400000 AS BIGINT)),
        48 * chance(seed, 'delay'),
        3
    FROM (
        SELECT person.person_no, hash(hash(profile.seed, person.person_no, $month, 'organic')) AS seed
        FROM person, profile
        WHERE person.exposed
    )
    WHERE chance(seed, 'organic') < 0.25
)

SELECT
    $month AS month,
    hash(hash(seed, stage)) AS conversion_no,
    person_no,
    begun_at + to_milliseconds(CAST(3600000 * hours * share AS BIGINT) + 1000 * stage)
        AS converted_at,
    stage,
    CASE
        WHEN chance(seed, 'halo') < 0.75 THEN promoted_no
        ELSE CAST(floor(chance(seed, 'other') * 6) AS INTEGER) + 1
    END AS product_no,
    CASE WHEN stage = 3 THEN 1 + CAST(floor(pow(chance(seed, 'units'), 4) * 3) AS INTEGER) ELSE 0 END
        AS units,
    stage = 3 AND chance(seed, 'new') < 0.42 AS new_to_brand,
    touch_no,
    ad_no,
    shown_at,
    clicked_at,
    least(
        converted_at + to_seconds(known_after(hash(hash(seed, stage)))),
        coalesce(begun_at, converted_at) + to_days(30)
    ) AS known_at
FROM journey
JOIN (
    VALUES (1, 0.2, 1, 1.0), (2, 0.9, 2, 1.0), (3, 1.0, 3, 1.0), (4, 1.0, 3, 0.06),
        (5, 0.5, 1, 0.05), (6, 0.1, 1, 0.12), (7, 0.15, 1, 0.1), (8, 0.4, 1, 0.12), (9, 1.0, 3, 0.07)
) AS steps (stage, share, least_reached, likelihood)
    ON least_reached <= reached AND (stage <= 3 OR chance(hash(seed, stage), 'also') < likelihood)
ORDER BY converted_at, conversion_no;
