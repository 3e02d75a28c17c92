-- Read the users with tokens, in the order of their ids.
-- Parameters: none.
SELECT id
FROM users
WHERE encrypted_access_token IS NOT NULL OR encrypted_refresh_token IS NOT NULL
ORDER BY id;
