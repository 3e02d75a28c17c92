-- Claim the events that are due, in turns: each user's oldest event comes before anybody's second.
-- So no user waits for another user's thousands. An event whose claim has ended is due again: its
-- mail was not begun, or its status would be SENDING.
-- The rows are chosen once (MATERIALIZED): a plan that chose again for each row would skip the
-- locked ones and claim more.
-- In the quiet time of their channel EMAIL, users get no mails.
-- Parameters: claim_id, claimed_until, now, due_until (only what has been due by then), limit (at
-- most so many).
WITH quiet AS MATERIALIZED (
    SELECT channel.user_id
    FROM notification_channels AS channel
    JOIN users AS recipient ON recipient.id = channel.user_id
    WHERE channel.kind = 'EMAIL'
      AND channel.is_active
      AND channel.quiet_from IS NOT NULL
      AND is_quiet_time(
          channel.quiet_from, channel.quiet_until, recipient.timezone, %(now)s::TIMESTAMPTZ
      )
),
queued AS MATERIALIZED (
    SELECT
        id,
        created_at,
        ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY created_at, id) AS place
    FROM notifications
    WHERE (
        (status = 'PENDING' AND next_try_at <= %(due_until)s)
        OR (status = 'CLAIMED' AND claimed_until < %(due_until)s)
    )
      AND NOT EXISTS (SELECT FROM quiet WHERE quiet.user_id = notifications.user_id)
),
due AS MATERIALIZED (
    SELECT notification.id
    FROM queued
    JOIN notifications AS notification ON notification.id = queued.id
    -- Again, of the row that is locked: another hand may have taken it since
    WHERE (notification.status = 'PENDING' AND notification.next_try_at <= %(due_until)s)
       OR (notification.status = 'CLAIMED' AND notification.claimed_until < %(due_until)s)
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
