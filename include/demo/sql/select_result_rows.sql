-- The result rows of a schedule of the query campaign_costs.sql.
-- Parameters: schedule_id.
SELECT
    line.event_date_utc,
    line.campaign,
    line.clicks,
    ROUND(line.spend, 2) AS spend
FROM workflow_executions AS execution
CROSS JOIN LATERAL jsonb_to_recordset(execution.result_data -> 'data')
    AS line (event_date_utc DATE, campaign TEXT, clicks BIGINT, spend NUMERIC)
WHERE execution.schedule_id = %(schedule_id)s
ORDER BY line.event_date_utc, line.spend DESC;
