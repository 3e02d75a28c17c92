-- Findings on the queries of the visible definitions, the newest first.
-- Parameters: schedule_ids, collection_ids (UUID arrays: the visible definitions).
SELECT
    finding.kind,
    finding.message,
    workflow.name AS workflow,
    definition.dag_id
FROM workflow_findings AS finding
JOIN workflows AS workflow ON workflow.id = finding.workflow_id
JOIN LATERAL (
    SELECT 'amc_schedule_' || schedule.id AS dag_id
    FROM workflow_schedules AS schedule
    WHERE schedule.workflow_id = workflow.id
        AND schedule.id IN (SELECT unnest(%(schedule_ids)s::UUID[]))
    UNION ALL
    SELECT 'amc_collection_' || collection.id
    FROM report_data_collections AS collection
    WHERE collection.workflow_id = workflow.id
        AND collection.id IN (SELECT unnest(%(collection_ids)s::UUID[]))
    LIMIT 1
) AS definition ON true
ORDER BY finding.found_at DESC, finding.id
LIMIT 20;
