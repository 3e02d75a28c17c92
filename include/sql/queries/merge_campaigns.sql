-- Insert or update a page of listed campaigns. Where nothing is new, only last_sync_at changes.
-- Returns one row: kept, the number of rows in the table now, and created, the number of new ones.
-- Campaigns that another profile of the instance brought first and still lists are left out, and so
-- are rows that a later sync wrote.
-- Parameters: campaigns (JSON list), instance_key (UUID), profile_id, campaign_type, seen_at,
-- current_profile_ids (all that have campaigns of the instance; a row of another one is taken over).
WITH listed AS (
    SELECT DISTINCT ON (one.campaign_id) one.*
    FROM JSONB_TO_RECORDSET(%(campaigns)s::JSONB) AS one (
        campaign_id TEXT,
        name TEXT,
        state TEXT,
        start_date DATE,
        end_date DATE,
        budget NUMERIC,
        budget_type TEXT,
        targeting_type TEXT,
        portfolio_id TEXT,
        currency_code TEXT,
        sync_note TEXT
    )
    ORDER BY one.campaign_id
),
merged AS (
    INSERT INTO campaigns AS kept (
        campaign_id, name, campaign_type, state, instance_id, user_id, start_date, end_date, budget,
        budget_type, targeting_type, portfolio_id, profile_id, currency_code, sync_note, last_sync_at
    )
    SELECT
        listed.campaign_id,
        listed.name,
        %(campaign_type)s,
        listed.state,
        instance.id,
        instance.user_id,
        listed.start_date,
        listed.end_date,
        listed.budget,
        listed.budget_type,
        listed.targeting_type,
        listed.portfolio_id,
        %(profile_id)s,
        listed.currency_code,
        listed.sync_note,
        %(seen_at)s
    FROM listed
    JOIN amc_instances AS instance ON instance.id = %(instance_key)s
    ON CONFLICT (campaign_id, instance_id) DO UPDATE
    SET
        name = EXCLUDED.name,
        campaign_type = EXCLUDED.campaign_type,
        state = EXCLUDED.state,
        user_id = EXCLUDED.user_id,
        start_date = EXCLUDED.start_date,
        end_date = EXCLUDED.end_date,
        budget = EXCLUDED.budget,
        budget_type = EXCLUDED.budget_type,
        targeting_type = EXCLUDED.targeting_type,
        portfolio_id = EXCLUDED.portfolio_id,
        profile_id = EXCLUDED.profile_id,
        currency_code = EXCLUDED.currency_code,
        sync_note = EXCLUDED.sync_note,
        last_sync_at = EXCLUDED.last_sync_at
    WHERE (
          COALESCE(kept.profile_id, EXCLUDED.profile_id) = EXCLUDED.profile_id
          OR kept.profile_id <> ALL (%(current_profile_ids)s::TEXT[])
          OR (kept.state = 'ARCHIVED' AND kept.last_sync_at < EXCLUDED.last_sync_at)
      )
      AND COALESCE(kept.last_sync_at, EXCLUDED.last_sync_at) <= EXCLUDED.last_sync_at
    RETURNING (xmax = 0) AS is_new
)
SELECT
    COUNT(*) AS kept,
    COUNT(*) FILTER (WHERE is_new) AS created
FROM merged;
