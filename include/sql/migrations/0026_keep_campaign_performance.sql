-- Campaigns as recomamp_campaigns_sync keeps them: whose they are, figures by day, reports asked for.

ALTER TABLE campaigns
    ADD COLUMN profile_id TEXT, -- Amazon's profile; of DSP campaigns the advertiser
    ADD COLUMN currency_code TEXT, -- of budget, spend and sales
    ADD COLUMN sync_note TEXT, -- what of Amazon's listing fits no column, else NULL
    ADD COLUMN performance_note TEXT; -- which figures are larger than their column, else NULL

-- A sync that finds nothing new dates the row, and does not count as a change of it.
DROP TRIGGER trigger_touch_campaigns ON campaigns;
CREATE TRIGGER trigger_touch_campaigns
    BEFORE UPDATE ON campaigns
    FOR EACH ROW
    WHEN (
        to_jsonb(OLD) - 'last_sync_at' - 'performance_updated_at'
        IS DISTINCT FROM to_jsonb(NEW) - 'last_sync_at' - 'performance_updated_at'
    )
    EXECUTE FUNCTION touch_updated_at();

CREATE TABLE campaign_performance (
    campaign_id UUID NOT NULL REFERENCES campaigns(id) ON DELETE CASCADE,
    date DATE NOT NULL, -- a day of the profile's time zone
    impressions BIGINT NOT NULL DEFAULT 0,
    clicks BIGINT NOT NULL DEFAULT 0,
    spend NUMERIC NOT NULL DEFAULT 0, -- as reported, however large; may be negative
    sales NUMERIC NOT NULL DEFAULT 0,
    changed_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), -- when the figures last changed
    PRIMARY KEY (campaign_id, date)
);

CREATE TABLE campaign_reports (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    profile_id TEXT NOT NULL, -- of DSP reports the advertiser
    campaign_type TEXT NOT NULL,
    start_date DATE NOT NULL,
    end_date DATE NOT NULL, -- included
    status TEXT NOT NULL DEFAULT 'REQUESTED',
    amazon_report_id TEXT, -- NULL while Amazon has not been asked, or nobody knows whether
    row_count INTEGER,
    unknown_count INTEGER, -- rows of campaigns that are not in campaigns
    error_message TEXT,
    requested_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    CONSTRAINT chk_campaign_report_status
        CHECK (status IN ('REQUESTED', 'LOADED', 'FAILED')),
    CONSTRAINT chk_campaign_report_dates CHECK (start_date <= end_date)
);
-- At most one report under way for the same days.
CREATE UNIQUE INDEX uq_campaign_reports_open
    ON campaign_reports (instance_id, profile_id, campaign_type, start_date, end_date)
    WHERE status = 'REQUESTED';
CREATE INDEX idx_campaign_reports_instance_id
    ON campaign_reports (instance_id, requested_at DESC);

ALTER TABLE campaign_performance ENABLE ROW LEVEL SECURITY;
CREATE POLICY campaign_performance_user_access ON campaign_performance
    FOR SELECT
    USING (EXISTS (
        SELECT FROM campaigns AS campaign
        WHERE campaign.id = campaign_performance.campaign_id
            AND campaign.user_id = (SELECT auth.uid())
    ));
CREATE POLICY campaign_performance_pipeline_access ON campaign_performance
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);

ALTER TABLE campaign_reports ENABLE ROW LEVEL SECURITY;
CREATE POLICY campaign_reports_user_access ON campaign_reports
    FOR SELECT
    USING (EXISTS (
        SELECT FROM amc_instances AS instance
        WHERE instance.id = campaign_reports.instance_id
            AND instance.user_id = (SELECT auth.uid())
    ));
CREATE POLICY campaign_reports_pipeline_access ON campaign_reports
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);

GRANT SELECT ON campaign_performance, campaign_reports TO recomamp_analyst;
GRANT SELECT, INSERT, UPDATE, DELETE ON campaign_performance TO recomamp_pipeline;
GRANT SELECT, INSERT, UPDATE, DELETE ON campaign_reports TO recomamp_pipeline;
