-- The story of the amazon_brand_store_engagement_events tables: a row is a view or a click of a
-- widget on a page.
SELECT
    v.*,
    e.event_type,
    e.event_sub_type,
    e.widget_type,
    e.widget_sub_type,
    CASE WHEN e.widget_type = 'ProductGrid' THEN product.asin END AS asin
FROM base_brand_store_page_views AS v
JOIN (
    VALUES ('PageView', 'Render', 'Page', 'Page', 1.0),
        ('View', 'Impression', 'ProductGrid', 'Standard', 0.9),
        ('Click', 'ProductDetail', 'ProductGrid', 'Standard', 0.3),
        ('Click', 'AddToCart', 'ProductGrid', 'Standard', 0.08),
        ('Click', 'Navigation', 'Tile', 'Image', 0.2),
        ('Click', 'Play', 'Video', 'Background', 0.05)
) AS e (event_type, event_sub_type, widget_type, widget_sub_type, likelihood)
    ON chance(v.seed, e.event_sub_type) < e.likelihood
JOIN product ON product.product_no = v.product_no
