-- Make the days of a report those of the report: changed, added, and deleted where it has none,
-- because a day without a row had no activity.
-- Returns one row: the number of reported rows, of rows of unknown campaigns, and of changed days.
-- Parameters: instance_key (UUID), profile_id, campaign_type, start_date, end_date, loaded_at,
-- largest_count (what a count's column holds).
WITH known AS (
    SELECT
        id,
        campaign_id
    FROM campaigns
    WHERE instance_id = %(instance_key)s
      AND profile_id = %(profile_id)s
      AND campaign_type = %(campaign_type)s
),
reported AS (
    SELECT
        known.id,
        day.date,
        GREATEST(-%(largest_count)s::NUMERIC, LEAST(SUM(day.impressions), %(largest_count)s)) AS impressions,
        GREATEST(-%(largest_count)s::NUMERIC, LEAST(SUM(day.clicks), %(largest_count)s)) AS clicks,
        SUM(day.spend) AS spend,
        SUM(day.sales) AS sales
    FROM reported_days AS day
    JOIN known ON known.campaign_id = day.campaign_id
    WHERE day.date BETWEEN %(start_date)s AND %(end_date)s
    GROUP BY known.id, day.date
),
written AS (
    INSERT INTO campaign_performance AS kept (
        campaign_id, date, impressions, clicks, spend, sales, changed_at
    )
    SELECT
        id,
        date,
        impressions,
        clicks,
        spend,
        sales,
        %(loaded_at)s
    FROM reported
    ON CONFLICT (campaign_id, date) DO UPDATE
    SET
        impressions = EXCLUDED.impressions,
        clicks = EXCLUDED.clicks,
        spend = EXCLUDED.spend,
        sales = EXCLUDED.sales,
        changed_at = EXCLUDED.changed_at
    WHERE (kept.impressions, kept.clicks, kept.spend, kept.sales)
        IS DISTINCT FROM (EXCLUDED.impressions, EXCLUDED.clicks, EXCLUDED.spend, EXCLUDED.sales)
    RETURNING kept.campaign_id
),
emptied AS (
    DELETE FROM campaign_performance AS kept
    USING known
    WHERE kept.campaign_id = known.id
      AND kept.date BETWEEN %(start_date)s AND %(end_date)s
      AND NOT EXISTS (
          SELECT FROM reported
          WHERE reported.id = kept.campaign_id AND reported.date = kept.date
      )
    RETURNING kept.campaign_id
)
SELECT
    (SELECT COUNT(*) FROM reported_days) AS reported,
    (
        SELECT COUNT(DISTINCT day.campaign_id) FROM reported_days AS day
        WHERE NOT EXISTS (SELECT FROM known WHERE known.campaign_id = day.campaign_id)
    ) AS unknown,
    (SELECT COUNT(*) FROM written) + (SELECT COUNT(*) FROM emptied) AS changed;
