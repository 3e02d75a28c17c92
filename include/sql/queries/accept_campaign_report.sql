-- Amazon knows the report: store its id. Compare-and-set, so that an id once stored stays.
-- Parameters: report_id (UUID), amazon_report_id.
UPDATE campaign_reports
SET amazon_report_id = %(amazon_report_id)s
WHERE id = %(report_id)s
  AND status = 'REQUESTED'
  AND amazon_report_id IS NULL
RETURNING id;
