-- Store that a mail may be out from now on: it is not sent again unless the server took nothing.
-- Only events that are still claimed, true and wanted are started.
-- Those that a user keeps locked stay claimed: they are due again after the lease.
-- Parameters: ids (UUIDs of one user's events), claim_id, message_id, is_digest, now.
UPDATE notifications AS begun
SET
    status = 'SENDING',
    message_id = %(message_id)s,
    is_digest = %(is_digest)s,
    sending_started_at = %(now)s,
    attempts = begun.attempts + 1,
    last_error = NULL
FROM users AS recipient
WHERE begun.id IN (
    SELECT id
    FROM notifications
    WHERE id = ANY(%(ids)s::UUID[])
    FOR UPDATE SKIP LOCKED
)
  AND recipient.id = begun.user_id
  AND begun.status = 'CLAIMED'
  AND begun.claim_id = %(claim_id)s
  AND begun.claimed_until > %(now)s
  AND COALESCE(recipient.email_notifications, true)
  AND COALESCE(recipient.is_active, true)
RETURNING
    begun.id,
    begun.user_id,
    begun.kind,
    begun.happened_at,
    begun.details,
    begun.attempts,
    recipient.email,
    recipient.full_name,
    recipient.timezone;
