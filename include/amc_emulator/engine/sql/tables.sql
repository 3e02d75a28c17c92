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
    site_suffix VARCHAR
);
CREATE TABLE place (
    place_no INTEGER,
    state VARCHAR,
    dma VARCHAR,
    city VARCHAR,
    postal INTEGER
);
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
    product_no INTEGER
);
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
    clicked_at TIMESTAMP
);
CREATE TABLE person (
    person_no INTEGER,
    user_id VARCHAR,
    user_id_type VARCHAR,
    place_no INTEGER,
    postal_step INTEGER,
    device_type VARCHAR,
    activity DOUBLE
);
