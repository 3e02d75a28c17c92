-- Claim the deliveries that are due, in turns: each user's oldest comes before anybody's second. A
-- delivery whose claim has ended is due again: its sender died, and the receiver knows the event by
-- its id. In the quiet time of its channel a delivery waits. That is computed once for a channel.
-- The rows are chosen once (MATERIALIZED), as in claim_notifications.sql.
-- Parameters: claim_id, claimed_until, now, due_until (only what has been due by then), limit (at
-- most so many), per_user (at most so many of one user).
WITH reachable AS MATERIALIZED (
    SELECT channel.id, channel.user_id
    FROM notification_channels AS channel
    JOIN users AS recipient ON recipient.id = channel.user_id
    WHERE channel.is_active
      AND COALESCE(recipient.is_active, true)
      AND (
          channel.quiet_from IS NULL
          OR NOT is_quiet_time(
              channel.quiet_from, channel.quiet_until, recipient.timezone, %(now)s::TIMESTAMPTZ
          )
      )
),
queued AS MATERIALIZED (
    SELECT
        delivery.id,
        delivery.created_at,
        ROW_NUMBER() OVER (
            PARTITION BY channel.user_id ORDER BY delivery.created_at, delivery.id
        ) AS place
    FROM channel_deliveries AS delivery
    JOIN reachable AS channel ON channel.id = delivery.channel_id
    WHERE (delivery.status = 'PENDING' AND delivery.next_try_at <= %(due_until)s)
       OR (delivery.status = 'CLAIMED' AND delivery.claimed_until < %(due_until)s)
),
due AS MATERIALIZED (
    SELECT delivery.id
    FROM queued
    JOIN channel_deliveries AS delivery ON delivery.id = queued.id
    WHERE queued.place <= %(per_user)s
      -- Again, of the row that is locked: another hand may have taken it since
      AND (
          (delivery.status = 'PENDING' AND delivery.next_try_at <= %(due_until)s)
          OR (delivery.status = 'CLAIMED' AND delivery.claimed_until < %(due_until)s)
      )
    ORDER BY queued.place, queued.created_at, queued.id
    LIMIT %(limit)s
    FOR UPDATE OF delivery SKIP LOCKED
)
UPDATE channel_deliveries AS claimed
SET
    status = 'CLAIMED',
    claim_id = %(claim_id)s,
    claimed_until = %(claimed_until)s,
    attempts = claimed.attempts + 1
FROM due, notification_channels AS channel, notifications AS event, users AS recipient
WHERE claimed.id = due.id
  AND channel.id = claimed.channel_id
  AND event.id = claimed.notification_id
  AND recipient.id = channel.user_id
RETURNING
    claimed.id,
    claimed.attempts,
    claimed.channel_id,
    channel.user_id,
    channel.kind AS channel_kind,
    channel.url,
    channel.secret,
    recipient.full_name,
    recipient.timezone,
    event.id AS event_id,
    event.kind,
    event.happened_at,
    event.details;
