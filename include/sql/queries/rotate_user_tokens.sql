-- Store a user's tokens as encrypted with another key, unless they have changed meanwhile. The tokens
-- are the same, so that a withdrawn consent must stay withdrawn: its user is left out, because a
-- trigger forgets it whenever encrypted_refresh_token changes.
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
