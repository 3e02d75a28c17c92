-- How many runs of the visible definitions ended each day, by outcome.
-- Parameters: schedule_ids, collection_ids (UUID arrays: the visible definitions), since (time),
-- time_zone (IANA zone of the days).
SELECT
    (run.ended_at AT TIME ZONE %(time_zone)s)::DATE AS day,
    run.status,
    COUNT(*) AS runs
FROM (
    SELECT schedule_run.created_at AS ended_at, schedule_run.status
    FROM schedule_runs AS schedule_run
    WHERE schedule_run.created_at >= %(since)s
        AND schedule_run.schedule_id IN (SELECT unnest(%(schedule_ids)s::UUID[]))
    UNION ALL
    SELECT week.completed_at, week.status
    FROM report_data_weeks AS week
    WHERE week.completed_at >= %(since)s
        AND week.collection_id IN (SELECT unnest(%(collection_ids)s::UUID[]))
) AS run
GROUP BY 1, 2
ORDER BY 1, 2;
