-- Row level security on every table: a row belongs to one user, directly or through its parent, or is
-- shared by intention. Policies say which rows; the grants of the roles say which columns and verbs.

-- Rows with an owner of their own.
DO $$
DECLARE
    owned RECORD;
BEGIN
    FOR owned IN
        SELECT *
        FROM (VALUES
            ('users', 'users_user_access', 'id'),
            ('campaigns', 'campaigns_user_access', 'user_id'),
            ('workflow_schedules', 'schedules_user_access', 'user_id'),
            ('report_data_collections', 'collections_user_access', 'user_id'),
            ('asins', 'asins_user_access', 'user_id'),
            ('asin_lists', 'asin_lists_user_access', 'user_id'),
            ('query_templates', 'query_templates_user_access', 'author_id'),
            ('user_guide_progress', 'guide_progress_user_access', 'user_id')
        ) AS owned (table_name, policy_name, owner_column)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned.table_name);
        EXECUTE format(
            'CREATE POLICY %1$I ON %2$I FOR ALL'
            ' USING (%3$I = (SELECT auth.uid())) WITH CHECK (%3$I = (SELECT auth.uid()))',
            owned.policy_name, owned.table_name, owned.owner_column
        );
    END LOOP;
END;
$$;

-- Rows that belong to whom their parent belongs to.
ALTER TABLE schedule_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY schedule_runs_user_access ON schedule_runs
    FOR ALL
    USING (EXISTS (
        SELECT FROM workflow_schedules AS schedule
        WHERE schedule.id = schedule_runs.schedule_id
            AND schedule.user_id = (SELECT auth.uid())
    ))
    WITH CHECK (EXISTS (
        SELECT FROM workflow_schedules AS schedule
        WHERE schedule.id = schedule_runs.schedule_id
            AND schedule.user_id = (SELECT auth.uid())
    ));

ALTER TABLE report_data_weeks ENABLE ROW LEVEL SECURITY;
CREATE POLICY weeks_user_access ON report_data_weeks
    FOR ALL
    USING (EXISTS (
        SELECT FROM report_data_collections AS collection
        WHERE collection.id = report_data_weeks.collection_id
            AND collection.user_id = (SELECT auth.uid())
    ))
    WITH CHECK (EXISTS (
        SELECT FROM report_data_collections AS collection
        WHERE collection.id = report_data_weeks.collection_id
            AND collection.user_id = (SELECT auth.uid())
    ));

-- Into one's own list go one's own products: a foreign key alone would also take a stranger's.
ALTER TABLE asin_list_items ENABLE ROW LEVEL SECURITY;
CREATE POLICY asin_list_items_user_access ON asin_list_items
    FOR ALL
    USING (EXISTS (
        SELECT FROM asin_lists AS list
        WHERE list.id = asin_list_items.list_id AND list.user_id = (SELECT auth.uid())
    ))
    WITH CHECK (
        EXISTS (
            SELECT FROM asin_lists AS list
            WHERE list.id = asin_list_items.list_id AND list.user_id = (SELECT auth.uid())
        )
        AND EXISTS (
            SELECT FROM asins AS product
            WHERE product.id = asin_list_items.asin_id AND product.user_id = (SELECT auth.uid())
        )
    );

-- An account has no owner, but its name tells who somebody's client is: it is seen by those who have
-- an instance in it.
ALTER TABLE amc_accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY accounts_user_read ON amc_accounts
    FOR SELECT
    USING (EXISTS (
        SELECT FROM amc_instances AS instance
        WHERE instance.account_id = amc_accounts.id
            AND instance.user_id = (SELECT auth.uid())
    ));

-- Shared by intention, for reading.
CREATE POLICY asin_lists_public_read ON asin_lists
    FOR SELECT
    USING (is_public);
CREATE POLICY asin_list_items_public_read ON asin_list_items
    FOR SELECT
    USING (EXISTS (
        SELECT FROM asin_lists AS list
        WHERE list.id = asin_list_items.list_id AND list.is_public
    ));
CREATE POLICY query_templates_public_read ON query_templates
    FOR SELECT
    USING (is_public);

ALTER TABLE amc_data_sources ENABLE ROW LEVEL SECURITY;
CREATE POLICY data_sources_read ON amc_data_sources FOR SELECT USING (true);
ALTER TABLE amc_schema_fields ENABLE ROW LEVEL SECURITY;
CREATE POLICY schema_fields_read ON amc_schema_fields FOR SELECT USING (true);
ALTER TABLE build_guides ENABLE ROW LEVEL SECURITY;
CREATE POLICY build_guides_read ON build_guides FOR SELECT USING (is_published);

-- The pipeline works for all users; what it may do to a row is said by its grants.
DO $$
DECLARE
    served TEXT;
BEGIN
    FOREACH served IN ARRAY ARRAY[
        'users', 'amc_accounts', 'amc_instances', 'workflows', 'workflow_executions',
        'workflow_schedules', 'schedule_runs', 'report_data_collections', 'report_data_weeks',
        'campaigns', 'amc_data_sources', 'amc_schema_fields'
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

-- Looked for by the policy of amc_accounts.
CREATE INDEX idx_amc_instances_account_id ON amc_instances (account_id);
