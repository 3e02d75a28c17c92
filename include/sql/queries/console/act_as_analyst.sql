-- Take the rights of an analyst, as one user, until the end of the transaction.
-- Parameters: user_id (users.id as text).
SELECT
    set_config('role', 'recomamp_analyst', true) AS role,
    set_config('request.jwt.claims', jsonb_build_object('sub', %(user_id)s::TEXT)::TEXT, true) AS claims,
    -- Older than the other, and read first
    set_config('request.jwt.claim.sub', '', true) AS older_claim;
