-- Release claimed events whose mail was not begun. They are due again at next_try_at.
-- Rows that a user keeps locked stay claimed: they are due again after the lease.
-- Parameters: ids (UUIDs), claim_id, next_try_at, last_error (NULL: as it is).
UPDATE notifications
SET
    status = 'PENDING',
    next_try_at = %(next_try_at)s,
    last_error = COALESCE(%(last_error)s, last_error)
WHERE id IN (
    SELECT id
    FROM notifications
    WHERE id = ANY(%(ids)s::UUID[])
      AND claim_id = %(claim_id)s
      AND status = 'CLAIMED'
    FOR UPDATE SKIP LOCKED
)
RETURNING id;
