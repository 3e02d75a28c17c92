-- The story of the amazon_brand_store_page_views tables: a row is a page that a visit showed.
SELECT
    v.person_no AS _amc_u,
    chance(v.seed, 'endemic') < 0.8 AS _endemic,
    v.begun_at + to_seconds(40 * (page.page_no - 1)) AS event_dt_utc,
    w.user_id,
    w.user_id_type,
    hash(v.seed, page.page_no) AS seed,
    lower(to_hex(v.seed)) AS visit_id,
    lower(to_hex(hash(v.seed))) AS session_id,
    v.ingress_type,
    v.reference_id,
    v.referrer_domain,
    CASE WHEN v.ingress_type = '4' THEN 'ads' ELSE 'organic' END AS channel,
    w.device_type,
    page.page_no,
    concat('PAGE', page.page_no) AS page_id,
    page.title AS page_title,
    page.product_no,
    CAST(3 + 60 * chance(hash(v.seed, page.page_no), 'dwell') AS DECIMAL(38, 4)) AS dwell_time,
    p.advertiser_id,
    p.marketplace_id,
    'Kestrel Ridge Store' AS store_name
FROM base_brand_store_visit AS v
JOIN (
    VALUES (1, 'Home', 1.0, 1), (2, 'Tents', 0.5, 1), (3, 'Packs', 0.25, 2), (4, 'Cooking', 0.12, 4)
)
    AS page (page_no, title, likelihood, product_no) ON chance(v.seed, 'pages') < page.likelihood
JOIN person AS w ON w.person_no = v.person_no
CROSS JOIN profile AS p
