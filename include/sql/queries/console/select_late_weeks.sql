-- Active collections of the visible ones with weeks that are due and have not ended: the first of these
-- weeks, and the time of the last result. A week is not due before its collection exists.
-- Parameters: collection_ids (UUID array: the visible ones), due_before (time).
SELECT
    late.id,
    late.name,
    late.time_zone,
    late.due_at,
    late.last_day,
    (
        -- FILTER: else the planner reads the index of all times from its end
        SELECT MAX(week.completed_at) FILTER (WHERE week.status = 'SUCCESS')
        FROM report_data_weeks AS week
        WHERE week.collection_id = late.id
    ) AS last_result_at
FROM (
    SELECT
        collection.id,
        collection.name,
        COALESCE(collection.parameters ->> 'timezone', 'UTC') AS time_zone,
        week.last_day,
        GREATEST(
            collection_week_due_at(week.last_day, collection.parameters), collection.created_at
        ) AS due_at
    FROM report_data_collections AS collection
    CROSS JOIN LATERAL (
        SELECT MIN(open_week.week_end_date) AS last_day
        FROM report_data_weeks AS open_week
        WHERE open_week.collection_id = collection.id
            AND open_week.status IN ('PENDING', 'RUNNING')
    ) AS week
    WHERE collection.status = 'ACTIVE'
        AND week.last_day IS NOT NULL
        AND collection.id IN (SELECT unnest(%(collection_ids)s::UUID[]))
) AS late
WHERE late.due_at < %(due_before)s
ORDER BY late.due_at, late.id
LIMIT 20;
