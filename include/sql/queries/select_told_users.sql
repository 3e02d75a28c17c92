-- How many mails users have had since a moment, and when the last digest was. One that may have gone
-- out counts. A row is a user who had any.
-- Parameters: user_ids (UUIDs), since.
SELECT
    user_id,
    COUNT(DISTINCT message_id) AS mails,
    MAX(sending_at) FILTER (WHERE is_digest) AS last_digest_at
FROM notifications
WHERE user_id = ANY(%(user_ids)s::UUID[])
  AND sending_at > %(since)s
  AND status IN ('SENDING', 'SENT', 'IN_DOUBT')
GROUP BY user_id;
