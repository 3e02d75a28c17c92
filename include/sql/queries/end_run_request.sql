-- End a claimed request as DONE or REFUSED. The claim ends now.
-- Parameters: request_id, claim_id, status, reason, dag_id, dag_run_id, backfill_id (these may be
-- NULL), completed_at.
UPDATE run_requests
SET
    status = %(status)s,
    reason = %(reason)s,
    dag_id = %(dag_id)s,
    dag_run_id = COALESCE(%(dag_run_id)s, dag_run_id),
    backfill_id = %(backfill_id)s,
    completed_at = %(completed_at)s,
    claimed_until = LEAST(claimed_until, %(completed_at)s)
WHERE id = %(request_id)s
  AND claim_id = %(claim_id)s
  AND status IN ('PENDING', 'ACCEPTED')
RETURNING id;
