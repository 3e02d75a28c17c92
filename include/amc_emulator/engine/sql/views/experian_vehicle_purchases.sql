-- The story of experian_vehicle_purchases: a row is a registered purchase, three in a hundred
-- owners a month.
SELECT
    v.person_no AS _amc_u,
    v.user_id,
    v.user_id_type,
    CAST(month.month + to_days(CAST(floor(chance(s.seed, 'day') * 28) AS INTEGER)) AS DATE)
        AS purchase_date,
    CASE WHEN chance(s.seed, 'new') < 0.4 THEN 'N' ELSE 'U' END AS new_or_used,
    concat(v.make, ' of ', h.city) AS reported_dealership,
    v.class AS vehicle_class,
    v.fuel AS vehicle_fuel_type,
    v.make AS vehicle_make,
    v.model AS vehicle_model,
    v.model_year AS vehicle_model_year,
    replace(h.state, concat(p.country, '-'), '') AS vehicle_registered_state,
    v.body AS vehicle_type
FROM base_vehicle AS v
CROSS JOIN month
CROSS JOIN LATERAL (SELECT hash(v.seed, month.month) AS seed) AS s
JOIN place AS h ON h.place_no = v.place_no
CROSS JOIN profile AS p
WHERE chance(s.seed, 'bought') < 0.03
