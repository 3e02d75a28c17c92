-- Delete old reports.
-- Parameters: before.
DELETE FROM campaign_reports
WHERE requested_at < %(before)s;
