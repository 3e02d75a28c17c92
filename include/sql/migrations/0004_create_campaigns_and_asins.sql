-- Campaigns as synchronised from Amazon, and the products users follow.

CREATE TABLE IF NOT EXISTS campaigns (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    campaign_id TEXT NOT NULL, -- Amazon's campaign ID
    name TEXT NOT NULL,
    campaign_type TEXT NOT NULL, -- sponsoredProducts, sponsoredBrands, etc.
    state TEXT NOT NULL, -- ENABLED, PAUSED, ARCHIVED

    -- Foreign Keys
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- Performance Metrics
    impressions BIGINT DEFAULT 0,
    clicks BIGINT DEFAULT 0,
    spend DECIMAL(10,2) DEFAULT 0,
    sales DECIMAL(10,2) DEFAULT 0,
    acos DECIMAL(5,2), -- Advertising Cost of Sales
    roas DECIMAL(5,2), -- Return on Ad Spend

    -- Campaign Configuration
    start_date DATE,
    end_date DATE,
    budget DECIMAL(10,2),
    budget_type TEXT, -- DAILY, LIFETIME
    targeting_type TEXT,
    portfolio_id TEXT,

    -- Sync Status
    last_sync_at TIMESTAMPTZ,
    performance_updated_at TIMESTAMPTZ,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_campaigns_campaign_id_instance
    ON campaigns(campaign_id, instance_id);
CREATE INDEX IF NOT EXISTS idx_campaigns_instance_id ON campaigns(instance_id);
CREATE INDEX IF NOT EXISTS idx_campaigns_user_id ON campaigns(user_id);
CREATE INDEX IF NOT EXISTS idx_campaigns_state ON campaigns(state);
CREATE INDEX IF NOT EXISTS idx_campaigns_type ON campaigns(campaign_type);

CREATE TABLE IF NOT EXISTS asins (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    asin TEXT NOT NULL, -- Amazon Standard Identification Number

    -- Foreign Keys
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- Product Information
    title TEXT,
    brand TEXT,
    category TEXT,
    image_url TEXT,
    price DECIMAL(10,2),

    -- Performance Metrics
    sales_rank INTEGER, -- Best Sellers Rank
    review_count INTEGER,
    average_rating DECIMAL(2,1),

    -- User Organization
    tags TEXT[] DEFAULT '{}',
    notes TEXT,

    -- Product Status
    is_active BOOLEAN DEFAULT true,
    parent_asin TEXT, -- For product variations
    variation_theme TEXT, -- Color, Size, etc.

    -- Additional Details
    dimensions JSONB, -- Product dimensions
    weight DECIMAL(8,3), -- Product weight

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    last_validated_at TIMESTAMPTZ
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_asins_asin_user ON asins(asin, user_id);
CREATE INDEX IF NOT EXISTS idx_asins_user_id ON asins(user_id);
CREATE INDEX IF NOT EXISTS idx_asins_brand ON asins(brand) WHERE brand IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_asins_category ON asins(category) WHERE category IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_asins_tags ON asins USING GIN(tags);
CREATE INDEX IF NOT EXISTS idx_asins_active ON asins(is_active) WHERE is_active = true;

CREATE TABLE IF NOT EXISTS asin_lists (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,

    -- Foreign Keys
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,

    -- List Configuration
    category TEXT,
    tags TEXT[] DEFAULT '{}',
    is_public BOOLEAN DEFAULT false,

    -- Cached Metrics
    asin_count INTEGER DEFAULT 0,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE INDEX IF NOT EXISTS idx_asin_lists_user_id ON asin_lists(user_id);
CREATE INDEX IF NOT EXISTS idx_asin_lists_category
    ON asin_lists(category) WHERE category IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_asin_lists_public ON asin_lists(is_public) WHERE is_public = true;

CREATE TABLE IF NOT EXISTS asin_list_items (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),

    -- Foreign Keys
    list_id UUID NOT NULL REFERENCES asin_lists(id) ON DELETE CASCADE,
    asin_id UUID NOT NULL REFERENCES asins(id) ON DELETE CASCADE,

    -- List Position
    position INTEGER NOT NULL DEFAULT 0,
    notes TEXT,

    -- Audit Fields
    added_at TIMESTAMPTZ DEFAULT NOW(),
    added_by UUID REFERENCES users(id) ON DELETE SET NULL
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_asin_list_items_unique ON asin_list_items(list_id, asin_id);
CREATE INDEX IF NOT EXISTS idx_asin_list_items_list_id ON asin_list_items(list_id, position);
