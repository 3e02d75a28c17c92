-- End a report that is under way. A report that has ended stays as it is.
-- Parameters: report_id (UUID), status, row_count, unknown_count, error_message, ended_at.
UPDATE campaign_reports
SET
    status = %(status)s,
    row_count = %(row_count)s,
    unknown_count = %(unknown_count)s,
    error_message = %(error_message)s,
    ended_at = %(ended_at)s
WHERE id = %(report_id)s
  AND status = 'REQUESTED'
RETURNING id;
