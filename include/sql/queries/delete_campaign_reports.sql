-- Forget reports that were asked for long ago.
-- Parameters: before.
DELETE FROM campaign_reports
WHERE requested_at < %(before)s;
