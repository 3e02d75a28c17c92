-- Insert some rows of a report into the temporary table reported_days.
-- Parameters: days (JSON list).
INSERT INTO reported_days (campaign_id, date, impressions, clicks, spend, sales)
SELECT
    one.campaign_id,
    one.date,
    one.impressions,
    one.clicks,
    one.spend,
    one.sales
FROM JSONB_TO_RECORDSET(%(days)s::JSONB) AS one (
    campaign_id TEXT,
    date DATE,
    impressions NUMERIC,
    clicks NUMERIC,
    spend NUMERIC,
    sales NUMERIC
);
