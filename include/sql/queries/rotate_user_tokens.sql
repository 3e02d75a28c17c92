-- Store a user's tokens encrypted with another key, unless they have changed meanwhile. A user with
-- a withdrawn consent is left out: the trigger would clear it, and the tokens are the same.
-- Parameters: user_id, encrypted_access_token, encrypted_refresh_token (or NULL), old_access_token,
-- old_refresh_token (or NULL).
UPDATE users
SET
    encrypted_access_token = %(encrypted_access_token)s,
    encrypted_refresh_token = %(encrypted_refresh_token)s
WHERE id = %(user_id)s
    AND encrypted_access_token IS NOT DISTINCT FROM %(old_access_token)s
    AND encrypted_refresh_token IS NOT DISTINCT FROM %(old_refresh_token)s
    AND consent_revoked_at IS NULL
RETURNING id;
