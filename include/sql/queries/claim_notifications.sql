-- Take what is due into one hand, oldest first. What another hand took and let lie is due again: it
-- was not begun, or its status would be SENDING.
-- Chosen once: a plan that asked again for each row would skip what it has locked, and take more.
-- Parameters: claim_id, claimed_until, now, limit (at most so many).
WITH due AS MATERIALIZED (
    SELECT id
    FROM notifications
    WHERE (status = 'PENDING' AND next_try_at <= %(now)s)
       OR (status = 'CLAIMED' AND claimed_until < %(now)s)
    ORDER BY created_at, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE notifications AS claimed
SET
    status = 'CLAIMED',
    claim_id = %(claim_id)s,
    claimed_until = %(claimed_until)s
FROM due
WHERE claimed.id = due.id
RETURNING
    claimed.id,
    claimed.user_id,
    claimed.kind,
    claimed.happened_at,
    claimed.details;
