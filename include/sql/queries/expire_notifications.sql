-- End the events that will not be sent: those not sent in time, those of users who want no mail any
-- more, and those whose sender died while the server may have had the mail.
-- Rows that a user keeps locked are left to a later round.
-- Returns the ended events with their statuses.
-- Parameters: now, oldest (events from before are too old).
WITH over AS MATERIALIZED (
    SELECT
        queued.id,
        COALESCE(recipient.email_notifications, true)
        AND COALESCE(recipient.is_active, true) AS is_wanted
    FROM notifications AS queued
    JOIN users AS recipient ON recipient.id = queued.user_id
    WHERE (queued.status = 'SENDING' AND queued.claimed_until < %(now)s)
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
    FOR UPDATE OF queued SKIP LOCKED
)
UPDATE notifications AS queued
SET
    status = CASE
        WHEN queued.status = 'SENDING' THEN 'IN_DOUBT'
        WHEN NOT over.is_wanted THEN 'UNSUBSCRIBED'
        ELSE 'EXPIRED'
    END,
    last_error = CASE
        WHEN queued.status = 'SENDING'
            THEN 'the sender was lost: whether the server took the mail is not known'
        ELSE queued.last_error
    END
FROM over
WHERE queued.id = over.id
RETURNING queued.id, queued.status;
