-- The story of amazon_your_garage: a row is a vehicle that a person keeps in the garage.
SELECT
    v.person_no AS _amc_u,
    p.marketplace_name,
    v.user_id,
    v.user_id_type,
    DATE '2022-01-01' + CAST(floor(chance(v.seed, 'created') * 700) AS INTEGER) AS creation_date,
    DATE '2024-01-01' + CAST(floor(chance(v.seed, 'updated') * 300) AS INTEGER) AS update_date,
    DATE '2024-11-01' + CAST(floor(chance(v.seed, 'used') * 100) AS INTEGER) AS last_accessed_date,
    CAST(v.model_year AS VARCHAR) AS garage_year,
    CASE v.body WHEN 'Truck' THEN 'Truck' ELSE 'Car' END AS vehicle_type,
    v.make AS garage_make,
    v.model AS garage_model,
    v.submodel AS garage_submodel,
    v.body AS garage_bodystyle,
    CASE v.fuel WHEN 'Electric' THEN 'Electric' ELSE '2.5L L4' END AS garage_engine,
    'Automatic' AS garage_transmission,
    v.drive AS garage_drivetype,
    'Disc' AS garage_brakes
FROM base_vehicle AS v
CROSS JOIN profile AS p
