-- The story of ncs_cpg_insights_stream: a row is a product that a household bought in a week.
-- Weeks end on Saturday.
SELECT
    w.person_no AS _amc_u,
    w.user_id,
    w.user_id_type,
    CAST(month.month + to_days(CAST((13 - isodow(month.month)) % 7 AS INTEGER) + 7 * week.range)
        AS DATE) AS week_end_dt,
    upper(md5(concat('household', w.person_no))) AS ncs_household_id,
    lower(to_hex(s.seed)) AS household_purchase_id,
    goods.department,
    goods.super_category,
    goods.category,
    goods.product_category,
    goods.brand,
    goods.sub_brand,
    1 + CAST(floor(chance(s.seed, 'quantity') * 3) AS INTEGER) AS purchase_quantity,
    CAST((1 + floor(chance(s.seed, 'quantity') * 3)) * goods.price AS DECIMAL(38, 2))
        AS purchase_dollar_amount
FROM person AS w
CROSS JOIN month
CROSS JOIN range(5) AS week
CROSS JOIN (
    VALUES (1, 'Grocery', 'Snacks', 'Bars', 'Trail bars', 'Ridgeway', 'Ridgeway Nuts', 4.49),
        (2, 'Grocery', 'Beverages', 'Coffee', 'Instant coffee', 'Campfire', 'Campfire Dark', 7.99),
        (3, 'Household', 'Outdoor care', 'Repellents', 'Sprays', 'Nightwood', 'Nightwood Max', 9.5)
) AS goods (goods_no, department, super_category, category, product_category, brand, sub_brand, price)
CROSS JOIN LATERAL (
    SELECT hash(hash(w.user_id, month.month, week.range, goods.goods_no)) AS seed
) AS s
WHERE chance(s.seed, 'bought') < 0.06
    AND month.month + to_days(CAST((13 - isodow(month.month)) % 7 AS INTEGER) + 7 * week.range)
        < month.next_month
