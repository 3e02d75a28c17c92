-- One page of the visible collections, by name. Each row has the number of all that match.
-- Parameters: visible_ids (UUID array: the visible ones), search (part of the name; '' for all),
-- state (all, or a status), limit, offset.
WITH page AS MATERIALIZED (
    SELECT collection.id, COUNT(*) OVER () AS total
    FROM report_data_collections AS collection
    WHERE collection.id IN (SELECT unnest(%(visible_ids)s::UUID[]))
        AND strpos(lower(collection.name), lower(%(search)s)) > 0
        AND %(state)s IN ('all', collection.status)
    ORDER BY lower(collection.name), collection.id
    LIMIT %(limit)s OFFSET %(offset)s
)
SELECT
    collection.id,
    'amc_collection_' || collection.id AS dag_id,
    collection.name,
    collection.description,
    collection.status,
    collection.start_date,
    collection.end_date,
    collection.parameters,
    collection.estimated_completion,
    collection.completed_at,
    workflow.name AS workflow,
    instance.name AS instance,
    owner.email AS owner,
    page.total
FROM page
JOIN report_data_collections AS collection ON collection.id = page.id
JOIN workflows AS workflow ON workflow.id = collection.workflow_id
JOIN amc_instances AS instance ON instance.id = collection.instance_id
JOIN users AS owner ON owner.id = collection.user_id
ORDER BY lower(collection.name), collection.id;
