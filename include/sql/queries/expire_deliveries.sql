-- End the deliveries that will not be sent: those not sent in time, and those of channels that are
-- off. A delivery in a sender's hand is left to it.
-- Parameters: now, oldest (deliveries from before are too old).
UPDATE channel_deliveries AS queued
SET status = 'EXPIRED'
FROM notification_channels AS channel
WHERE channel.id = queued.channel_id
  AND (
      queued.status = 'PENDING'
      OR (queued.status = 'CLAIMED' AND queued.claimed_until < %(now)s)
  )
  AND (queued.created_at < %(oldest)s OR NOT channel.is_active)
RETURNING queued.id;
