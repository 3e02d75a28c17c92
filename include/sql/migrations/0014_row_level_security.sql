-- Which rows a person reaches. A policy says which rows, include/sql/access.sql says which verbs
-- and columns. A row belongs to one user, directly or through its parent, or is shared by
-- intention.
--
-- (SELECT current_user_id()) is asked once for a statement, not once for a row.

-- Rows with an owner. What the pipeline writes has a policy for reading only: a grant by mistake
-- opens nothing.
DO $$
DECLARE
    owned RECORD;
    check_clause TEXT;
BEGIN
    FOR owned IN
        SELECT *
        FROM (VALUES
            ('users', 'users_user_access', 'id', 'SELECT UPDATE'),
            ('amc_instances', 'instances_user_access', 'user_id', 'SELECT UPDATE'),
            ('workflows', 'workflows_user_access', 'user_id', 'ALL'),
            ('workflow_executions', 'executions_user_access', 'user_id', 'SELECT'),
            ('workflow_schedules', 'schedules_user_access', 'user_id', 'ALL'),
            ('report_data_collections', 'collections_user_access', 'user_id', 'ALL'),
            ('campaigns', 'campaigns_user_access', 'user_id', 'SELECT'),
            ('asins', 'asins_user_access', 'user_id', 'ALL'),
            ('asin_lists', 'asin_lists_user_access', 'user_id', 'ALL'),
            ('query_templates', 'query_templates_user_access', 'author_id', 'ALL'),
            ('user_guide_progress', 'guide_progress_user_access', 'user_id', 'ALL'),
            ('user_guide_favorites', 'guide_favorites_user_access', 'user_id', 'ALL'),
            ('notifications', 'notifications_user_read', 'user_id', 'SELECT'),
            ('user_quotas', 'user_quotas_user_read', 'user_id', 'SELECT')
        ) AS owned (table_name, policy_name, owner_column, verbs)
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS %I ON public.%I', owned.policy_name, owned.table_name);
        check_clause := format('%I = (SELECT public.current_user_id())', owned.owner_column);
        IF owned.verbs = 'ALL' THEN
            EXECUTE format(
                'CREATE POLICY %I ON public.%I FOR ALL USING (%s) WITH CHECK (%s)',
                owned.policy_name, owned.table_name, check_clause, check_clause
            );
            CONTINUE;
        END IF;
        EXECUTE format(
            'CREATE POLICY %I ON public.%I FOR SELECT USING (%s)',
            owned.policy_name, owned.table_name, check_clause
        );
        IF owned.verbs = 'SELECT UPDATE' THEN
            EXECUTE format(
                'CREATE POLICY %I ON public.%I FOR UPDATE USING (%s) WITH CHECK (%s)',
                replace(owned.policy_name, '_access', '_update'), owned.table_name, check_clause,
                check_clause
            );
        END IF;
    END LOOP;
END;
$$;

-- Rows that belong to the owner of their parent, for reading.
DO $$
DECLARE
    child RECORD;
BEGIN
    FOR child IN
        SELECT *
        FROM (VALUES
            ('schedule_runs', 'schedule_runs_user_access', 'schedule_id', 'workflow_schedules'),
            ('report_data_weeks', 'weeks_user_access', 'collection_id',
                'report_data_collections'),
            ('amc_api_errors', 'api_errors_user_read', 'instance_id', 'amc_instances'),
            ('reconciliations', 'reconciliations_user_access', 'instance_id', 'amc_instances'),
            ('amc_instance_data_sources', 'instance_data_sources_user_read', 'instance_id',
                'amc_instances'),
            ('campaign_reports', 'campaign_reports_user_access', 'instance_id', 'amc_instances'),
            ('workflow_findings', 'workflow_findings_user_read', 'workflow_id', 'workflows'),
            ('campaign_performance', 'campaign_performance_user_access', 'campaign_id',
                'campaigns')
        ) AS child (table_name, policy_name, parent_column, parent_table)
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS %I ON public.%I', child.policy_name, child.table_name);
        EXECUTE format(
            'CREATE POLICY %1$I ON public.%2$I FOR SELECT USING (EXISTS ('
            '    SELECT FROM public.%3$I AS parent'
            '    WHERE parent.id = %2$I.%4$I'
            '        AND parent.user_id = (SELECT public.current_user_id())'
            '))',
            child.policy_name, child.table_name, child.parent_table, child.parent_column
        );
    END LOOP;
END;
$$;

-- An account has no owner: people with an instance in it see it.
DROP POLICY IF EXISTS accounts_user_read ON amc_accounts;
CREATE POLICY accounts_user_read ON amc_accounts
    FOR SELECT
    USING (EXISTS (
        SELECT FROM amc_instances AS instance
        WHERE instance.account_id = amc_accounts.id
            AND instance.user_id = (SELECT public.current_user_id())
    ));

-- A person's list takes that person's products, and names nobody else as who added them.
DROP POLICY IF EXISTS asin_list_items_user_access ON asin_list_items;
CREATE POLICY asin_list_items_user_access ON asin_list_items
    FOR ALL
    USING (EXISTS (
        SELECT FROM asin_lists AS list
        WHERE list.id = asin_list_items.list_id
            AND list.user_id = (SELECT public.current_user_id())
    ))
    WITH CHECK (
        EXISTS (
            SELECT FROM asin_lists AS list
            WHERE list.id = asin_list_items.list_id
                AND list.user_id = (SELECT public.current_user_id())
        )
        AND EXISTS (
            SELECT FROM asins AS product
            WHERE product.id = asin_list_items.asin_id
                AND product.user_id = (SELECT public.current_user_id())
        )
        AND (added_by IS NULL OR added_by = (SELECT public.current_user_id()))
    );

-- What all signed-in users share.
DROP POLICY IF EXISTS data_sources_read ON amc_data_sources;
CREATE POLICY data_sources_read ON amc_data_sources
    FOR SELECT
    USING ((SELECT public.current_user_id()) IS NOT NULL);
DROP POLICY IF EXISTS schema_fields_read ON amc_schema_fields;
CREATE POLICY schema_fields_read ON amc_schema_fields
    FOR SELECT
    USING ((SELECT public.current_user_id()) IS NOT NULL);
DROP POLICY IF EXISTS build_guides_read ON build_guides;
CREATE POLICY build_guides_read ON build_guides
    FOR SELECT
    USING (is_published AND (SELECT public.current_user_id()) IS NOT NULL);
CREATE POLICY build_guide_sections_read ON build_guide_sections
    FOR SELECT
    USING ((SELECT public.current_user_id()) IS NOT NULL AND EXISTS (
        SELECT FROM build_guides AS guide
        WHERE guide.id = build_guide_sections.guide_id AND guide.is_published
    ));
CREATE POLICY build_guide_queries_read ON build_guide_queries
    FOR SELECT
    USING ((SELECT public.current_user_id()) IS NOT NULL AND EXISTS (
        SELECT FROM build_guides AS guide
        WHERE guide.id = build_guide_queries.guide_id AND guide.is_published
    ));

-- The pipeline works for all users; its grants say what it may do to a row.
DO $$
DECLARE
    served TEXT;
BEGIN
    FOREACH served IN ARRAY ARRAY[
        'users', 'amc_accounts', 'amc_instances', 'workflows', 'workflow_executions',
        'execution_locks', 'workflow_schedules', 'schedule_runs', 'report_data_collections',
        'report_data_weeks', 'campaigns', 'campaign_performance', 'campaign_reports', 'asins',
        'amc_data_sources', 'amc_schema_fields', 'amc_instance_data_sources', 'workflow_findings',
        'maintenance_findings', 'amc_api_errors', 'reconciliations', 'notifications', 'user_quotas'
    ]
    LOOP
        EXECUTE format(
            'CREATE POLICY %2$I ON %1$I FOR ALL TO recomamp_pipeline'
            ' USING (true) WITH CHECK (true)',
            served, served || '_pipeline_access'
        );
    END LOOP;
END;
$$;


-- Public rows -------------------------------------------------------------------------------------

-- Public templates and lists are for signed-in users, without the ids of their owner. The views
-- read with their owner's rights, past the policies of the tables. security_barrier: no condition
-- of the reader is tried on rows that are not public.
DROP POLICY IF EXISTS query_templates_public_read ON query_templates;
DROP POLICY IF EXISTS asin_lists_public_read ON asin_lists;
DROP POLICY IF EXISTS asin_list_items_public_read ON asin_list_items;

CREATE VIEW public_query_templates WITH (security_barrier = true) AS
SELECT
    template.id,
    template.name,
    template.description,
    template.category,
    template.sql_template,
    template.parameters,
    template.tags,
    template.difficulty_level,
    template.estimated_runtime,
    template.usage_count,
    template.last_used_at,
    template.is_official,
    template.created_at,
    template.updated_at
FROM query_templates AS template
WHERE template.is_public AND (SELECT public.current_user_id()) IS NOT NULL;
COMMENT ON VIEW public_query_templates IS
    'Public query templates without their author. Every signed-in user reads it.';

CREATE VIEW public_asin_lists WITH (security_barrier = true) AS
SELECT
    list.id,
    list.name,
    list.description,
    list.category,
    list.tags,
    list.asin_count,
    list.created_at,
    list.updated_at
FROM asin_lists AS list
WHERE list.is_public AND (SELECT public.current_user_id()) IS NOT NULL;
COMMENT ON VIEW public_asin_lists IS
    'Public lists of products without their owner. Every signed-in user reads it.';

-- The item shows the ASIN alone: the product's notes and tags are its owner's.
CREATE VIEW public_asin_list_items WITH (security_barrier = true) AS
SELECT
    item.id,
    item.list_id,
    item.position,
    product.asin,
    item.added_at
FROM asin_list_items AS item
JOIN asin_lists AS list ON list.id = item.list_id
JOIN asins AS product ON product.id = item.asin_id
WHERE list.is_public AND (SELECT public.current_user_id()) IS NOT NULL;
COMMENT ON VIEW public_asin_list_items IS
    'Items of public lists: the ASIN without its owner''s notes and tags. Every signed-in user '
    'reads it.';


-- Deleting one's own rows -------------------------------------------------------------------------

-- DELETE is a right on a whole table, and PostgreSQL lets its holder run LOCK TABLE in any mode.
-- One SQL login could so stop every user. SQL logins call this function instead.
-- It runs as the owner, past row level security: each statement names the user itself.
CREATE FUNCTION public.delete_own_row(table_name TEXT, row_id UUID)
RETURNS BOOLEAN
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller CONSTANT UUID := public.current_user_id();
BEGIN
    CASE table_name
        WHEN 'workflows' THEN
            DELETE FROM public.workflows WHERE id = row_id AND user_id = caller;
        WHEN 'workflow_schedules' THEN
            DELETE FROM public.workflow_schedules WHERE id = row_id AND user_id = caller;
        WHEN 'report_data_collections' THEN
            DELETE FROM public.report_data_collections WHERE id = row_id AND user_id = caller;
        WHEN 'query_templates' THEN
            -- The table's trigger asks this only where row level security holds.
            PERFORM public.refuse_used_template(id, author_id)
            FROM public.query_templates WHERE id = row_id AND author_id = caller;
            DELETE FROM public.query_templates WHERE id = row_id AND author_id = caller;
        WHEN 'asins' THEN
            DELETE FROM public.asins WHERE id = row_id AND user_id = caller;
        WHEN 'asin_lists' THEN
            DELETE FROM public.asin_lists WHERE id = row_id AND user_id = caller;
        WHEN 'asin_list_items' THEN
            DELETE FROM public.asin_list_items AS item
            USING public.asin_lists AS list
            WHERE item.id = row_id AND list.id = item.list_id AND list.user_id = caller;
        WHEN 'user_guide_progress' THEN
            DELETE FROM public.user_guide_progress WHERE id = row_id AND user_id = caller;
        WHEN 'user_guide_favorites' THEN
            DELETE FROM public.user_guide_favorites WHERE id = row_id AND user_id = caller;
        ELSE
            RAISE EXCEPTION
                'delete_own_row: no rows of % can be deleted; name workflows, workflow_schedules,'
                ' report_data_collections, query_templates, asins, asin_lists, asin_list_items,'
                ' user_guide_progress or user_guide_favorites', COALESCE(table_name, 'NULL')
                USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION delete_own_row(TEXT, UUID) IS
    'Deletes a row of the caller by its table and id, and returns whether there was one. Analysts '
    'call it, because they have no DELETE. Tables: workflows, workflow_schedules, '
    'report_data_collections, query_templates, asins, asin_lists, asin_list_items, '
    'user_guide_progress, user_guide_favorites.';
