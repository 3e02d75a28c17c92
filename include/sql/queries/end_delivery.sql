-- Store the outcome of a try: SENT, FAILED, or PENDING where it is tried again.
-- A row that its user keeps locked stays claimed: it is due again after the lease.
-- Parameters: delivery_id, claim_id, status, next_try_at (NULL: as it is), last_error (or NULL).
UPDATE channel_deliveries
SET
    status = %(status)s,
    next_try_at = COALESCE(%(next_try_at)s, next_try_at),
    last_error = %(last_error)s
WHERE id IN (
    SELECT id
    FROM channel_deliveries
    WHERE id = %(delivery_id)s
      AND claim_id = %(claim_id)s
      AND status = 'CLAIMED'
    FOR UPDATE SKIP LOCKED
)
RETURNING id;
