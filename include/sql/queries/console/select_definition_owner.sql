-- Whose row a schedule or a collection is.
-- Parameters: schedule_id, collection_id (one of them is NULL).
SELECT schedule.user_id
FROM workflow_schedules AS schedule
WHERE schedule.id = %(schedule_id)s::UUID
UNION ALL
SELECT collection.user_id
FROM report_data_collections AS collection
WHERE collection.id = %(collection_id)s::UUID;
