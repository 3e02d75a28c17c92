-- Store that Amazon no longer accepts a user's refresh token. A trigger clears both columns when
-- the application stores a new one.
-- Parameters: user_id, consent_revoked_at, consent_error (Amazon's words).
UPDATE users
SET
    consent_revoked_at = %(consent_revoked_at)s,
    consent_error = %(consent_error)s
WHERE id = %(user_id)s
RETURNING id;
