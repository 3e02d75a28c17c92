-- Store that Airflow has answered about a request. The first time and the first number of a
-- backfill stay, so a later try can tell what an earlier one has created.
-- Parameters: request_id, claim_id, accepted_at, last_backfill_id (or NULL).
UPDATE run_requests
SET
    status = 'ACCEPTED',
    accepted_at = COALESCE(accepted_at, %(accepted_at)s),
    last_backfill_id = COALESCE(last_backfill_id, %(last_backfill_id)s)
WHERE id = %(request_id)s
  AND claim_id = %(claim_id)s
  AND status IN ('PENDING', 'ACCEPTED')
RETURNING
    accepted_at,
    last_backfill_id;
