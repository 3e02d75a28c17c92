-- Users, their identity in a session, and the AMC instances that they query.

CREATE TABLE IF NOT EXISTS users (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    email TEXT UNIQUE NOT NULL,
    full_name TEXT,
    avatar_url TEXT,

    -- OAuth Integration
    amazon_user_id TEXT UNIQUE,
    encrypted_access_token TEXT,
    encrypted_refresh_token TEXT,
    token_expires_at TIMESTAMPTZ,

    -- User Preferences
    timezone TEXT DEFAULT 'UTC',
    email_notifications BOOLEAN DEFAULT true,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    last_login_at TIMESTAMPTZ,
    is_active BOOLEAN DEFAULT true
);
ALTER TABLE users
    -- While consent_revoked_at is set, Amazon is not asked in the user's name.
    ADD COLUMN consent_revoked_at TIMESTAMPTZ,
    ADD COLUMN consent_error TEXT;

COMMENT ON TABLE users IS 'A person who uses RecomAMP. The application inserts the rows.';
COMMENT ON COLUMN users.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN users.email IS 'Address for signing in and for mails. Written by: application.';
COMMENT ON COLUMN users.full_name IS
    'Name for display, at most 200 characters. Written by: application; user.';
COMMENT ON COLUMN users.avatar_url IS
    'Address of the picture for display. Written by: application; user.';
COMMENT ON COLUMN users.amazon_user_id IS 'Amazon''s id of the person. Written by: application.';
COMMENT ON COLUMN users.encrypted_access_token IS
    'Access token of Login with Amazon, encrypted with Fernet. Written by: application; any '
    'Amazon call (update_user_tokens); make rotate (rotate_user_tokens).';
COMMENT ON COLUMN users.encrypted_refresh_token IS
    'Refresh token of Login with Amazon, encrypted with Fernet. The application stores the first '
    'one; the pipeline encrypts it again with each renewal. Written by: application; any Amazon '
    'call (update_user_tokens); make rotate (rotate_user_tokens).';
COMMENT ON COLUMN users.token_expires_at IS
    'Time when the access token expires. Written by: application; any Amazon call '
    '(update_user_tokens).';
COMMENT ON COLUMN users.timezone IS
    'IANA time zone of the times in mails. Written by: default; user.';
COMMENT ON COLUMN users.email_notifications IS
    'False: the user gets no mails. Written by: default; user.';
COMMENT ON COLUMN users.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN users.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN users.last_login_at IS
    'Time of the last sign-in to the application. Written by: application.';
COMMENT ON COLUMN users.is_active IS
    'False: nothing of the user starts by itself, is synced or sends mails. Written by: default; '
    'application.';
COMMENT ON COLUMN users.consent_revoked_at IS
    'Time when Amazon refused the refresh token. While it is set, the pipeline does not call '
    'Amazon in the user''s name. A new refresh token clears it. Added by the pipeline. Written '
    'by: any Amazon call (revoke_user_consent); clear_revoked_consent().';
COMMENT ON COLUMN users.consent_error IS
    'Amazon''s message when it refused the refresh token. Added by the pipeline. Written by: any '
    'Amazon call (revoke_user_consent); clear_revoked_consent().';

CREATE INDEX IF NOT EXISTS idx_users_email ON users(email);
CREATE INDEX IF NOT EXISTS idx_users_amazon_user_id ON users(amazon_user_id);
CREATE INDEX IF NOT EXISTS idx_users_active ON users(is_active) WHERE is_active = true;

CREATE TRIGGER trigger_touch_users
    BEFORE UPDATE ON users
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

-- The application stores a new refresh token when the user has signed in at Amazon again. The
-- pipeline encrypts the token again with each renewal of the access token; Amazon accepts it then.
CREATE FUNCTION public.clear_revoked_consent()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.consent_revoked_at := NULL;
    NEW.consent_error := NULL;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_clear_revoked_consent
    BEFORE UPDATE OF encrypted_refresh_token ON users
    FOR EACH ROW
    WHEN (OLD.encrypted_refresh_token IS DISTINCT FROM NEW.encrypted_refresh_token)
    EXECUTE FUNCTION clear_revoked_consent();

ALTER TABLE users ENABLE ROW LEVEL SECURITY;


-- Identity ----------------------------------------------------------------------------------------

-- The claims of a request (request.jwt.claims) are a setting that every session can write. They
-- count only for a login that checks them, such as PostgREST's. Any other login is one user, or
-- nobody. The table has no policy and no grant: the owner alone says who a login is.
CREATE TABLE database_logins (
    login_name TEXT PRIMARY KEY,
    user_id UUID REFERENCES users(id) ON DELETE CASCADE,
    reads_claims BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT chk_database_login_identity CHECK ((user_id IS NULL) = reads_claims)
);

COMMENT ON TABLE database_logins IS
    'The user behind an SQL login. Only the owner of the database writes it; no role reads it. '
    'Table of the pipeline.';
COMMENT ON COLUMN database_logins.login_name IS
    'Role that signs in to the server (session_user). Written by: application.';
COMMENT ON COLUMN database_logins.user_id IS
    'User that the login is. NULL where reads_claims is true. Written by: application.';
COMMENT ON COLUMN database_logins.reads_claims IS
    'True for a login that checks the claims of requests itself, such as Supabase''s '
    'authenticator. Written by: default; application.';

CREATE INDEX idx_database_logins_user_id ON database_logins (user_id) WHERE user_id IS NOT NULL;
ALTER TABLE database_logins ENABLE ROW LEVEL SECURITY;

-- PostgREST signs in with this role, checks the token of each request and sets its claims.
INSERT INTO database_logins (login_name, reads_claims) VALUES ('authenticator', true);

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
COMMENT ON FUNCTION current_user_id() IS
    'users.id of the person behind the session; NULL where nobody is signed in. Policies and '
    'analysts call it.';

-- The application's own policies may call auth.uid(). Supabase's function stays as it is; any other
-- database gets one that answers as ours.
DO $$
BEGIN
    IF to_regprocedure('auth.uid()') IS NULL THEN
        CREATE SCHEMA IF NOT EXISTS auth;
    ELSIF NOT EXISTS (
        SELECT FROM pg_proc AS routine
        JOIN pg_namespace AS schema ON schema.oid = routine.pronamespace
        WHERE routine.oid = to_regprocedure('auth.uid()')
            AND pg_get_userbyid(routine.proowner) = current_user
            AND pg_get_userbyid(schema.nspowner) = current_user
    ) THEN
        RETURN;
    END IF;
    CREATE OR REPLACE FUNCTION auth.uid()
    RETURNS UUID
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS 'SELECT public.current_user_id()';
END;
$$;


-- AMC accounts and instances ----------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS amc_accounts (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id TEXT UNIQUE NOT NULL, -- This becomes entity_id for AMC API
    account_name TEXT NOT NULL,
    advertiser_id TEXT,
    profile_id TEXT,
    country_code TEXT DEFAULT 'US',

    -- Metadata
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);
ALTER TABLE amc_accounts
    ADD COLUMN max_concurrent_executions INTEGER NOT NULL DEFAULT 200,
    -- Amazon opens marketplaces. The pipeline knows those of today by their country; this column
    -- names any other.
    ADD COLUMN marketplace_id TEXT,
    ADD CONSTRAINT chk_account_max_concurrent_executions
        CHECK (max_concurrent_executions BETWEEN 1 AND 10000),
    ADD CONSTRAINT chk_amc_accounts_marketplace_id_form CHECK (marketplace_id ~ '^[A-Z0-9]{1,32}$');

COMMENT ON TABLE amc_accounts IS
    'An AMC account of an advertiser. The application inserts the rows.';
COMMENT ON COLUMN amc_accounts.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN amc_accounts.account_id IS
    'Amazon''s entity id of the account, sent with each call of AMC. Written by: application.';
COMMENT ON COLUMN amc_accounts.account_name IS 'Name for display. Written by: application.';
COMMENT ON COLUMN amc_accounts.advertiser_id IS
    'Advertiser that the application knows. No call needs it: the pipeline lists the advertisers '
    'of an instance. Written by: application.';
COMMENT ON COLUMN amc_accounts.profile_id IS
    'Amazon Ads profile. Where it is set, the pipeline syncs the sponsored ads of this profile '
    'only. Written by: application.';
COMMENT ON COLUMN amc_accounts.country_code IS
    'Country of the account, two letters. It decides the marketplace in the headers of AMC''s '
    'calls. Written by: default; application.';
COMMENT ON COLUMN amc_accounts.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN amc_accounts.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN amc_accounts.max_concurrent_executions IS
    'Largest number of executions of the account at once: Amazon''s limit, or a lower one. Added '
    'by the pipeline. Written by: default; application.';
COMMENT ON COLUMN amc_accounts.marketplace_id IS
    'Amazon''s id of a marketplace whose country the pipeline does not know. It takes precedence '
    'over country_code. Added by the pipeline. Written by: application.';

CREATE UNIQUE INDEX IF NOT EXISTS idx_amc_accounts_account_id ON amc_accounts(account_id);

CREATE TRIGGER trigger_touch_amc_accounts
    BEFORE UPDATE ON amc_accounts
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE amc_accounts ENABLE ROW LEVEL SECURITY;

CREATE TABLE IF NOT EXISTS amc_instances (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    instance_id TEXT NOT NULL, -- AMC string identifier (e.g., "amcibersblt")
    name TEXT NOT NULL,
    description TEXT,
    region TEXT DEFAULT 'us-east-1',

    -- Foreign Keys
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    account_id UUID NOT NULL REFERENCES amc_accounts(id) ON DELETE CASCADE,

    -- Status and Health
    is_active BOOLEAN DEFAULT true,
    health_status TEXT DEFAULT 'UNKNOWN', -- HEALTHY, UNHEALTHY, ERROR
    health_error TEXT,
    last_health_check TIMESTAMPTZ,

    -- Sync Status
    campaigns_last_sync TIMESTAMPTZ,
    schema_last_sync TIMESTAMPTZ,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);
ALTER TABLE amc_instances
    ADD COLUMN max_concurrent_executions INTEGER NOT NULL DEFAULT 10,
    ADD COLUMN external_executions INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN external_counted_at TIMESTAMPTZ,
    -- Instances tried longest ago come first: one that always fails does not delay the others.
    ADD COLUMN reconcile_attempted_at TIMESTAMPTZ,
    -- AMC runs queries of a SANDBOX instance over made-up data, and only where the request says so.
    ADD COLUMN instance_type TEXT,
    ADD CONSTRAINT chk_instance_max_concurrent_executions
        CHECK (max_concurrent_executions BETWEEN 1 AND 10000),
    ADD CONSTRAINT chk_instance_external_executions CHECK (external_executions BETWEEN 0 AND 10000),
    ADD CONSTRAINT chk_instance_health_status
        CHECK (health_status IN ('UNKNOWN', 'HEALTHY', 'UNHEALTHY', 'ERROR')),
    ADD CONSTRAINT chk_amc_instances_instance_type_form CHECK (instance_type ~ '^[A-Z_]{1,32}$');

COMMENT ON TABLE amc_instances IS
    'An AMC instance as one user has it. The application inserts the rows.';
COMMENT ON COLUMN amc_instances.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN amc_instances.instance_id IS
    'AMC''s id of the instance, such as amcibersblt. Written by: application.';
COMMENT ON COLUMN amc_instances.name IS 'Name for display. Written by: user; application.';
COMMENT ON COLUMN amc_instances.description IS 'Text for display. Written by: user; application.';
COMMENT ON COLUMN amc_instances.region IS
    'AWS region of the instance. It decides the host of AMC''s calls. Written by: default; '
    'application.';
COMMENT ON COLUMN amc_instances.user_id IS 'User that the row belongs to. Written by: application.';
COMMENT ON COLUMN amc_instances.account_id IS
    'Account that the instance belongs to. Written by: application.';
COMMENT ON COLUMN amc_instances.is_active IS
    'False: nothing starts by itself on the instance, and nothing of it is synced. Written by: '
    'default; user; application.';
COMMENT ON COLUMN amc_instances.health_status IS
    'UNKNOWN, HEALTHY, UNHEALTHY or ERROR. Executions do not start while it is ERROR. Written by: '
    'default; recomamp_instance_health, submit, wait (update_instance_health).';
COMMENT ON COLUMN amc_instances.health_error IS
    'Amazon''s message without its request id. NULL where the instance is healthy. Written by: '
    'recomamp_instance_health, submit, wait (update_instance_health).';
COMMENT ON COLUMN amc_instances.last_health_check IS
    'Time when the last health check began. Written by: recomamp_instance_health, submit, wait '
    '(update_instance_health).';
COMMENT ON COLUMN amc_instances.campaigns_last_sync IS
    'Start of the last sync that read both campaigns and figures. Written by: '
    'recomamp_campaigns_sync: dated (set_campaigns_synced_at).';
COMMENT ON COLUMN amc_instances.schema_last_sync IS
    'Time of the last complete reading of the instance''s tables. Written by: '
    'recomamp_schema_sync (update_schema_sync).';
COMMENT ON COLUMN amc_instances.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN amc_instances.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN amc_instances.max_concurrent_executions IS
    'Largest number of executions of the instance at once: Amazon''s limit, or a lower one. Added '
    'by the pipeline. Written by: default; application.';
COMMENT ON COLUMN amc_instances.external_executions IS
    'Executions in flight at AMC that the pipeline did not submit. They take slots. Added by the '
    'pipeline. Written by: default; recomamp_reconcile (count_external_executions).';
COMMENT ON COLUMN amc_instances.external_counted_at IS
    'Time when AMC was listed for external_executions. Added by the pipeline. Written by: '
    'recomamp_reconcile (count_external_executions).';
COMMENT ON COLUMN amc_instances.reconcile_attempted_at IS
    'Time of the last reconciliation, failed or not. The instance tried longest ago comes first. '
    'Added by the pipeline. Written by: recomamp_reconcile (set_reconcile_attempted_at).';
COMMENT ON COLUMN amc_instances.instance_type IS
    'AMC''s type: STANDARD, SANDBOX or COLLABORATION. NULL until the first health check. Added by '
    'the pipeline. Written by: recomamp_instance_health, submit, wait (update_instance_health).';

CREATE INDEX IF NOT EXISTS idx_amc_instances_user_id ON amc_instances(user_id);
CREATE INDEX IF NOT EXISTS idx_amc_instances_active
    ON amc_instances(is_active) WHERE is_active = true;
CREATE UNIQUE INDEX IF NOT EXISTS idx_amc_instances_instance_id
    ON amc_instances(instance_id, user_id);
-- The policy of amc_accounts looks for instances of an account.
CREATE INDEX idx_amc_instances_account_id ON amc_instances (account_id);

CREATE TRIGGER trigger_touch_amc_instances
    BEFORE UPDATE ON amc_instances
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE amc_instances ENABLE ROW LEVEL SECURITY;

-- This function runs with the owner's rights and sees every row. Its message is the same for
-- another user's instance and for a missing one.
CREATE FUNCTION public.require_own_instance(table_name TEXT, instance UUID, owner UUID)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.amc_instances WHERE id = instance AND user_id = owner) THEN
        PERFORM public.raise_invalid_row(table_name, 'instance_id', format(
            'user %s has no AMC instance %s', owner, instance
        ));
    END IF;
END;
$$;
