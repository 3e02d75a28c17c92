-- Count the mails of users since a time, and read the time of their last digest. A mail that may
-- have gone out counts. A row is a user with such a mail.
-- Parameters: user_ids (UUIDs), since.
SELECT
    user_id,
    COUNT(DISTINCT message_id) AS mails,
    MAX(sending_started_at) FILTER (WHERE is_digest) AS last_digest_at
FROM notifications
WHERE user_id = ANY(%(user_ids)s::UUID[])
  AND sending_started_at > %(since)s
  AND status IN ('SENDING', 'SENT', 'IN_DOUBT')
GROUP BY user_id;
