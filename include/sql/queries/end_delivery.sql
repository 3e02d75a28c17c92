-- Store the outcome of a try: SENT, FAILED, or PENDING where it is tried again.
-- Parameters: delivery_id, claim_id, status, next_try_at (NULL: as it is), last_error (or NULL).
UPDATE channel_deliveries
SET
    status = %(status)s,
    next_try_at = COALESCE(%(next_try_at)s, next_try_at),
    last_error = %(last_error)s
WHERE id = %(delivery_id)s
  AND claim_id = %(claim_id)s
  AND status = 'CLAIMED'
RETURNING id;
