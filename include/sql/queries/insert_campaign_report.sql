-- Insert a report before Amazon is asked for it. Returns the existing row where the same report is
-- under way, and no row where it was loaded lately.
-- Parameters: instance_key (UUID), profile_id, campaign_type, start_date, end_date, requested_at,
-- loaded_since.
WITH opened AS (
    INSERT INTO campaign_reports (
        instance_id, profile_id, campaign_type, start_date, end_date, requested_at
    )
    SELECT
        %(instance_key)s, %(profile_id)s, %(campaign_type)s, %(start_date)s, %(end_date)s,
        %(requested_at)s
    WHERE NOT EXISTS (
        SELECT FROM campaign_reports AS loaded
        WHERE loaded.instance_id = %(instance_key)s
          AND loaded.profile_id = %(profile_id)s
          AND loaded.campaign_type = %(campaign_type)s
          AND loaded.start_date = %(start_date)s
          AND loaded.end_date = %(end_date)s
          AND loaded.status = 'LOADED'
          AND loaded.ended_at >= %(loaded_since)s
    )
    ON CONFLICT (instance_id, profile_id, campaign_type, start_date, end_date)
        WHERE status = 'REQUESTED'
        DO UPDATE SET requested_at = campaign_reports.requested_at -- locks and returns the row
    RETURNING id
)
SELECT id FROM opened;
