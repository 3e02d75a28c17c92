-- Store the outcome of a mail: SENT, FAILED, IN_DOUBT, or PENDING where the server took nothing.
-- Parameters: ids (UUIDs), claim_id, status, next_try_at (or NULL), last_error (or NULL).
UPDATE notifications
SET
    status = %(status)s,
    next_try_at = COALESCE(%(next_try_at)s, next_try_at),
    last_error = %(last_error)s
WHERE id = ANY(%(ids)s::UUID[])
  AND claim_id = %(claim_id)s
  AND status = 'SENDING'
RETURNING id;
