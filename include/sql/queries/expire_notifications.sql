-- End the events that will not be sent: those not sent in time, those of users who want no mail any
-- more, and those whose sender died while the server may have had the mail.
-- Returns the ended events with their statuses.
-- Parameters: now, oldest (events from before are too old).
UPDATE notifications AS queued
SET
    status = CASE
        WHEN queued.status = 'SENDING' THEN 'IN_DOUBT'
        WHEN NOT (
            COALESCE(recipient.email_notifications, true) AND COALESCE(recipient.is_active, true)
        )
            THEN 'UNSUBSCRIBED'
        ELSE 'EXPIRED'
    END,
    last_error = CASE
        WHEN queued.status = 'SENDING'
            THEN 'the sender was lost: whether the server took the mail is not known'
        ELSE queued.last_error
    END
FROM users AS recipient
WHERE recipient.id = queued.user_id
  AND (
      (queued.status = 'SENDING' AND queued.claimed_until < %(now)s)
      OR (
          (
              queued.status = 'PENDING'
              OR (queued.status = 'CLAIMED' AND queued.claimed_until < %(now)s)
          )
          AND (
              queued.created_at < %(oldest)s
              OR NOT COALESCE(recipient.email_notifications, true)
              OR NOT COALESCE(recipient.is_active, true)
          )
      )
  )
RETURNING queued.id, queued.status;
