-- Read the stored tokens of a user, encrypted.
-- Parameters: user_id (UUID).
SELECT
    id,
    email,
    encrypted_access_token,
    encrypted_refresh_token,
    token_expires_at,
    consent_revoked_at
FROM users
WHERE id = %(user_id)s;
