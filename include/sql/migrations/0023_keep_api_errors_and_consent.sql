-- Calls to Amazon that failed, for those who ask why; and which users have to sign in again.

-- One row for each failed try. Neither tokens nor signed links nor queries are in it.
CREATE TABLE amc_api_errors (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    execution_id UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE, -- in whose name Amazon was asked
    method TEXT NOT NULL,
    path TEXT NOT NULL, -- without its query
    operation TEXT NOT NULL,
    status INTEGER, -- HTTP; NULL where no answer came
    code TEXT,
    request_id TEXT,
    message TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 1, -- which try of the call
    CONSTRAINT chk_api_error_attempt CHECK (attempt > 0)
);

CREATE INDEX idx_amc_api_errors_at ON amc_api_errors (at);
CREATE INDEX idx_amc_api_errors_instance_at ON amc_api_errors (instance_id, at DESC);
-- Deleting an execution or a user looks for their errors.
CREATE INDEX idx_amc_api_errors_execution_id
    ON amc_api_errors (execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX idx_amc_api_errors_user_id ON amc_api_errors (user_id);

ALTER TABLE amc_api_errors ENABLE ROW LEVEL SECURITY;
CREATE POLICY api_errors_user_read ON amc_api_errors
    FOR SELECT
    USING (EXISTS (
        SELECT FROM amc_instances AS instance
        WHERE instance.id = amc_api_errors.instance_id
            AND instance.user_id = (SELECT auth.uid())
    ));
CREATE POLICY amc_api_errors_pipeline_access ON amc_api_errors
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);

GRANT SELECT ON amc_api_errors TO recomamp_analyst;
-- The pipeline finds old rows to delete, and needs to read no more of them than that takes.
GRANT SELECT (id, at), DELETE, INSERT ON amc_api_errors TO recomamp_pipeline;


-- While consent_revoked_at is set, Amazon is not asked in the user's name.
ALTER TABLE users
    ADD COLUMN consent_revoked_at TIMESTAMPTZ,
    ADD COLUMN consent_error TEXT;

GRANT SELECT (consent_revoked_at, consent_error) ON users TO recomamp_analyst;
GRANT UPDATE (consent_revoked_at, consent_error) ON users TO recomamp_pipeline;

-- The application stores a new refresh token when the user has signed in again. The pipeline encrypts
-- the one it has anew each time it renews the access token; Amazon has just accepted it then.
CREATE FUNCTION forget_revoked_consent()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    NEW.consent_revoked_at := NULL;
    NEW.consent_error := NULL;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_forget_revoked_consent
    BEFORE UPDATE OF encrypted_refresh_token ON users
    FOR EACH ROW
    WHEN (OLD.encrypted_refresh_token IS DISTINCT FROM NEW.encrypted_refresh_token)
    EXECUTE FUNCTION forget_revoked_consent();
