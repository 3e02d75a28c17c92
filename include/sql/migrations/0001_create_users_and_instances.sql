-- Who signs in, and the AMC instances they query.
--
-- Migrations 0001 to 0008 are RecomAMP's own schema document: same names, ordered by dependency,
-- mended where it cannot run as written. Every statement of them may meet a database in which the
-- application has already created the object; it then leaves the object and its rows alone.

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

CREATE INDEX IF NOT EXISTS idx_users_email ON users(email);
CREATE INDEX IF NOT EXISTS idx_users_amazon_user_id ON users(amazon_user_id);
CREATE INDEX IF NOT EXISTS idx_users_active ON users(is_active) WHERE is_active = true;

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

CREATE UNIQUE INDEX IF NOT EXISTS idx_amc_accounts_account_id ON amc_accounts(account_id);

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

CREATE INDEX IF NOT EXISTS idx_amc_instances_user_id ON amc_instances(user_id);
CREATE INDEX IF NOT EXISTS idx_amc_instances_active
    ON amc_instances(is_active) WHERE is_active = true;
CREATE UNIQUE INDEX IF NOT EXISTS idx_amc_instances_instance_id
    ON amc_instances(instance_id, user_id);
