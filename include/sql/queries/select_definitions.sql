-- Read every schedule, or every collection, as the DAG generator needs it, in a stable order; or one.
-- A row is a schedule or a collection with its workflow, instance and owner. A schedule is inactive,
-- and a collection paused, where the instance or the owner is not active.
-- It is JSON text, which holds every value of a column (a year 20026, a number without end): a row
-- that cannot be read does not hide the others.
-- Texts and parameters beyond the limits of row_limits.py are cut: a text comes with one character
-- more than its limit, larger parameters as their number of bytes. Such a row makes no DAG that
-- runs.
-- Parameters: kind (schedule or collection; the planner leaves the other table out), definition_id
-- (UUID, or NULL for all; the planner folds the condition away), shard and shards (of all rows those
-- of one shard, chosen by the last byte of the id; 0 of 1 are all).
SELECT
    definition.id,
    to_json(definition)::TEXT AS definition
FROM (
    SELECT
        source.id,
        left(source.name, 201) AS name,
        left(source.description, 4001) AS description,
        left(source.cron_expression, 201) AS cron_expression,
        left(source.timezone, 65) AS timezone,
        COALESCE(source.is_active AND instance.is_active AND owner.is_active, FALSE) AS is_active,
        COALESCE(source.created_at, '2000-01-01T00:00:00Z') AS created_at,
        source.start_date,
        source.end_date,
        CASE
            WHEN instance.is_active AND owner.is_active THEN source.status
            ELSE 'PAUSED'
        END AS status,
        CASE
            WHEN octet_length(source.parameters::TEXT) <= 262144 THEN source.parameters
            ELSE to_jsonb(octet_length(source.parameters::TEXT))
        END AS parameters,
        workflow.id AS workflow_id,
        left(workflow.name, 201) AS workflow_name,
        left(workflow.description, 4001) AS workflow_description,
        left(workflow.sql_query, 262145) AS sql_query,
        CASE
            WHEN octet_length(workflow.parameters::TEXT) <= 262144 THEN workflow.parameters
            ELSE to_jsonb(octet_length(workflow.parameters::TEXT))
        END AS workflow_parameters,
        workflow.privacy_filtering,
        workflow.counts_hidden_rows,
        workflow.disable_aggregation_controls,
        workflow.user_id,
        instance.id AS instance_key,
        left(instance.instance_id, 65) AS instance_id,
        left(instance.name, 201) AS instance_name,
        left(instance.region, 33) AS region,
        left(instance.instance_type, 32) AS instance_type,
        left(account.country_code, 3) AS country_code,
        left(account.marketplace_id, 33) AS marketplace_id,
        CASE
            WHEN instance.health_status = 'ERROR'
                THEN left(COALESCE(instance.health_error, 'ERROR'), 4000)
        END AS instance_error,
        ARRAY(
            SELECT left(finding.message, 500)
            FROM workflow_findings AS finding
            WHERE finding.workflow_id = workflow.id
              AND finding.instance_id = instance.id
              AND octet_length(workflow.sql_query) <= 262144
              AND finding.query_md5 = md5(workflow.sql_query)
            ORDER BY finding.table_name, finding.column_name
            LIMIT 20
        ) AS findings,
        left(COALESCE(owner.full_name, owner.email), 200) AS owner
    FROM (
        SELECT
            id, user_id, workflow_id, NULL::UUID AS instance_id, name, description, parameters,
            cron_expression, timezone, is_active, created_at,
            NULL::DATE AS start_date, NULL::DATE AS end_date, NULL::TEXT AS status
        FROM workflow_schedules
        WHERE %(kind)s = 'schedule'
        UNION ALL
        SELECT
            id, user_id, workflow_id, instance_id, name, description, parameters,
            NULL, NULL, NULL, NULL, start_date, end_date, status
        FROM report_data_collections
        WHERE %(kind)s = 'collection'
    ) AS source
    JOIN workflows AS workflow ON workflow.id = source.workflow_id
    JOIN amc_instances AS instance ON instance.id = COALESCE(source.instance_id, workflow.instance_id)
    JOIN amc_accounts AS account ON account.id = instance.account_id
    JOIN users AS owner ON owner.id = source.user_id
    WHERE (%(definition_id)s::UUID IS NULL OR source.id = %(definition_id)s::UUID)
    AND (%(shards)s = 1 OR mod(mod(get_byte(uuid_send(source.id), 15), 16), %(shards)s) = %(shard)s)
) AS definition
ORDER BY definition.id;
