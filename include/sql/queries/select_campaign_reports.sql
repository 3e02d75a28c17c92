-- Read reports by their ids, with their instances.
-- Parameters: report_ids (list of UUID).
SELECT
    report.id,
    report.instance_id AS instance_key,
    report.profile_id,
    report.campaign_type,
    report.start_date,
    report.end_date,
    report.status,
    report.amazon_report_id,
    report.error_message,
    report.requested_at
FROM campaign_reports AS report
WHERE report.id = ANY (%(report_ids)s::UUID[])
ORDER BY report.profile_id, report.campaign_type, report.id;
