-- Row level security as the document states it, on a plain Postgres too.

-- On Supabase the schema and the function exist and are left alone. Elsewhere this stand-in reads the
-- same setting: the JWT's claims, as one JSON document or (older PostgREST) one setting each.
DO $$
BEGIN
    IF to_regprocedure('auth.uid()') IS NULL THEN
        CREATE SCHEMA IF NOT EXISTS auth;
        CREATE FUNCTION auth.uid()
        RETURNS UUID
        LANGUAGE sql STABLE
        SET search_path = pg_catalog, pg_temp
        AS $uid$
            SELECT COALESCE(
                NULLIF(current_setting('request.jwt.claim.sub', true), ''),
                NULLIF(current_setting('request.jwt.claims', true), '')::JSONB ->> 'sub'
            )::UUID
        $uid$;
    END IF;
END;
$$;

ALTER TABLE workflows ENABLE ROW LEVEL SECURITY;
ALTER TABLE workflow_executions ENABLE ROW LEVEL SECURITY;
ALTER TABLE amc_instances ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaigns ENABLE ROW LEVEL SECURITY;

-- (SELECT auth.uid()): asked once per statement, not once per row.
DROP POLICY IF EXISTS workflows_user_access ON workflows;
CREATE POLICY workflows_user_access ON workflows
    FOR ALL
    USING (user_id = (SELECT auth.uid()))
    WITH CHECK (user_id = (SELECT auth.uid()));

DROP POLICY IF EXISTS executions_user_access ON workflow_executions;
CREATE POLICY executions_user_access ON workflow_executions
    FOR ALL
    USING (user_id = (SELECT auth.uid()))
    WITH CHECK (user_id = (SELECT auth.uid()));

DROP POLICY IF EXISTS instances_user_access ON amc_instances;
CREATE POLICY instances_user_access ON amc_instances
    FOR ALL
    USING (user_id = (SELECT auth.uid()))
    WITH CHECK (user_id = (SELECT auth.uid()));
