-- End the deliveries that will not be sent: those not sent in time, and those of channels that are
-- off. A delivery in a sender's hand is left to it.
-- Rows that a user keeps locked are left to a later round.
-- Parameters: now, oldest (deliveries from before are too old).
UPDATE channel_deliveries
SET status = 'EXPIRED'
WHERE id IN (
    SELECT queued.id
    FROM channel_deliveries AS queued
    JOIN notification_channels AS channel ON channel.id = queued.channel_id
    WHERE (
        queued.status = 'PENDING'
        OR (queued.status = 'CLAIMED' AND queued.claimed_until < %(now)s)
    )
      AND (queued.created_at < %(oldest)s OR NOT channel.is_active)
    FOR UPDATE OF queued SKIP LOCKED
)
RETURNING id;
