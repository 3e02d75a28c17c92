-- The visits of the Brand Store: those that follow a click on a sponsored brands ad, and others.
SELECT
    touch.person_no,
    touch.touch_no AS seed,
    touch.clicked_at + to_seconds(3) AS begun_at,
    '4' AS ingress_type,
    ad.campaign_id_string AS reference_id,
    'amazon.com' AS referrer_domain
FROM touch
JOIN ad ON ad.ad_no = touch.ad_no
WHERE ad.ad_product_type = 'sponsored_brands' AND touch.clicked_at IS NOT NULL
UNION ALL
SELECT
    person_no,
    seed,
    month + to_seconds(CAST(chance(seed, 'begun') * 86400 * day(last_day(month)) AS BIGINT)),
    ['0', '1', '2', '6'][1 + CAST(floor(chance(seed, 'ingress') * 4) AS INTEGER)],
    NULL,
    CASE WHEN chance(seed, 'referrer') < 0.7 THEN 'amazon.com' ELSE 'example.com' END
FROM (
    SELECT
        month.month,
        person.person_no,
        hash(hash(profile.seed, person.person_no, month.month, 'store', s.range)) AS seed
    FROM month, person, profile, range(2) AS s
)
WHERE chance(seed, 'visit') < 0.25
