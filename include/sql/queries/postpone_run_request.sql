-- Give a claimed request back until its next try. The claim ends now.
-- Parameters: request_id, claim_id, now, next_try_at, reason (or NULL), last_week (NULL: as it is).
UPDATE run_requests
SET
    next_try_at = %(next_try_at)s,
    claimed_until = LEAST(claimed_until, %(now)s),
    reason = %(reason)s,
    last_week = COALESCE(%(last_week)s, last_week)
WHERE id = %(request_id)s
  AND claim_id = %(claim_id)s
  AND status IN ('PENDING', 'ACCEPTED')
RETURNING id;
