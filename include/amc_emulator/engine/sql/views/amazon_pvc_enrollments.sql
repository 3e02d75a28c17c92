-- The story of amazon_pvc_enrollments: a row is an interval of a subscription: a week of trial,
-- then, for seven in ten, a paid month.
SELECT
    w.person_no AS _amc_u,
    w.user_id,
    w.user_id_type,
    p.marketplace_id,
    p.marketplace_name,
    'outdoorplus' AS pv_benefit_id,
    'Outdoor Plus' AS pv_benefit_name,
    'Outdoor Plus Monthly' AS pv_subscription_name,
    'PVP0001' AS pv_subscription_product_id,
    concat('SUB', lower(to_hex(s.seed))) AS pv_subscription_id,
    concat('SUB', lower(to_hex(s.seed)), '-', step.step_no) AS pv_sub_event_primary_key,
    step.billing AS pv_billing_type,
    step.offer AS pv_offer_name,
    CAST(s.begun_at + to_days(step.first_day) AS DATE) AS pv_start_date,
    CAST(s.begun_at + to_days(step.last_day) AS DATE) AS pv_end_date,
    CASE WHEN chance(s.seed, 'kept') < 0.7 THEN 'ACTIVE' ELSE 'CANCELLED' END
        AS pv_enrollment_status,
    step.step_no = 2 OR chance(s.seed, 'kept') >= 0.7 AS pv_is_latest_record,
    step.step_no = 2 AS pv_is_plan_conversion,
    step.step_no = 1 AS pv_is_plan_start,
    chance(s.seed, 'promo') < 0.2 AS pv_is_promo,
    CAST(step.price AS DECIMAL(38, 4)) AS pv_unit_price
FROM person AS w
CROSS JOIN month
CROSS JOIN profile AS p
CROSS JOIN LATERAL (
    SELECT
        hash(hash(w.user_id, month.month, 'channel')) AS seed,
        month.month + to_days(CAST(floor(
            chance(hash(hash(w.user_id, month.month, 'channel')), 'day') * 28) AS INTEGER))
            AS begun_at
) AS s
JOIN (VALUES (1, 'FT', '7-day free trial', 0, 7, 0.0), (2, 'HO', 'Monthly', 7, 37, 5.99))
    AS step (step_no, billing, offer, first_day, last_day, price)
    ON step.step_no = 1 OR chance(s.seed, 'kept') < 0.7
WHERE chance(s.seed, 'enrolled') < 0.08
