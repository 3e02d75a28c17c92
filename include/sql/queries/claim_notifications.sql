-- Claim the events that are due, in turns: each user's oldest event comes before anybody's second.
-- So no user waits for another user's thousands. An event whose claim has ended is due again: its
-- mail was not begun, or its status would be SENDING.
-- The rows are chosen once (MATERIALIZED): a plan that chose again for each row would skip the
-- locked ones and claim more.
-- Parameters: claim_id, claimed_until, now, limit (at most so many).
WITH queued AS MATERIALIZED (
    SELECT
        id,
        created_at,
        ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY created_at, id) AS place
    FROM notifications
    WHERE (status = 'PENDING' AND next_try_at <= %(now)s)
       OR (status = 'CLAIMED' AND claimed_until < %(now)s)
),
due AS MATERIALIZED (
    SELECT notification.id
    FROM queued
    JOIN notifications AS notification ON notification.id = queued.id
    -- Again, of the row that is locked: another hand may have taken it since
    WHERE (notification.status = 'PENDING' AND notification.next_try_at <= %(now)s)
       OR (notification.status = 'CLAIMED' AND notification.claimed_until < %(now)s)
    ORDER BY queued.place, queued.created_at, queued.id
    LIMIT %(limit)s
    FOR UPDATE OF notification SKIP LOCKED
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
