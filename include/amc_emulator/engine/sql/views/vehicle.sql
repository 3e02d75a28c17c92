-- The vehicles of people: two in five have one.
SELECT
    w.person_no,
    w.user_id,
    w.user_id_type,
    w.place_no,
    hash(w.user_id, 'vehicle') AS seed,
    2006 + CAST(floor(chance(hash(w.user_id), 'year') * 19) AS INTEGER) AS model_year,
    models.*
FROM person AS w
JOIN (
    VALUES (0, 'Arden', 'Meadow', 'LX', 'SUV', 'Standard', 'Gasoline', 'AWD'),
        (1, 'Arden', 'Harbor', 'S', 'Sedan', 'Standard', 'Hybrid', 'FWD'),
        (2, 'Colby', 'Ranch', 'XLT', 'Truck', 'Standard', 'Gasoline', '4WD'),
        (3, 'Colby', 'Trail', 'Sport', 'SUV', 'Standard', 'Gasoline', '4WD'),
        (4, 'Voltane', 'One', 'Long Range', 'Sedan', 'Luxury', 'Electric', 'RWD')
) AS models (model_no, make, model, submodel, body, class, fuel, drive)
    ON models.model_no = CAST(floor(chance(hash(w.user_id), 'model') * 5) AS INTEGER)
WHERE chance(hash(w.user_id), 'vehicle') < 0.4
