-- From here on a mail may be out: it is never sent again unless the server says that it took nothing.
-- Only what is still in this hand, still true, and still wanted.
-- Parameters: ids (UUIDs of one user's events), claim_id, message_id, is_digest, now.
UPDATE notifications AS begun
SET
    status = 'SENDING',
    message_id = %(message_id)s,
    is_digest = %(is_digest)s,
    sending_at = %(now)s,
    attempts = begun.attempts + 1,
    last_error = NULL
FROM users AS told
WHERE begun.id = ANY(%(ids)s::UUID[])
  AND told.id = begun.user_id
  AND begun.status = 'CLAIMED'
  AND begun.claim_id = %(claim_id)s
  AND begun.claimed_until > %(now)s
  AND COALESCE(told.email_notifications, true)
  AND COALESCE(told.is_active, true)
RETURNING
    begun.id,
    begun.user_id,
    begun.kind,
    begun.happened_at,
    begun.details,
    begun.attempts,
    told.email,
    told.full_name,
    told.timezone;
