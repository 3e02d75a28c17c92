-- What is kept of the world; everything else is derived in the views.
CREATE TABLE profile (
    seed UBIGINT,
    users INTEGER,
    advertiser VARCHAR,
    advertiser_id BIGINT,
    country VARCHAR,
    currency_iso_code VARCHAR,
    currency_name VARCHAR,
    timezone VARCHAR,
    marketplace_name VARCHAR,
    marketplace_id INTEGER,
    entity_id VARCHAR,
    price_factor DOUBLE,
    site_suffix VARCHAR,
    segment_region VARCHAR,
    merchant_id BIGINT
);
CREATE TABLE place (
    place_no INTEGER,
    state VARCHAR,
    dma VARCHAR,
    city VARCHAR,
    postal INTEGER
);
-- Prices are in the currency of the profile.
CREATE TABLE product (
    product_no INTEGER,
    asin VARCHAR,
    item VARCHAR,
    price DECIMAL(38, 4)
);
-- An ad is the smallest thing that is shown: a creative of a line item, or an ad of an ad group.
CREATE TABLE ad (
    ad_no INTEGER,
    ad_product_type VARCHAR,
    campaign_id BIGINT,
    campaign_id_string VARCHAR,
    campaign VARCHAR,
    campaign_goal VARCHAR,
    campaign_budget BIGINT,
    portfolio_id BIGINT,
    portfolio_name VARCHAR,
    line_item_id BIGINT,
    line_item VARCHAR,
    line_item_type VARCHAR,
    match_type VARCHAR,
    targeting VARCHAR,
    terms VARCHAR[],
    placement_type VARCHAR,
    creative_id BIGINT,
    creative VARCHAR,
    creative_category VARCHAR,
    creative_type VARCHAR,
    creative_size VARCHAR,
    pinned_device VARCHAR,
    site VARCHAR,
    cost_per_thousand DOUBLE,
    cost_per_click DOUBLE,
    click_rate DOUBLE,
    product_no INTEGER,
    campaign_status VARCHAR,
    campaign_flight_id BIGINT,
    campaign_insertion_order_id VARCHAR,
    campaign_sales_type VARCHAR,
    frequency_group_ids BIGINT[],
    product_line VARCHAR,
    line_item_budget BIGINT,
    line_item_price_type VARCHAR,
    ad_group_type VARCHAR,
    creative_duration BIGINT,
    deal_id VARCHAR,
    deal_name VARCHAR,
    supply_source VARCHAR,
    supply_source_id BIGINT,
    app_bundle VARCHAR,
    page_type VARCHAR,
    segment_ids INTEGER[]
);
-- An audience segment. `share` is the part of all people that belongs to it.
CREATE TABLE segment (
    segment_id INTEGER,
    kind VARCHAR,
    category_level_1 VARCHAR,
    category_level_2 VARCHAR,
    segment_name VARCHAR,
    segment_description VARCHAR,
    share DOUBLE
);
-- A conversion stage as AMC describes it.
CREATE TABLE stage (
    stage INTEGER,
    event_category VARCHAR,
    event_type_class VARCHAR,
    event_subtype VARCHAR,
    event_type_description VARCHAR,
    definition_name VARCHAR,
    definition_source VARCHAR
);
INSERT INTO stage VALUES
(1, 'website', 'consideration', 'detailPageView', 'Product detail page viewed', NULL, NULL),
(2, 'website', 'conversion', 'shoppingCart', 'Add to Shopping Cart', NULL, NULL),
(3, 'purchase', 'conversion', 'order', 'Product purchased', NULL, NULL),
(4, 'website', 'conversion', 'snsSubscription', 'New SnS Subscription', NULL, NULL),
(5, 'website', 'consideration', 'wishList', 'add to wishlist', NULL, NULL),
(6, 'website', NULL, 'searchConversion', NULL, NULL, NULL),
(7, 'website', 'consideration', 'brandStorePageView', 'Brand store page viewed', NULL, NULL),
(8, 'off-Amazon', 'consideration', '134', 'Page view', 'Shop_Page_View', 'Amazon Ad Tag'),
(9, 'off-Amazon', 'conversion', '140', 'Off-Amazon purchases', 'Shop_Order', 'Conversions API');
-- A month whose contacts and conversions are generated.
CREATE TABLE month (month TIMESTAMP, next_month TIMESTAMP);
-- One of a thousand tickets per ad contact; an ad holds as many as its weight says.
CREATE TABLE ticket (ticket_no INTEGER, ad_no INTEGER);
-- A contact of a person with an ad; `touch_no` seeds everything else that is to be known of it.
CREATE TABLE touch (
    touch_no UBIGINT,
    person_no INTEGER,
    ad_no INTEGER,
    shown_at TIMESTAMP,
    clicked_at TIMESTAMP
);
-- A conversion and, unless it is organic, the contact that is credited with it.
-- AMC learns of it at `known_at`.
CREATE TABLE conversion (
    month TIMESTAMP,
    conversion_no UBIGINT,
    person_no INTEGER,
    converted_at TIMESTAMP,
    stage INTEGER,
    product_no INTEGER,
    units INTEGER,
    new_to_brand BOOLEAN,
    touch_no UBIGINT,
    ad_no INTEGER,
    shown_at TIMESTAMP,
    clicked_at TIMESTAMP,
    known_at TIMESTAMP
);
-- A person. Ads are shown to the exposed ones only.
CREATE TABLE person (
    person_no INTEGER,
    user_id VARCHAR,
    user_id_type VARCHAR,
    place_no INTEGER,
    postal_step INTEGER,
    device_type VARCHAR,
    activity DOUBLE,
    exposed BOOLEAN,
    segment_ids INTEGER[]
);
CREATE TABLE device (
    person_no INTEGER,
    device_type VARCHAR,
    device_id VARCHAR,
    operating_system VARCHAR,
    os_version VARCHAR,
    device_make VARCHAR,
    device_model VARCHAR,
    browser_family VARCHAR
);
