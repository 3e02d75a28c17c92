-- Purpose: how many people each DSP campaign reached, and how often.
-- Parameters: frequency_cap, the frequency from which on people are counted together.
-- A row is a campaign and a frequency: the people who saw it that often.
WITH exposure AS (
    SELECT
        user_id,
        campaign_id,
        campaign,
        SUM(impressions) AS impressions,
        SUM(total_cost) AS total_cost
    FROM dsp_impressions
    WHERE user_id IS NOT NULL
    GROUP BY
        user_id,
        campaign_id,
        campaign
)

SELECT
    campaign,
    CASE
        WHEN impressions >= {{frequency_cap}} THEN {{frequency_cap}}
        ELSE impressions
    END AS frequency,
    COUNT(DISTINCT user_id) AS reach,
    SUM(impressions) AS impressions,
    SUM(total_cost) / 100000 AS spend
FROM exposure
GROUP BY
    campaign,
    CASE
        WHEN impressions >= {{frequency_cap}} THEN {{frequency_cap}}
        ELSE impressions
    END
