-- Who a session is, and which rows it reaches.
--
-- Claims of a request (request.jwt.claims) are a setting that every session can write. They count
-- only where the login is one that the owner trusts to check them: PostgREST's, for example.
-- Any other login is one user, or nobody.

CREATE TABLE public.database_logins (
    login_name TEXT PRIMARY KEY, -- the role that signs in to the server: session_user
    user_id UUID REFERENCES public.users (id) ON DELETE CASCADE,
    reads_claims BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT chk_database_login_identity CHECK ((user_id IS NULL) = reads_claims)
);
CREATE INDEX idx_database_logins_user_id
    ON public.database_logins (user_id) WHERE user_id IS NOT NULL;
-- No policy and no grant: the owner alone says who a login is.
ALTER TABLE public.database_logins ENABLE ROW LEVEL SECURITY;

-- PostgREST signs in with this role, checks the token of each request and sets its claims.
INSERT INTO public.database_logins (login_name, reads_claims) VALUES ('authenticator', true);

-- The users.id of the person behind the session; NULL where nobody is signed in.
-- Claims also count for logins that may become the owner: they reach every row without them.
CREATE FUNCTION public.current_user_id()
RETURNS UUID
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    login public.database_logins%ROWTYPE;
BEGIN
    SELECT * INTO login FROM public.database_logins WHERE login_name = session_user;
    IF login.user_id IS NOT NULL THEN
        RETURN login.user_id;
    END IF;
    IF login.reads_claims OR pg_has_role(session_user, current_user, 'MEMBER') THEN
        -- One JSON document or, from older versions of PostgREST, a setting for each claim.
        RETURN COALESCE(
            NULLIF(current_setting('request.jwt.claim.sub', true), ''),
            NULLIF(current_setting('request.jwt.claims', true), '')::JSONB ->> 'sub'
        )::UUID;
    END IF;
    RETURN NULL;
END;
$$;

-- The application's own policies may ask auth.uid(). Supabase's function stays as it is; the
-- stand-in that an earlier migration made elsewhere gives the same answer as ours.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_proc AS routine
        JOIN pg_namespace AS schema ON schema.oid = routine.pronamespace
        WHERE routine.oid = to_regprocedure('auth.uid()')
            AND pg_get_userbyid(routine.proowner) = current_user
            AND pg_get_userbyid(schema.nspowner) = current_user
    ) THEN
        CREATE OR REPLACE FUNCTION auth.uid()
        RETURNS UUID
        LANGUAGE sql STABLE
        SET search_path = pg_catalog, pg_temp
        AS 'SELECT public.current_user_id()';
    END IF;
END;
$$;


-- Rows of people. A policy says which rows, include/sql/access.sql says which verbs and columns.
-- What the pipeline writes has a policy for reading only: a grant by mistake opens nothing.
-- (SELECT current_user_id()): asked once for a statement, not once for a row.
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
            ('notifications', 'notifications_user_read', 'user_id', 'SELECT')
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

-- Rows that belong to the owner of their parent, read only.
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
DROP POLICY IF EXISTS accounts_user_read ON public.amc_accounts;
CREATE POLICY accounts_user_read ON public.amc_accounts
    FOR SELECT
    USING (EXISTS (
        SELECT FROM public.amc_instances AS instance
        WHERE instance.account_id = amc_accounts.id
            AND instance.user_id = (SELECT public.current_user_id())
    ));

-- A person's list takes that person's products, and names nobody else as who added them.
DROP POLICY IF EXISTS asin_list_items_user_access ON public.asin_list_items;
CREATE POLICY asin_list_items_user_access ON public.asin_list_items
    FOR ALL
    USING (EXISTS (
        SELECT FROM public.asin_lists AS list
        WHERE list.id = asin_list_items.list_id
            AND list.user_id = (SELECT public.current_user_id())
    ))
    WITH CHECK (
        EXISTS (
            SELECT FROM public.asin_lists AS list
            WHERE list.id = asin_list_items.list_id
                AND list.user_id = (SELECT public.current_user_id())
        )
        AND EXISTS (
            SELECT FROM public.asins AS product
            WHERE product.id = asin_list_items.asin_id
                AND product.user_id = (SELECT public.current_user_id())
        )
        AND (added_by IS NULL OR added_by = (SELECT public.current_user_id()))
    );
