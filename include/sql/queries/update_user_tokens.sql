-- Store a user's renewed tokens. The refresh token stays where Amazon sent none (NULL).
-- Parameters: user_id, encrypted_access_token, encrypted_refresh_token (or NULL), token_expires_at.
UPDATE users
SET
    encrypted_access_token = %(encrypted_access_token)s,
    encrypted_refresh_token = COALESCE(%(encrypted_refresh_token)s, encrypted_refresh_token),
    token_expires_at = %(token_expires_at)s
WHERE id = %(user_id)s
RETURNING id;
