-- Create a temporary table for the rows of one report. It ends with the transaction.
-- Parameters: none.
CREATE TEMPORARY TABLE reported_days (
    campaign_id TEXT NOT NULL,
    date DATE NOT NULL,
    impressions NUMERIC NOT NULL,
    clicks NUMERIC NOT NULL,
    spend NUMERIC NOT NULL,
    sales NUMERIC NOT NULL
) ON COMMIT DROP;
