-- Sum the days of a report into the columns of its campaigns. ACOS is a percentage, ROAS a ratio;
-- both are NULL where the divisor is zero. A value beyond its column is stored as the column's
-- largest or smallest value, and performance_note names the real one.
-- Parameters: instance_key (UUID), profile_id, campaign_type, start_date, end_date, loaded_at,
-- largest_count, largest_money, largest_ratio.
WITH totals AS (
    SELECT
        campaign.id,
        COALESCE(SUM(day.impressions), 0) AS impressions,
        COALESCE(SUM(day.clicks), 0) AS clicks,
        ROUND(COALESCE(SUM(day.spend), 0), 2) AS spend,
        ROUND(COALESCE(SUM(day.sales), 0), 2) AS sales,
        ROUND(100 * SUM(day.spend) / NULLIF(SUM(day.sales), 0), 2) AS acos,
        ROUND(SUM(day.sales) / NULLIF(SUM(day.spend), 0), 2) AS roas
    FROM campaigns AS campaign
    LEFT JOIN campaign_performance AS day
        ON day.campaign_id = campaign.id
        AND day.date BETWEEN %(start_date)s AND %(end_date)s
    WHERE campaign.instance_id = %(instance_key)s
      AND campaign.profile_id = %(profile_id)s
      AND campaign.campaign_type = %(campaign_type)s
    GROUP BY campaign.id
)
UPDATE campaigns
SET
    impressions = GREATEST(-%(largest_count)s::NUMERIC, LEAST(totals.impressions, %(largest_count)s)),
    clicks = GREATEST(-%(largest_count)s::NUMERIC, LEAST(totals.clicks, %(largest_count)s)),
    spend = GREATEST(-%(largest_money)s::NUMERIC, LEAST(totals.spend, %(largest_money)s)),
    sales = GREATEST(-%(largest_money)s::NUMERIC, LEAST(totals.sales, %(largest_money)s)),
    -- Not LEAST and GREATEST alone, which take NULL for no value at all
    acos = CASE WHEN totals.acos IS NOT NULL
        THEN GREATEST(-%(largest_ratio)s::NUMERIC, LEAST(totals.acos, %(largest_ratio)s))
    END,
    roas = CASE WHEN totals.roas IS NOT NULL
        THEN GREATEST(-%(largest_ratio)s::NUMERIC, LEAST(totals.roas, %(largest_ratio)s))
    END,
    performance_note = NULLIF(CONCAT_WS(', ',
        CASE WHEN ABS(totals.impressions) > %(largest_count)s THEN 'impressions is ' || totals.impressions END,
        CASE WHEN ABS(totals.clicks) > %(largest_count)s THEN 'clicks is ' || totals.clicks END,
        CASE WHEN ABS(totals.spend) > %(largest_money)s THEN 'spend is ' || totals.spend END,
        CASE WHEN ABS(totals.sales) > %(largest_money)s THEN 'sales is ' || totals.sales END,
        CASE WHEN ABS(totals.acos) > %(largest_ratio)s THEN 'acos is ' || totals.acos END,
        CASE WHEN ABS(totals.roas) > %(largest_ratio)s THEN 'roas is ' || totals.roas END
    ), ''),
    performance_updated_at = %(loaded_at)s
FROM totals
WHERE campaigns.id = totals.id
  AND (
      campaigns.performance_updated_at IS NULL
      OR campaigns.performance_updated_at <= %(loaded_at)s
  );
