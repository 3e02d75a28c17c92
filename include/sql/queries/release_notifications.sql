-- Release claimed events whose mail was not begun. They are due again at next_try_at.
-- Parameters: ids (UUIDs), claim_id, next_try_at, last_error (NULL: as it is).
UPDATE notifications
SET
    status = 'PENDING',
    next_try_at = %(next_try_at)s,
    last_error = COALESCE(%(last_error)s, last_error)
WHERE id = ANY(%(ids)s::UUID[])
  AND claim_id = %(claim_id)s
  AND status = 'CLAIMED'
RETURNING id;
