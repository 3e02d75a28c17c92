-- Read and lock the stored tokens of a user until the transaction ends, so that one process
-- refreshes them.
-- Parameters: user_id (UUID).
SELECT
    id,
    email,
    encrypted_access_token,
    encrypted_refresh_token,
    token_expires_at,
    consent_revoked_at
FROM users
WHERE id = %(user_id)s
FOR NO KEY UPDATE;
