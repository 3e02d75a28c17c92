-- Campaigns as the pipeline syncs them from Amazon, and the products that users follow.

-- Campaigns ---------------------------------------------------------------------------------------

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
ALTER TABLE campaigns
    ADD COLUMN profile_id TEXT,
    ADD COLUMN currency_code TEXT,
    ADD COLUMN sync_note TEXT,
    ADD COLUMN performance_note TEXT,
    ADD CONSTRAINT chk_campaign_state CHECK (state IN ('ENABLED', 'PAUSED', 'ARCHIVED')),
    ADD CONSTRAINT chk_campaign_budget_type CHECK (budget_type IN ('DAILY', 'LIFETIME'));

COMMENT ON TABLE campaigns IS
    'A campaign of an advertiser behind an AMC instance. The pipeline inserts the rows.';
COMMENT ON COLUMN campaigns.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN campaigns.campaign_id IS
    'Amazon''s id of the campaign. Written by: recomamp_campaigns_sync: campaigns '
    '(merge_campaigns).';
COMMENT ON COLUMN campaigns.name IS
    'Amazon''s name of the campaign, or its id where it has none. Written by: '
    'recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.campaign_type IS
    'API that listed it: sponsoredProducts, sponsoredBrands, sponsoredDisplay or dsp. Written by: '
    'recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.state IS
    'ENABLED, PAUSED or ARCHIVED. A campaign that Amazon lists no more becomes ARCHIVED. Written '
    'by: recomamp_campaigns_sync: campaigns (merge_campaigns, archive_unlisted_campaigns, '
    'archive_orphaned_campaigns).';
COMMENT ON COLUMN campaigns.instance_id IS
    'AMC instance that the campaign was synced for. Written by: recomamp_campaigns_sync: '
    'campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.user_id IS
    'User of the instance. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.impressions IS
    'Impressions of the last 30 full days. Written by: default; recomamp_campaigns_sync: '
    'performance (sum_campaign_performance).';
COMMENT ON COLUMN campaigns.clicks IS
    'Clicks of the last 30 full days. Written by: default; recomamp_campaigns_sync: performance '
    '(sum_campaign_performance).';
COMMENT ON COLUMN campaigns.spend IS
    'Cost of the last 30 full days, in currency_code. Written by: default; '
    'recomamp_campaigns_sync: performance (sum_campaign_performance).';
COMMENT ON COLUMN campaigns.sales IS
    'Sales of the last 30 full days, in currency_code; attributed within 14 days, except for '
    'Sponsored Products. Written by: default; recomamp_campaigns_sync: performance '
    '(sum_campaign_performance).';
COMMENT ON COLUMN campaigns.acos IS
    'Advertising cost of sales: spend / sales, in percent. NULL where sales is zero. Written by: '
    'recomamp_campaigns_sync: performance (sum_campaign_performance).';
COMMENT ON COLUMN campaigns.roas IS
    'Return on ad spend: sales / spend. NULL where spend is zero. Written by: '
    'recomamp_campaigns_sync: performance (sum_campaign_performance).';
COMMENT ON COLUMN campaigns.start_date IS
    'First day of the campaign. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.end_date IS
    'Last day of the campaign. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.budget IS
    'Budget in currency_code. Of a DSP campaign the sum of its flights. Written by: '
    'recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.budget_type IS
    'DAILY or LIFETIME. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.targeting_type IS
    'Amazon''s targeting type. Of Sponsored Display the tactic. Written by: '
    'recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.portfolio_id IS
    'Amazon''s id of the portfolio. Written by: recomamp_campaigns_sync: campaigns '
    '(merge_campaigns).';
COMMENT ON COLUMN campaigns.last_sync_at IS
    'Time of the list that named the campaign last. Written by: recomamp_campaigns_sync: '
    'campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.performance_updated_at IS
    'Time when a report with its figures was loaded last. Written by: recomamp_campaigns_sync: '
    'performance (sum_campaign_performance).';
COMMENT ON COLUMN campaigns.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN campaigns.updated_at IS
    'Time of the last change. last_sync_at and performance_updated_at do not count. Written by: '
    'default; touch_updated_at().';
COMMENT ON COLUMN campaigns.profile_id IS
    'Amazon Ads profile that lists the campaign. Of a DSP campaign the advertiser. Added by the '
    'pipeline. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.currency_code IS
    'Currency of budget, spend and sales: the list''s, else the profile''s. Added by the '
    'pipeline. Written by: recomamp_campaigns_sync: campaigns (merge_campaigns).';
COMMENT ON COLUMN campaigns.sync_note IS
    'Parts of Amazon''s list that fit no column. NULL where all fit. Added by the pipeline. '
    'Written by: recomamp_campaigns_sync: campaigns (merge_campaigns, archive_unlisted_campaigns, '
    'archive_orphaned_campaigns).';
COMMENT ON COLUMN campaigns.performance_note IS
    'Figures that are larger than their column. NULL where all fit. Added by the pipeline. '
    'Written by: recomamp_campaigns_sync: performance (sum_campaign_performance).';

CREATE UNIQUE INDEX IF NOT EXISTS idx_campaigns_campaign_id_instance
    ON campaigns(campaign_id, instance_id);
CREATE INDEX IF NOT EXISTS idx_campaigns_instance_id ON campaigns(instance_id);
CREATE INDEX IF NOT EXISTS idx_campaigns_user_id ON campaigns(user_id);
CREATE INDEX IF NOT EXISTS idx_campaigns_state ON campaigns(state);
CREATE INDEX IF NOT EXISTS idx_campaigns_type ON campaigns(campaign_type);
CREATE INDEX IF NOT EXISTS idx_campaigns_instance_type ON campaigns(instance_id, campaign_type);

-- A sync that finds nothing new sets the two times, and is not a change of the row.
CREATE TRIGGER trigger_touch_campaigns
    BEFORE UPDATE ON campaigns
    FOR EACH ROW
    WHEN (
        to_jsonb(OLD) - 'last_sync_at' - 'performance_updated_at'
        IS DISTINCT FROM to_jsonb(NEW) - 'last_sync_at' - 'performance_updated_at'
    )
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE campaigns ENABLE ROW LEVEL SECURITY;

CREATE TABLE campaign_performance (
    campaign_id UUID NOT NULL REFERENCES campaigns(id) ON DELETE CASCADE,
    date DATE NOT NULL,
    impressions BIGINT NOT NULL DEFAULT 0,
    clicks BIGINT NOT NULL DEFAULT 0,
    spend NUMERIC NOT NULL DEFAULT 0,
    sales NUMERIC NOT NULL DEFAULT 0,
    changed_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    PRIMARY KEY (campaign_id, date)
);

COMMENT ON TABLE campaign_performance IS
    'The figures of a campaign on one day. The pipeline inserts the rows. Table of the pipeline.';
COMMENT ON COLUMN campaign_performance.campaign_id IS
    'Campaign that the figures belong to. Written by: recomamp_campaigns_sync: performance '
    '(merge_reported_days).';
COMMENT ON COLUMN campaign_performance.date IS
    'Day in the time zone of the profile; for DSP in UTC. Written by: recomamp_campaigns_sync: '
    'performance (merge_reported_days).';
COMMENT ON COLUMN campaign_performance.impressions IS
    'Impressions of the day. Written by: default; recomamp_campaigns_sync: performance '
    '(merge_reported_days).';
COMMENT ON COLUMN campaign_performance.clicks IS
    'Clicks of the day. Written by: default; recomamp_campaigns_sync: performance '
    '(merge_reported_days).';
COMMENT ON COLUMN campaign_performance.spend IS
    'Cost of the day as reported; it may be negative. Written by: default; '
    'recomamp_campaigns_sync: performance (merge_reported_days).';
COMMENT ON COLUMN campaign_performance.sales IS
    'Sales of the day as reported. Written by: default; recomamp_campaigns_sync: performance '
    '(merge_reported_days).';
COMMENT ON COLUMN campaign_performance.changed_at IS
    'Time when the figures last changed. Written by: default; recomamp_campaigns_sync: '
    'performance (merge_reported_days).';

ALTER TABLE campaign_performance ENABLE ROW LEVEL SECURITY;

CREATE TABLE campaign_reports (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    profile_id TEXT NOT NULL,
    campaign_type TEXT NOT NULL,
    start_date DATE NOT NULL,
    end_date DATE NOT NULL,
    status TEXT NOT NULL DEFAULT 'REQUESTED',
    amazon_report_id TEXT,
    row_count INTEGER,
    unknown_count INTEGER,
    error_message TEXT,
    requested_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    CONSTRAINT chk_campaign_report_status CHECK (status IN ('REQUESTED', 'LOADED', 'FAILED')),
    CONSTRAINT chk_campaign_report_dates CHECK (start_date <= end_date)
);

COMMENT ON TABLE campaign_reports IS
    'A report that the pipeline requested from Amazon Ads. The pipeline inserts the rows. Table '
    'of the pipeline.';
COMMENT ON COLUMN campaign_reports.id IS
    'Primary key. It is part of the report''s name at Amazon. Written by: default.';
COMMENT ON COLUMN campaign_reports.instance_id IS
    'AMC instance that the report was requested for. Written by: recomamp_campaigns_sync: '
    'performance (insert_campaign_report).';
COMMENT ON COLUMN campaign_reports.profile_id IS
    'Amazon Ads profile. Of a DSP report the advertiser. Written by: recomamp_campaigns_sync: '
    'performance (insert_campaign_report).';
COMMENT ON COLUMN campaign_reports.campaign_type IS
    'Type of the campaigns in the report. Written by: recomamp_campaigns_sync: performance '
    '(insert_campaign_report).';
COMMENT ON COLUMN campaign_reports.start_date IS
    'First day of the report. Written by: recomamp_campaigns_sync: performance '
    '(insert_campaign_report).';
COMMENT ON COLUMN campaign_reports.end_date IS
    'Last day of the report, included. Written by: recomamp_campaigns_sync: performance '
    '(insert_campaign_report).';
COMMENT ON COLUMN campaign_reports.status IS
    'REQUESTED, LOADED or FAILED. Written by: default; recomamp_campaigns_sync: performance '
    '(end_campaign_report).';
COMMENT ON COLUMN campaign_reports.amazon_report_id IS
    'Amazon''s id of the report. NULL until Amazon has accepted it. Written by: '
    'recomamp_campaigns_sync: performance (set_amazon_report_id).';
COMMENT ON COLUMN campaign_reports.row_count IS
    'Number of rows in the report. Written by: recomamp_campaigns_sync: performance '
    '(end_campaign_report).';
COMMENT ON COLUMN campaign_reports.unknown_count IS
    'Number of rows of campaigns that are not in campaigns. Written by: recomamp_campaigns_sync: '
    'performance (end_campaign_report).';
COMMENT ON COLUMN campaign_reports.error_message IS
    'Error of a failed report. Written by: recomamp_campaigns_sync: performance '
    '(end_campaign_report).';
COMMENT ON COLUMN campaign_reports.requested_at IS
    'Time before Amazon was asked. Written by: recomamp_campaigns_sync: performance '
    '(insert_campaign_report).';
COMMENT ON COLUMN campaign_reports.ended_at IS
    'Time when the report was loaded or failed. Written by: recomamp_campaigns_sync: performance '
    '(end_campaign_report).';

-- At most one report under way for the same days.
CREATE UNIQUE INDEX uq_campaign_reports_open
    ON campaign_reports (instance_id, profile_id, campaign_type, start_date, end_date)
    WHERE status = 'REQUESTED';
CREATE INDEX idx_campaign_reports_instance_id ON campaign_reports (instance_id, requested_at DESC);
ALTER TABLE campaign_reports ENABLE ROW LEVEL SECURITY;


-- Products ----------------------------------------------------------------------------------------

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
ALTER TABLE asins
    ADD COLUMN validation_status TEXT,
    ADD COLUMN validation_checked_at TIMESTAMPTZ,
    ADD COLUMN profile_id TEXT,
    ADD COLUMN price_currency TEXT,
    DROP CONSTRAINT IF EXISTS chk_asin_format,
    ADD CONSTRAINT chk_asin_format CHECK (asin ~ '^B[0-9A-Z]{9}$'),
    ADD CONSTRAINT chk_asin_validation_status CHECK (validation_status IN ('FOUND', 'NOT_FOUND'));

COMMENT ON TABLE asins IS 'A product that a user follows. The user inserts the rows.';
COMMENT ON COLUMN asins.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN asins.asin IS
    'Amazon Standard Identification Number: B and nine digits or capital letters. Written by: '
    'user.';
COMMENT ON COLUMN asins.user_id IS 'User who follows the product. Written by: user.';
COMMENT ON COLUMN asins.title IS
    'Title of the product: Amazon''s where it has one, else the user''s. Written by: user; '
    'recomamp_asins_sync (update_products).';
COMMENT ON COLUMN asins.brand IS
    'Brand of the product: Amazon''s where it has one, else the user''s. Written by: user; '
    'recomamp_asins_sync (update_products).';
COMMENT ON COLUMN asins.category IS
    'Category of the product: Amazon''s where it has one, else the user''s. Written by: user; '
    'recomamp_asins_sync (update_products).';
COMMENT ON COLUMN asins.image_url IS
    'Address of a picture: Amazon''s where it has one, else the user''s. Written by: user; '
    'recomamp_asins_sync (update_products).';
COMMENT ON COLUMN asins.price IS
    'Price in price_currency: Amazon''s priceToPay, else its basisPrice, else the user''s. '
    'Written by: user; recomamp_asins_sync (update_products).';
COMMENT ON COLUMN asins.sales_rank IS
    'Amazon''s bestSellerRank, else the user''s. Written by: user; recomamp_asins_sync '
    '(update_products).';
COMMENT ON COLUMN asins.review_count IS
    'Number of reviews. No call of Amazon Ads returns it. Written by: user.';
COMMENT ON COLUMN asins.average_rating IS
    'Average rating. No call of Amazon Ads returns it. Written by: user.';
COMMENT ON COLUMN asins.tags IS 'Labels for display, at most 50. Written by: default; user.';
COMMENT ON COLUMN asins.notes IS
    'Notes of the user. The pipeline has no right to read them. Written by: user.';
COMMENT ON COLUMN asins.is_active IS
    'False: the pipeline does not ask Amazon about the product. Written by: default; user.';
COMMENT ON COLUMN asins.parent_asin IS
    'ASIN of the product that this one is a variation of. No call of Amazon Ads returns it. '
    'Written by: user.';
COMMENT ON COLUMN asins.variation_theme IS
    'Kind of the variation, such as Color. No call of Amazon Ads returns it. Written by: user.';
COMMENT ON COLUMN asins.dimensions IS
    'Dimensions of the product. No call of Amazon Ads returns them. Written by: user.';
COMMENT ON COLUMN asins.weight IS
    'Weight of the product. No call of Amazon Ads returns it. Written by: user.';
COMMENT ON COLUMN asins.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN asins.updated_at IS
    'Time of the last change. A check that finds nothing new is not a change. Written by: default; '
    'touch_updated_at().';
COMMENT ON COLUMN asins.last_validated_at IS
    'Time when Amazon last knew the ASIN. Written by: recomamp_asins_sync (update_products); '
    'reset_validation().';
COMMENT ON COLUMN asins.validation_status IS
    'FOUND or NOT_FOUND. NULL until Amazon has been asked. NOT_FOUND is not a proof that the product '
    'does not exist. Added by the pipeline. Written by: recomamp_asins_sync (update_products); '
    'reset_validation().';
COMMENT ON COLUMN asins.validation_checked_at IS
    'Time when Amazon was last asked about the ASIN. Added by the pipeline. Written by: '
    'recomamp_asins_sync (update_products); reset_validation().';
COMMENT ON COLUMN asins.profile_id IS
    'Amazon Ads profile that knows the product. price and sales_rank are those of its '
    'marketplace. Added by the pipeline. Written by: recomamp_asins_sync (update_products); '
    'reset_validation().';
COMMENT ON COLUMN asins.price_currency IS
    'Currency of price. Added by the pipeline. Written by: user; recomamp_asins_sync '
    '(update_products).';

CREATE UNIQUE INDEX IF NOT EXISTS idx_asins_asin_user ON asins(asin, user_id);
CREATE INDEX IF NOT EXISTS idx_asins_user_id ON asins(user_id);
CREATE INDEX IF NOT EXISTS idx_asins_brand ON asins(brand) WHERE brand IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_asins_category ON asins(category) WHERE category IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_asins_tags ON asins USING GIN(tags);
CREATE INDEX IF NOT EXISTS idx_asins_active ON asins(is_active) WHERE is_active = true;
-- The sync checks first the products that it checked longest ago.
CREATE INDEX idx_asins_to_validate
    ON asins (user_id, validation_checked_at) WHERE is_active = true;

-- A check that finds nothing new sets the two times, and is not a change of the row.
CREATE TRIGGER trigger_touch_asins
    BEFORE UPDATE ON asins
    FOR EACH ROW
    WHEN (
        to_jsonb(OLD) - 'last_validated_at' - 'validation_checked_at'
        IS DISTINCT FROM to_jsonb(NEW) - 'last_validated_at' - 'validation_checked_at'
    )
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE asins ENABLE ROW LEVEL SECURITY;

-- What Amazon said of one ASIN says nothing of another one.
CREATE FUNCTION public.reset_validation()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.validation_status := NULL;
    NEW.validation_checked_at := NULL;
    NEW.last_validated_at := NULL;
    NEW.profile_id := NULL;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_reset_validation
    BEFORE UPDATE OF asin ON asins
    FOR EACH ROW
    WHEN (OLD.asin IS DISTINCT FROM NEW.asin)
    EXECUTE FUNCTION reset_validation();


-- Lists of products -------------------------------------------------------------------------------

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

COMMENT ON TABLE asin_lists IS 'A list of products. The user inserts the rows.';
COMMENT ON COLUMN asin_lists.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN asin_lists.name IS 'Name for display. Written by: user.';
COMMENT ON COLUMN asin_lists.description IS 'Text for display. Written by: user.';
COMMENT ON COLUMN asin_lists.user_id IS 'User that the list belongs to. Written by: user.';
COMMENT ON COLUMN asin_lists.category IS 'Category for display. Written by: user.';
COMMENT ON COLUMN asin_lists.tags IS 'Labels for display, at most 50. Written by: default; user.';
COMMENT ON COLUMN asin_lists.is_public IS
    'True for a list that all signed-in users read in public_asin_lists and '
    'public_asin_list_items. Written by: default; user.';
COMMENT ON COLUMN asin_lists.asin_count IS
    'Number of items. A number written by hand is replaced. Written by: default; '
    'count_children(); enforce_counter().';
COMMENT ON COLUMN asin_lists.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN asin_lists.updated_at IS
    'Time of the last change. A change of the items'' order counts. Written by: default; '
    'touch_updated_at(); check_unique_list_positions().';

CREATE INDEX IF NOT EXISTS idx_asin_lists_user_id ON asin_lists(user_id);
CREATE INDEX IF NOT EXISTS idx_asin_lists_category
    ON asin_lists(category) WHERE category IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_asin_lists_public ON asin_lists(is_public) WHERE is_public = true;

CREATE TRIGGER trigger_touch_asin_lists
    BEFORE UPDATE ON asin_lists
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE asin_lists ENABLE ROW LEVEL SECURITY;

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

COMMENT ON TABLE asin_list_items IS 'A product in a list. The user inserts the rows.';
COMMENT ON COLUMN asin_list_items.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN asin_list_items.list_id IS 'List that the item belongs to. Written by: user.';
COMMENT ON COLUMN asin_list_items.asin_id IS 'Product of the same user. Written by: user.';
COMMENT ON COLUMN asin_list_items.position IS
    'Position within the list, from 0 on. A new item gets the position it names where that is '
    'free, else the end. Written by: default; user; assign_list_position().';
COMMENT ON COLUMN asin_list_items.notes IS 'Notes of the user. Written by: user.';
COMMENT ON COLUMN asin_list_items.added_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN asin_list_items.added_by IS 'User who added the item. Written by: user.';

CREATE UNIQUE INDEX IF NOT EXISTS idx_asin_list_items_unique ON asin_list_items(list_id, asin_id);
CREATE INDEX IF NOT EXISTS idx_asin_list_items_list_id ON asin_list_items(list_id, position);

ALTER TABLE asin_list_items ENABLE ROW LEVEL SECURITY;

CREATE TRIGGER trigger_count_asin_count_insert
    AFTER INSERT ON asin_list_items REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('asin_count');
CREATE TRIGGER trigger_count_asin_count_update
    AFTER UPDATE ON asin_list_items REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('asin_count');
CREATE TRIGGER trigger_count_asin_count_delete
    AFTER DELETE ON asin_list_items REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('asin_count');
CREATE TRIGGER trigger_count_asin_count_truncate
    AFTER TRUNCATE ON asin_list_items
    FOR EACH STATEMENT EXECUTE FUNCTION reset_counter('asin_count');
-- Depth 0: the statement of a user, not that of a trigger.
CREATE TRIGGER trigger_enforce_asin_count
    BEFORE INSERT OR UPDATE OF asin_count ON asin_lists
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION enforce_counter('asin_count');
UPDATE asin_lists AS parent
SET asin_count = counted.number
FROM (
    SELECT candidate.id, COUNT(child.id) AS number
    FROM asin_lists AS candidate
    LEFT JOIN asin_list_items AS child ON child.list_id = candidate.id
    GROUP BY candidate.id
) AS counted
WHERE parent.id = counted.id AND parent.asin_count IS DISTINCT FROM counted.number;

-- The items of a list have different positions, from 0 on. A deleted item leaves a gap: closing it
-- would rewrite the rest of the list each time. Lists of the application whose positions differ
-- keep them. The others are numbered in the order in which they were shown.
UPDATE asin_list_items AS item
SET position = placed.position
FROM (
    SELECT
        id,
        ROW_NUMBER() OVER (PARTITION BY list_id ORDER BY position, added_at, id) - 1 AS position
    FROM asin_list_items
    WHERE list_id IN (
        SELECT list_id
        FROM asin_list_items
        GROUP BY list_id
        HAVING COUNT(*) > COUNT(DISTINCT position) OR MIN(position) < 0
    )
) AS placed
WHERE item.id = placed.id AND item.position <> placed.position;

ALTER TABLE asin_list_items
    ADD CONSTRAINT chk_asin_list_item_position CHECK (position >= 0);

-- A new item gets the position that it names, where that is free, else the end. 0 is the column's
-- default and names none. An item that moves to another list goes to its end.
CREATE FUNCTION public.assign_list_position()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The lock comes before the query: of two items inserted at once, the second sees the first.
    -- The lists of the statement's other rows are not known yet. So all lists of the owner are
    -- locked, in the order of their ids: two statements that fill two lists cannot deadlock.
    IF TG_OP = 'UPDATE' THEN
        PERFORM FROM public.asin_lists
        WHERE user_id IN (
            SELECT user_id FROM public.asin_lists WHERE id IN (OLD.list_id, NEW.list_id)
        )
        ORDER BY id FOR NO KEY UPDATE;
        IF NEW.position = OLD.position THEN
            NEW.position := 0;
        END IF;
    ELSE
        -- Deleting a product and changing an item lock the rows in the same order.
        PERFORM FROM public.asins WHERE id = NEW.asin_id FOR KEY SHARE;
        PERFORM FROM public.asin_list_items
        WHERE list_id = NEW.list_id AND asin_id = NEW.asin_id FOR UPDATE;
        PERFORM FROM public.asin_lists
        WHERE user_id = (SELECT user_id FROM public.asin_lists WHERE id = NEW.list_id)
        ORDER BY id FOR NO KEY UPDATE;
        -- The product is in the list already: the INSERT fails, or is an upsert of its item.
        IF EXISTS (
            SELECT FROM public.asin_list_items WHERE list_id = NEW.list_id AND asin_id = NEW.asin_id
        ) THEN
            NEW.position := COALESCE(NEW.position, 0);
            RETURN NEW;
        END IF;
    END IF;

    IF COALESCE(NEW.position, 0) = 0 OR EXISTS (
        SELECT FROM public.asin_list_items WHERE list_id = NEW.list_id AND position = NEW.position
    ) THEN
        SELECT COALESCE(MAX(position) + 1, 0) INTO NEW.position
        FROM public.asin_list_items
        WHERE list_id = NEW.list_id;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_assign_new_list_position
    BEFORE INSERT ON asin_list_items
    FOR EACH ROW
    EXECUTE FUNCTION assign_list_position();
CREATE TRIGGER trigger_assign_moved_list_position
    BEFORE UPDATE OF list_id ON asin_list_items
    FOR EACH ROW
    WHEN (OLD.list_id IS DISTINCT FROM NEW.list_id)
    EXECUTE FUNCTION assign_list_position();

-- Refuse two items in one position at the end of the statement, so that one UPDATE may exchange
-- two. A deferrable unique constraint would do it too, but makes ON CONFLICT DO NOTHING an error.
-- New items need no check: their position was free when the list was locked.
CREATE FUNCTION public.check_unique_list_positions()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lists UUID[];
    shared RECORD;
BEGIN
    SELECT array_agg(DISTINCT placed.list_id) INTO lists
    FROM (
        SELECT id, list_id, position FROM added
        EXCEPT
        SELECT id, list_id, position FROM removed
    ) AS placed;
    IF lists IS NULL THEN
        RETURN NULL;
    END IF;

    -- The update makes a concurrent transaction with an older snapshot fail. A lock alone would
    -- not.
    PERFORM FROM public.asin_lists WHERE id = ANY (lists) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.asin_lists SET updated_at = NOW() WHERE id = ANY (lists);
    SELECT item.list_id, item.position INTO shared
    FROM public.asin_list_items AS item
    WHERE item.list_id = ANY (lists)
    GROUP BY item.list_id, item.position
    HAVING COUNT(*) > 1
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'asin_list_items.position: two items of list % have position %',
            shared.list_id, shared.position
            USING ERRCODE = 'unique_violation', TABLE = 'asin_list_items', COLUMN = 'position';
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_verify_unique_list_positions
    AFTER UPDATE ON asin_list_items
    REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT
    EXECUTE FUNCTION check_unique_list_positions();
