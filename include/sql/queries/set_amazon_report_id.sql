-- Store Amazon's id of a report. Compare-and-set: an id that is stored stays.
-- Parameters: report_id (UUID), amazon_report_id.
UPDATE campaign_reports
SET amazon_report_id = %(amazon_report_id)s
WHERE id = %(report_id)s
  AND status = 'REQUESTED'
  AND amazon_report_id IS NULL
RETURNING id;
